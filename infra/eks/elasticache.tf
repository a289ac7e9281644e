# ElastiCache for Valkey: serverless, or a replication group. Both lose the last moments of counts at a failover: AWS
# gives no append-only file to wait for. Where that matters, in-cluster Redis or MemoryDB is the choice.

locals {
  is_serverless        = var.datastore == "elasticache-serverless"
  is_replication_group = var.datastore == "elasticache-cluster"
  cluster_mode         = var.datastore_shards > 1
}

resource "aws_elasticache_user" "counter" {
  count = local.is_elasticache ? 1 : 0

  user_id       = "${var.name}-counter"
  user_name     = local.datastore_user
  engine        = "valkey"
  access_string = local.datastore_access

  authentication_mode {
    type      = "password"
    passwords = [aws_secretsmanager_secret_version.datastore[0].secret_string]
  }
}

resource "aws_elasticache_user_group" "counter" {
  count = local.is_elasticache ? 1 : 0

  user_group_id = var.name
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.counter[0].user_id]
}

resource "aws_elasticache_serverless_cache" "this" {
  count = local.is_serverless ? 1 : 0

  name                     = var.name
  description              = "Counts of ${var.name}"
  engine                   = "valkey"
  major_engine_version     = "8"
  kms_key_id               = aws_kms_key.data.arn
  subnet_ids               = [for subnet in aws_subnet.intra : subnet.id]
  security_group_ids       = [aws_security_group.datastore[0].id]
  user_group_id            = aws_elasticache_user_group.counter[0].user_group_id
  snapshot_retention_limit = var.snapshot_retention_limit

  cache_usage_limits {
    data_storage {
      maximum = var.cache_usage_limits.data_storage_gb
      unit    = "GB"
    }

    ecpu_per_second {
      maximum = var.cache_usage_limits.ecpu_per_second
    }
  }
}

resource "aws_elasticache_subnet_group" "this" {
  count = local.is_replication_group ? 1 : 0

  name       = var.name
  subnet_ids = [for subnet in aws_subnet.intra : subnet.id]
}

# A full store must refuse counts, never forget any. AWS's default would evict what each writer has acknowledged last,
# and with it the knowledge that a batch was counted already.
resource "aws_elasticache_parameter_group" "this" {
  count = local.is_replication_group ? 1 : 0

  name        = "${var.name}-valkey8"
  family      = "valkey8"
  description = "Counts are never evicted"

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }

  dynamic "parameter" {
    for_each = local.cluster_mode ? ["yes"] : []

    content {
      name  = "cluster-enabled"
      value = parameter.value
    }
  }
}

resource "aws_elasticache_replication_group" "this" {
  count = local.is_replication_group ? 1 : 0

  replication_group_id       = var.name
  description                = "Counts of ${var.name}"
  engine                     = "valkey"
  engine_version             = "8.1"
  node_type                  = coalesce(var.datastore_node_type, "cache.t4g.small")
  parameter_group_name       = aws_elasticache_parameter_group.this[0].name
  port                       = 6379
  cluster_mode               = local.cluster_mode ? "enabled" : "disabled"
  num_cache_clusters         = local.cluster_mode ? null : 1 + var.datastore_replicas
  num_node_groups            = local.cluster_mode ? var.datastore_shards : null
  replicas_per_node_group    = local.cluster_mode ? var.datastore_replicas : null
  automatic_failover_enabled = true
  multi_az_enabled           = true
  subnet_group_name          = aws_elasticache_subnet_group.this[0].name
  security_group_ids         = [aws_security_group.datastore[0].id]
  user_group_ids             = [aws_elasticache_user_group.counter[0].user_group_id]
  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  kms_key_id                 = aws_kms_key.data.arn
  snapshot_retention_limit   = var.snapshot_retention_limit
  auto_minor_version_upgrade = true
  apply_immediately          = true
  final_snapshot_identifier  = var.deletion_protection ? "${var.name}-final" : null

  lifecycle {
    postcondition {
      condition     = self.transit_encryption_enabled && self.automatic_failover_enabled
      error_message = "The replication group must be encrypted in transit and fail over by itself."
    }
  }
}
