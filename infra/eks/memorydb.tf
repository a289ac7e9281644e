# MemoryDB for Valkey: an acknowledged write is in a log in several zones, and survives a failover. Always in cluster mode.

locals {
  is_memorydb = var.datastore == "memorydb"
}

resource "aws_memorydb_user" "counter" {
  count = local.is_memorydb ? 1 : 0

  user_name     = "${var.name}-${local.datastore_user}"
  access_string = local.datastore_access

  authentication_mode {
    type      = "password"
    passwords = [aws_secretsmanager_secret_version.datastore[0].secret_string]
  }
}

resource "aws_memorydb_acl" "counter" {
  count = local.is_memorydb ? 1 : 0

  name       = var.name
  user_names = [aws_memorydb_user.counter[0].user_name]
}

resource "aws_memorydb_subnet_group" "this" {
  count = local.is_memorydb ? 1 : 0

  name       = var.name
  subnet_ids = [for subnet in aws_subnet.intra : subnet.id]
}

resource "aws_memorydb_cluster" "this" {
  count = local.is_memorydb ? 1 : 0

  name                       = var.name
  description                = "Counts of ${var.name}"
  engine                     = "valkey"
  engine_version             = "7.3"
  node_type                  = coalesce(var.datastore_node_type, "db.t4g.small")
  port                       = 6379
  num_shards                 = var.datastore_shards
  num_replicas_per_shard     = var.datastore_replicas
  acl_name                   = aws_memorydb_acl.counter[0].name
  subnet_group_name          = aws_memorydb_subnet_group.this[0].name
  security_group_ids         = [aws_security_group.datastore[0].id]
  tls_enabled                = true
  kms_key_arn                = aws_kms_key.data.arn
  snapshot_retention_limit   = var.snapshot_retention_limit
  auto_minor_version_upgrade = true
  final_snapshot_name        = var.deletion_protection ? "${var.name}-final" : null
}
