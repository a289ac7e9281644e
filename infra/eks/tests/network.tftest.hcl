# Three zones, and what a subnet is for.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  budget_alert_emails = ["you@example.com"]
}

run "three_zones_and_one_nat_gateway" {
  command = plan

  assert {
    condition     = keys(aws_subnet.private) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    error_message = "the first three zones of the region"
  }

  assert {
    condition = toset([for subnet in concat(values(aws_subnet.private), values(aws_subnet.public), values(aws_subnet.intra)) : subnet.cidr_block]) == toset([
      "10.0.0.0/20", "10.0.16.0/20", "10.0.32.0/20", "10.0.48.0/24", "10.0.49.0/24", "10.0.50.0/24", "10.0.52.0/24", "10.0.53.0/24", "10.0.54.0/24",
    ])
    error_message = "nine ranges that do not overlap"
  }

  assert {
    condition     = aws_subnet.public["us-east-1a"].tags["kubernetes.io/role/elb"] == "1" && aws_subnet.private["us-east-1a"].tags["kubernetes.io/role/internal-elb"] == "1"
    error_message = "load balancers find their subnets by tag"
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["us-east-1a"] && length(aws_route.private) == 3
    error_message = "one NAT gateway for all"
  }

  assert {
    condition     = length(aws_flow_log.this) == 1 && one(aws_flow_log.this).traffic_type == "REJECT"
    error_message = "what was refused is logged"
  }
}

run "a_nat_gateway_for_each_zone" {
  command = plan

  variables {
    single_nat_gateway = false
    enable_flow_log    = false
    azs                = ["us-east-1b", "us-east-1c", "us-east-1d"]
    vpc_cidr           = "172.20.0.0/18"
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["us-east-1b", "us-east-1c", "us-east-1d"]
    error_message = "a zone depends on no other"
  }

  assert {
    condition     = aws_subnet.private["us-east-1d"].cidr_block == "172.20.8.0/22" && length(aws_flow_log.this) == 0
    error_message = "ranges follow the VPC's"
  }
}
