# Names and defaults are those of terraform-aws-eks v21 where it has the same variable, so that one can be swapped for
# the other. Where a default differs, the description says why.

variable "name" {
  description = "Name of the cluster, and prefix of the names of all that belongs to it."
  type        = string
  default     = "request-counter"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "name must be 3 to 24 characters, lower case letters, digits and single hyphens, and start with a letter: ElastiCache, IAM and S3 names are made from it."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, such as us-east-1."
  }
}

variable "allowed_account_ids" {
  description = "The only AWS accounts that this may be applied to; null allows any."
  type        = list(string)
  default     = null

  validation {
    condition     = alltrue([for id in coalesce(var.allowed_account_ids, []) : can(regex("^[0-9]{12}$", id))])
    error_message = "allowed_account_ids must be account numbers of 12 digits."
  }
}

variable "tags" {
  description = "Tags of all resources, besides Project, Cluster and ManagedBy."
  type        = map(string)
  default     = {}
}

# Cluster

variable "kubernetes_version" {
  description = "Kubernetes version of the control plane; add-on versions in `addons` belong to it."
  type        = string
  default     = "1.35"

  validation {
    condition     = can(regex("^1\\.(3[3-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version must be a minor version from 1.33 on, such as 1.35."
  }
}

variable "upgrade_policy" {
  description = "STANDARD upgrades the control plane at the end of standard support; EXTENDED stays, for six times the price."
  type        = object({ support_type = optional(string, "STANDARD") })
  default     = {}

  validation {
    condition     = contains(["STANDARD", "EXTENDED"], var.upgrade_policy.support_type)
    error_message = "upgrade_policy.support_type must be STANDARD or EXTENDED."
  }
}

variable "endpoint_public_access" {
  description = "Whether the API server can be reached from the addresses in `endpoint_public_access_cidrs`. Inside the VPC it always can."
  type        = bool
  default     = false
}

variable "endpoint_public_access_cidrs" {
  description = "Who may reach the public endpoint. Empty by default, where terraform-aws-eks allows everybody."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.endpoint_public_access_cidrs : can(cidrnetmask(cidr))])
    error_message = "endpoint_public_access_cidrs must be IPv4 ranges, such as 203.0.113.7/32."
  }

  validation {
    condition     = alltrue([for cidr in var.endpoint_public_access_cidrs : tonumber(split("/", "${cidr}/0")[1]) >= 8])
    error_message = "endpoint_public_access_cidrs must not be wider than /8: the endpoint is not for everybody."
  }

  validation {
    condition     = var.endpoint_public_access == (length(var.endpoint_public_access_cidrs) > 0)
    error_message = "endpoint_public_access_cidrs must be set when endpoint_public_access is true, and empty when it is false."
  }
}

variable "enable_cluster_creator_admin_permissions" {
  description = "Whether whoever applies this becomes an administrator of the cluster. True by default, where terraform-aws-eks has false: nobody else is one."
  type        = bool
  default     = true
}

variable "access_entries" {
  description = "Who else may do what in the cluster: IAM principals with EKS access policies."
  type = map(object({
    principal_arn     = string
    kubernetes_groups = optional(list(string))
    policy_associations = optional(map(object({
      policy_arn = string
      access_scope = object({
        type       = string
        namespaces = optional(list(string))
      })
    })), {})
  }))
  default = {}

  validation {
    condition     = alltrue([for entry in values(var.access_entries) : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", entry.principal_arn))])
    error_message = "access_entries must have the ARN of an IAM role or user as principal_arn."
  }

  validation {
    condition = alltrue(flatten([
      for entry in values(var.access_entries) : [
        for association in values(entry.policy_associations) :
        association.access_scope.type == "cluster" || (association.access_scope.type == "namespace" && length(coalesce(association.access_scope.namespaces, [])) > 0)
      ]
    ]))
    error_message = "access_entries must have an access_scope of type cluster, or of type namespace with at least one of namespaces."
  }
}

variable "deletion_protection" {
  description = "Whether cluster and data store refuse to be deleted."
  type        = bool
  default     = false
}

variable "cloudwatch_log_group_retention_in_days" {
  description = "How long CloudWatch keeps the logs of the control plane, the network and the pods."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.cloudwatch_log_group_retention_in_days)
    error_message = "cloudwatch_log_group_retention_in_days must be a number of days that CloudWatch offers, such as 30, 90 or 365."
  }
}

variable "addons" {
  description = "EKS add-ons with their exact versions. Those that Auto Mode brings along are left out with it."
  type = map(object({
    addon_version        = string
    configuration_values = optional(string)
    before_compute       = optional(bool, false)
  }))
  default = {
    vpc-cni = {
      addon_version        = "v1.21.1-eksbuild.8"
      before_compute       = true
      configuration_values = "{\"enableNetworkPolicy\":\"true\"}"
    }
    kube-proxy                      = { addon_version = "v1.35.3-eksbuild.5", before_compute = true }
    eks-pod-identity-agent          = { addon_version = "v1.3.10-eksbuild.3", before_compute = true }
    coredns                         = { addon_version = "v1.14.2-eksbuild.4" }
    aws-ebs-csi-driver              = { addon_version = "v1.59.0-eksbuild.1" }
    metrics-server                  = { addon_version = "v0.8.1-eksbuild.6" }
    amazon-cloudwatch-observability = { addon_version = "v5.4.0-eksbuild.1" }
  }

  validation {
    condition     = alltrue([for addon in values(var.addons) : can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+-eksbuild\\.[0-9]+$", addon.addon_version))])
    error_message = "addons must have exact versions, such as v1.21.1-eksbuild.8: what is not pinned changes between two applies."
  }

  validation {
    condition     = !contains(keys(var.addons), "kube-proxy") || startswith(try(var.addons["kube-proxy"].addon_version, ""), "v${var.kubernetes_version}.")
    error_message = "addons must have a kube-proxy of the minor version in kubernetes_version."
  }

  validation {
    condition     = alltrue([for addon in values(var.addons) : addon.configuration_values == null || can(jsondecode(addon.configuration_values))])
    error_message = "addons must have JSON in configuration_values."
  }
}
