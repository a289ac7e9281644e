# Named as in terraform-aws-vpc, but for vpc_cidr, which is cidr there.

variable "vpc_cidr" {
  description = "Addresses of the VPC. Each zone gets a sixteenth for nodes and pods, and a 256th each for load balancers and for control plane and data store."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.vpc_cidr)[1]), 99) <= 19
    error_message = "vpc_cidr must be an IPv4 range between /16 and /19: each pod has an address of its own."
  }
}

variable "azs" {
  description = "The three zones; the region's first three by default."
  type        = list(string)
  default     = null

  validation {
    condition     = var.azs == null || length(distinct(coalesce(var.azs, []))) == 3
    error_message = "azs must be three different zones: Sentinel and Redis Cluster need three places to agree."
  }
}

variable "single_nat_gateway" {
  description = "One NAT gateway for all zones: a third of the price, and without its zone nodes cannot pull images."
  type        = bool
  default     = true
}

variable "enable_flow_log" {
  description = "Whether the VPC's rejected connections are logged."
  type        = bool
  default     = true
}
