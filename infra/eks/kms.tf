# Two keys: one for what the control plane keeps and logs, one for what the counters do. In the policy of a key the
# resource "*" is the key itself; without the first statement nobody could ever change it.

locals {
  key_administration = {
    Sid       = "AccountDecidesByIam"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }

  # Log groups of this cluster only.
  key_for_logs = {
    Sid       = "CloudWatchLogsOfThisCluster"
    Effect    = "Allow"
    Principal = { Service = "logs.${var.region}.amazonaws.com" }
    Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:DescribeKey"]
    Resource  = "*"
    Condition = {
      ArnEquals = { "kms:EncryptionContext:aws:logs:arn" = [for name in local.log_group_names : "arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:${name}"] }
    }
  }
}

resource "aws_kms_key" "cluster" {
  description             = "${var.name}: Kubernetes Secrets and logs"
  enable_key_rotation     = true
  deletion_window_in_days = 7

  policy = jsonencode({ Version = "2012-10-17", Statement = [local.key_administration, local.key_for_logs] })
}

resource "aws_kms_alias" "cluster" {
  name          = "alias/eks/${var.name}"
  target_key_id = aws_kms_key.cluster.key_id
}

resource "aws_kms_key" "data" {
  description             = "${var.name}: images, data store and its password, backups"
  enable_key_rotation     = true
  deletion_window_in_days = 7

  policy = jsonencode({ Version = "2012-10-17", Statement = [local.key_administration] })
}

resource "aws_kms_alias" "data" {
  name          = "alias/${var.name}/data"
  target_key_id = aws_kms_key.data.key_id
}
