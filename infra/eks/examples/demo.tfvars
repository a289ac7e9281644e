# To try it: the least that runs in three zones. Copy to terraform.tfvars and put your own address and e-mail in.
endpoint_public_access       = true
endpoint_public_access_cidrs = ["203.0.113.7/32"] # curl https://checkip.amazonaws.com
budget_alert_emails          = ["you@example.com"]

single_nat_gateway                     = true
cloudwatch_log_group_retention_in_days = 7
