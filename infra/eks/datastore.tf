# What the managed Redis services have in common: their place in the network, and a user with a password.

locals {
  is_elasticache = contains(["elasticache-serverless", "elasticache-cluster"], var.datastore)
  is_redis       = local.is_elasticache || var.datastore == "memorydb"

  datastore_user = "counter"
  # As the operator has it for Redis of its own: what a counter needs, and nothing dangerous.
  datastore_access = "on ~* -@all +@read +@write +@scripting +@connection -@dangerous +info +wait +cluster|slots +readonly"
}

resource "aws_security_group" "datastore" {
  count = local.is_redis ? 1 : 0

  name        = "${var.name}-datastore"
  description = "The data store: nodes and pods of ${var.name} may connect"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-datastore" }
}

# EKS puts all nodes into the cluster's group, in both node modes.
resource "aws_vpc_security_group_ingress_rule" "datastore" {
  count = local.is_redis ? 1 : 0

  security_group_id            = aws_security_group.datastore[0].id
  description                  = "Redis protocol over TLS, from nodes and pods"
  referenced_security_group_id = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = local.is_serverless ? 6380 : 6379 # serverless answers reads from replicas on the next port
}

resource "aws_secretsmanager_secret" "datastore" {
  #checkov:skip=CKV2_AWS_57:rotated by terraform apply -replace, as docs/eks.md says; a rotation function would have to know ElastiCache's and MemoryDB's users
  count = local.is_redis ? 1 : 0

  name                    = "${var.name}/datastore"
  description             = "Password of the user ${local.datastore_user} of the data store"
  kms_key_id              = aws_kms_key.data.arn
  recovery_window_in_days = var.deletion_protection ? 30 : 0
}

data "aws_secretsmanager_random_password" "datastore" {
  count = local.is_redis ? 1 : 0

  password_length     = 64
  exclude_punctuation = true
}

# The first password stays: each plan reads another, which is ignored. It is in the state too, so the state is encrypted.
resource "aws_secretsmanager_secret_version" "datastore" {
  count = local.is_redis ? 1 : 0

  secret_id     = aws_secretsmanager_secret.datastore[0].id
  secret_string = data.aws_secretsmanager_random_password.datastore[0].random_password

  lifecycle {
    ignore_changes = [secret_string]
  }
}
