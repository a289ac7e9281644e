variable "compute_config" {
  description = "EKS Auto Mode: AWS runs nodes, network, volumes and load balancers. Without it the groups in `eks_managed_node_groups` are the nodes."
  type = object({
    enabled    = optional(bool, false)
    node_pools = optional(list(string), ["general-purpose", "system"])
  })
  default = {}

  validation {
    condition     = !var.compute_config.enabled || length(var.compute_config.node_pools) > 0
    error_message = "compute_config.node_pools must name a node pool when compute_config.enabled is true: pods have no other place."
  }

  validation {
    condition     = alltrue([for pool in var.compute_config.node_pools : contains(["general-purpose", "system"], pool)])
    error_message = "compute_config.node_pools must be of general-purpose and system: EKS has no others of its own."
  }
}

variable "eks_managed_node_groups" {
  description = "Managed node groups, in all three zones. Without meaning in Auto Mode."
  type = map(object({
    ami_type       = optional(string, "AL2023_x86_64_STANDARD")
    instance_types = optional(list(string), ["m6a.large"])
    capacity_type  = optional(string, "ON_DEMAND")
    min_size       = optional(number, 3)
    max_size       = optional(number, 6)
    desired_size   = optional(number, 3)
    disk_size      = optional(number, 40)
    labels         = optional(map(string), {})
    taints = optional(map(object({
      key    = string
      value  = optional(string)
      effect = string
    })), {})
  }))
  default = { default = {} }

  validation {
    condition     = var.compute_config.enabled || length(var.eks_managed_node_groups) > 0
    error_message = "eks_managed_node_groups must have a group when compute_config.enabled is false: pods have no other place."
  }

  validation {
    condition     = alltrue([for group in values(var.eks_managed_node_groups) : contains(["ON_DEMAND", "SPOT"], group.capacity_type)])
    error_message = "eks_managed_node_groups must have ON_DEMAND or SPOT as capacity_type."
  }

  validation {
    condition     = alltrue([for group in values(var.eks_managed_node_groups) : group.min_size <= group.desired_size && group.desired_size <= group.max_size])
    error_message = "eks_managed_node_groups must have min_size <= desired_size <= max_size."
  }

  validation {
    condition     = alltrue([for group in values(var.eks_managed_node_groups) : group.disk_size >= 20])
    error_message = "eks_managed_node_groups must have a disk_size of at least 20 GiB: images and logs are on it."
  }
}
