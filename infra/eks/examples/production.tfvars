# To rely on it: nothing that one zone could take down, and nothing that one command could delete.
endpoint_public_access = false # through a VPN or a peered network
deletion_protection    = true
budget_limit_usd       = 1500
budget_alert_emails    = ["you@example.com"]

single_nat_gateway                     = false
cloudwatch_log_group_retention_in_days = 365

eks_managed_node_groups = {
  default = {
    instance_types = ["m6a.xlarge"]
    min_size       = 3
    desired_size   = 3
    max_size       = 12
  }
}
