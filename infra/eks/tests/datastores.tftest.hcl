# Each data store: what is made for it, what is not, and what a RequestCounter is told of it.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  budget_alert_emails = ["you@example.com"]
}

run "in_cluster_makes_no_data_store" {
  command = plan

  assert {
    condition = 0 == sum([
      length(aws_elasticache_serverless_cache.this), length(aws_elasticache_replication_group.this), length(aws_memorydb_cluster.this),
      length(aws_dynamodb_table.counts), length(aws_security_group.datastore), length(aws_secretsmanager_secret.datastore),
    ])
    error_message = "in-cluster Redis needs nothing of AWS but volumes"
  }

  assert {
    condition     = output.datastore_url == null && output.datastore_secret == null && output.datastore_table == null
    error_message = "there is no address to tell"
  }
}

run "elasticache_serverless" {
  command = plan

  variables {
    datastore          = "elasticache-serverless"
    cache_usage_limits = { data_storage_gb = 2, ecpu_per_second = 5000 }
  }

  assert {
    condition     = one(aws_elasticache_serverless_cache.this).engine == "valkey" && one(aws_elasticache_serverless_cache.this).kms_key_id == aws_kms_key.data.arn
    error_message = "it is Valkey, encrypted with our key"
  }

  assert {
    condition     = one(one(aws_elasticache_serverless_cache.this).cache_usage_limits[0].data_storage).maximum == 2 && one(one(aws_elasticache_serverless_cache.this).cache_usage_limits[0].ecpu_per_second).maximum == 5000
    error_message = "what it may cost is bounded"
  }

  assert {
    condition     = output.datastore_url == "rediss+cluster://counter@request-counter-mock.serverless.use1.cache.amazonaws.com:6379"
    error_message = "its address is told, as that of a cluster"
  }

  assert {
    condition     = one(aws_vpc_security_group_ingress_rule.datastore).to_port == 6380
    error_message = "reads from replicas have a port of their own"
  }
}

run "elasticache_with_one_shard_is_no_cluster" {
  command = plan

  variables {
    datastore = "elasticache-cluster"
  }

  assert {
    condition     = one(aws_elasticache_replication_group.this).cluster_mode == "disabled" && one(aws_elasticache_replication_group.this).num_cache_clusters == 2
    error_message = "one shard is a primary and its replica"
  }

  assert {
    condition     = one(aws_elasticache_replication_group.this).transit_encryption_mode == "required" && one(aws_elasticache_replication_group.this).multi_az_enabled && one(aws_elasticache_replication_group.this).automatic_failover_enabled
    error_message = "it is reached by TLS only, and fails over to another zone"
  }

  assert {
    condition     = contains([for parameter in one(aws_elasticache_parameter_group.this).parameter : "${parameter.name}=${parameter.value}"], "maxmemory-policy=noeviction")
    error_message = "counts are never evicted"
  }

  assert {
    condition     = output.datastore_url == "rediss://counter@master.request-counter.mock.use1.cache.amazonaws.com:6379"
    error_message = "the address follows the primary"
  }

  assert {
    condition     = output.datastore_secret == "request-counter/datastore"
    error_message = "an ExternalSecret is told the secret's name"
  }
}

run "elasticache_with_shards_is_a_cluster" {
  command = plan

  variables {
    datastore           = "elasticache-cluster"
    datastore_node_type = "cache.r7g.large"
    datastore_shards    = 3
    datastore_replicas  = 2
  }

  assert {
    condition     = one(aws_elasticache_replication_group.this).cluster_mode == "enabled" && one(aws_elasticache_replication_group.this).num_node_groups == 3 && one(aws_elasticache_replication_group.this).replicas_per_node_group == 2
    error_message = "three shards with two replicas each"
  }

  assert {
    condition     = one(aws_elasticache_replication_group.this).node_type == "cache.r7g.large"
    error_message = "the node type is the user's"
  }

  assert {
    condition     = output.datastore_url == "rediss+cluster://counter@clustercfg.request-counter.mock.use1.cache.amazonaws.com:6379"
    error_message = "its address knows all shards, and is told as that of a cluster"
  }
}

run "memorydb" {
  command = plan

  variables {
    datastore           = "memorydb"
    deletion_protection = true
  }

  assert {
    condition     = one(aws_memorydb_cluster.this).tls_enabled && one(aws_memorydb_cluster.this).num_replicas_per_shard == 1 && one(aws_memorydb_cluster.this).final_snapshot_name == "request-counter-final"
    error_message = "it is reached by TLS, has a replica, and leaves a snapshot when it is protected"
  }

  assert {
    condition     = output.datastore_url == "rediss+cluster://request-counter-counter@clustercfg.request-counter.mock.memorydb.us-east-1.amazonaws.com:6379"
    error_message = "its address is told, as that of a cluster"
  }

  assert {
    condition     = length(aws_elasticache_user.counter) == 0
    error_message = "its users are its own"
  }
}

run "dynamodb" {
  command = plan

  variables {
    datastore                = "dynamodb"
    counter_service_accounts = [{ namespace = "shop", service_account = "clicks" }]
  }

  assert {
    condition     = one(aws_dynamodb_table.counts).billing_mode == "PAY_PER_REQUEST" && one(aws_dynamodb_table.counts).point_in_time_recovery[0].enabled && output.datastore_table == "request-counter-counts"
    error_message = "a table that is paid for by use, and can be taken back in time"
  }

  assert {
    condition     = aws_eks_pod_identity_association.this["counter-shop-clicks"].namespace == "shop" && aws_eks_pod_identity_association.this["counter-shop-clicks"].service_account == "clicks"
    error_message = "the counter's pods may use it"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.pod["counter-shop-clicks"].policy).Statement[0].Resource == one(aws_dynamodb_table.counts).arn
    error_message = "this table, and no other"
  }
}
