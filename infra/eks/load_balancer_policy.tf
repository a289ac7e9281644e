# What the AWS Load Balancer Controller 3.5 may do. It is the controller's own policy, docs/install/iam_policy.json at
# v3.5.0, with less in it: it changes only what carries this cluster's tag, in this account and region, and has no rights
# for Cognito, WAF, Shield, IAM certificates and customer-owned addresses, which counters do not use.

locals {
  in_region = "${var.region}:${local.account_id}"
  elb       = "arn:${local.partition}:elasticloadbalancing:${local.in_region}"
  groups    = "arn:${local.partition}:ec2:${local.in_region}:security-group/*"

  balancers     = ["${local.elb}:loadbalancer/app/*/*", "${local.elb}:loadbalancer/net/*/*"]
  target_groups = ["${local.elb}:targetgroup/*/*"]
  listeners     = ["${local.elb}:listener/app/*/*/*", "${local.elb}:listener/net/*/*/*", "${local.elb}:listener-rule/app/*/*/*", "${local.elb}:listener-rule/net/*/*/*"]

  asks_for_our_tag = { StringEquals = { "aws:RequestTag/elbv2.k8s.aws/cluster" = var.name } }
  has_our_tag      = { StringEquals = { "aws:ResourceTag/elbv2.k8s.aws/cluster" = var.name } }

  load_balancer_statements = [
    {
      Sid    = "Look"
      Effect = "Allow"
      Action = [
        "acm:DescribeCertificate",
        "acm:ListCertificates",
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeAddresses",
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeInstances",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeTags",
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpcs",
        "ec2:GetSecurityGroupsForVpc",
        "elasticloadbalancing:DescribeCapacityReservation",
        "elasticloadbalancing:DescribeListenerAttributes",
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeSSLPolicies",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:DescribeTrustStores",
      ]
      Resource = "*" # AWS has no narrower one for these: they list
    },
    {
      Sid       = "FirstLoadBalancerOfTheAccount"
      Effect    = "Allow"
      Action    = ["iam:CreateServiceLinkedRole"]
      Resource  = "arn:${local.partition}:iam::${local.account_id}:role/aws-service-role/elasticloadbalancing.amazonaws.com/*"
      Condition = { StringEquals = { "iam:AWSServiceName" = "elasticloadbalancing.amazonaws.com" } }
    },
    {
      Sid       = "MakeSecurityGroups"
      Effect    = "Allow"
      Action    = ["ec2:CreateSecurityGroup"]
      Resource  = local.groups
      Condition = local.asks_for_our_tag
    },
    {
      Sid      = "MakeThemInThisVpc"
      Effect   = "Allow"
      Action   = ["ec2:CreateSecurityGroup"]
      Resource = aws_vpc.this.arn
    },
    {
      Sid      = "TagThemWhileMakingThem"
      Effect   = "Allow"
      Action   = ["ec2:CreateTags"]
      Resource = local.groups
      Condition = {
        StringEquals = { "aws:RequestTag/elbv2.k8s.aws/cluster" = var.name, "ec2:CreateAction" = "CreateSecurityGroup" }
      }
    },
    {
      Sid       = "ChangeOwnSecurityGroups"
      Effect    = "Allow"
      Action    = ["ec2:CreateTags", "ec2:DeleteTags", "ec2:DeleteSecurityGroup"]
      Resource  = local.groups
      Condition = local.has_our_tag
    },
    {
      # The nodes' group is EKS's and has no tag of the controller: its rules are opened for load balancers, in this VPC.
      Sid       = "OpenGroupsOfThisVpc"
      Effect    = "Allow"
      Action    = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
      Resource  = local.groups
      Condition = { ArnEquals = { "ec2:Vpc" = aws_vpc.this.arn } }
    },
    {
      Sid       = "MakeLoadBalancers"
      Effect    = "Allow"
      Action    = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
      Resource  = concat(local.balancers, local.target_groups)
      Condition = local.asks_for_our_tag
    },
    {
      Sid      = "TagThoseWhileMakingThem"
      Effect   = "Allow"
      Action   = ["elasticloadbalancing:AddTags"]
      Resource = concat(local.balancers, local.target_groups)
      Condition = {
        StringEquals = {
          "aws:RequestTag/elbv2.k8s.aws/cluster" = var.name
          "elasticloadbalancing:CreateAction"    = ["CreateTargetGroup", "CreateLoadBalancer"]
        }
      }
    },
    {
      Sid    = "ChangeOwnLoadBalancers"
      Effect = "Allow"
      Action = [
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
        "elasticloadbalancing:RegisterTargets",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetIpAddressType",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
      ]
      Resource  = concat(local.balancers, local.target_groups)
      Condition = local.has_our_tag
    },
    {
      # Listeners and rules get their tags in the same call that makes them, so no condition can ask for them.
      Sid    = "ChangeListeners"
      Effect = "Allow"
      Action = [
        "elasticloadbalancing:AddListenerCertificates",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyListenerAttributes",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:RemoveListenerCertificates",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetRulePriorities",
      ]
      Resource = local.listeners
    },
  ]
}
