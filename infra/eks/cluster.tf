# The control plane. Nothing is installed that is not listed in addons.tf, and nobody is let in who is not in access.tf.

resource "aws_eks_cluster" "this" {
  #checkov:skip=CKV_AWS_38:the variable endpoint_public_access_cidrs refuses 0.0.0.0/0, and anything wider than /8
  #checkov:skip=CKV_AWS_39:public access is off by default, and needs an allow-list
  name                          = var.name
  version                       = var.kubernetes_version
  role_arn                      = aws_iam_role.cluster.arn
  enabled_cluster_log_types     = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
  bootstrap_self_managed_addons = false
  deletion_protection           = var.deletion_protection

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false # an access entry says so instead, where it can be seen
  }

  vpc_config {
    subnet_ids              = [for subnet in local.cluster_subnets : subnet.id]
    endpoint_private_access = true
    endpoint_public_access  = var.endpoint_public_access
    public_access_cidrs     = var.endpoint_public_access ? var.endpoint_public_access_cidrs : null
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = aws_kms_key.cluster.arn
    }
  }

  upgrade_policy {
    support_type = var.upgrade_policy.support_type
  }

  # Auto Mode is these three together; AWS refuses one without the others.
  compute_config {
    enabled       = var.compute_config.enabled
    node_pools    = var.compute_config.enabled ? var.compute_config.node_pools : null
    node_role_arn = var.compute_config.enabled ? aws_iam_role.node.arn : null
  }

  kubernetes_network_config {
    ip_family = "ipv4"

    elastic_load_balancing {
      enabled = var.compute_config.enabled
    }
  }

  storage_config {
    block_storage {
      enabled = var.compute_config.enabled
    }
  }

  depends_on = [
    aws_cloudwatch_log_group.this,
    aws_iam_role_policy.cluster_key,
    aws_iam_role_policy_attachment.cluster,
  ]
}

locals {
  # Auto Mode starts its nodes where the cluster is, so that must have a way to the registry.
  cluster_subnets = var.compute_config.enabled ? aws_subnet.private : aws_subnet.intra

  cluster_policies = concat(["AmazonEKSClusterPolicy"], var.compute_config.enabled ? [
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
  ] : [])
}

resource "aws_iam_role" "cluster" {
  name = "${var.name}-cluster"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"] # Auto Mode tags its sessions
    }]
  })
}

resource "aws_iam_role_policy_attachment" "cluster" {
  for_each = toset(local.cluster_policies)

  role       = aws_iam_role.cluster.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/${each.key}"
}

resource "aws_iam_role_policy" "cluster_key" {
  name = "use-cluster-key"
  role = aws_iam_role.cluster.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey", "kms:ListGrants"]
      Resource = aws_kms_key.cluster.arn
    }]
  })
}
