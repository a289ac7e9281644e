# Inputs that are refused before anything is asked of AWS: those of network, nodes, data store and bill.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  budget_alert_emails = ["you@example.com"]
}

run "a_vpc_that_is_too_small" {
  command = plan

  variables {
    vpc_cidr = "10.0.0.0/24"
  }

  expect_failures = [var.vpc_cidr]
}

run "a_vpc_that_is_no_range" {
  command = plan

  variables {
    vpc_cidr = "10.0.0.0"
  }

  expect_failures = [var.vpc_cidr]
}

run "two_zones" {
  command = plan

  variables {
    azs = ["us-east-1a", "us-east-1b"]
  }

  expect_failures = [var.azs]
}

run "the_same_zone_twice" {
  command = plan

  variables {
    azs = ["us-east-1a", "us-east-1b", "us-east-1a"]
  }

  expect_failures = [var.azs]
}

run "auto_mode_without_a_pool" {
  command = plan

  variables {
    compute_config = { enabled = true, node_pools = [] }
  }

  expect_failures = [var.compute_config]
}

run "a_pool_that_auto_mode_does_not_have" {
  command = plan

  variables {
    compute_config = { enabled = true, node_pools = ["gpu"] }
  }

  expect_failures = [var.compute_config]
}

run "no_nodes_at_all" {
  command = plan

  variables {
    eks_managed_node_groups = {}
  }

  expect_failures = [var.eks_managed_node_groups]
}

run "a_capacity_that_is_none" {
  command = plan

  variables {
    eks_managed_node_groups = { default = { capacity_type = "CHEAP" } }
  }

  expect_failures = [var.eks_managed_node_groups]
}

run "more_nodes_wanted_than_allowed" {
  command = plan

  variables {
    eks_managed_node_groups = { default = { desired_size = 7, max_size = 6 } }
  }

  expect_failures = [var.eks_managed_node_groups]
}

run "a_disk_that_is_too_small" {
  command = plan

  variables {
    eks_managed_node_groups = { default = { disk_size = 8 } }
  }

  expect_failures = [var.eks_managed_node_groups]
}

run "a_data_store_that_is_none" {
  command = plan

  variables {
    datastore = "mysql"
  }

  expect_failures = [var.datastore]
}

run "a_node_type_without_nodes" {
  command = plan

  variables {
    datastore           = "dynamodb"
    datastore_node_type = "cache.t4g.small"
  }

  expect_failures = [var.datastore_node_type]
}

run "a_node_type_of_the_other_service" {
  command = plan

  variables {
    datastore           = "memorydb"
    datastore_node_type = "cache.t4g.small"
  }

  expect_failures = [var.datastore_node_type]
}

run "more_shards_than_a_counter_has" {
  command = plan

  variables {
    datastore_shards = 65
  }

  expect_failures = [var.datastore_shards]
}

run "half_a_shard" {
  command = plan

  variables {
    datastore_shards = 1.5
  }

  expect_failures = [var.datastore_shards]
}

run "a_shard_without_replica" {
  command = plan

  variables {
    datastore_replicas = 0
  }

  expect_failures = [var.datastore_replicas]
}

run "a_cache_that_cannot_hold_anything" {
  command = plan

  variables {
    cache_usage_limits = { data_storage_gb = 0 }
  }

  expect_failures = [var.cache_usage_limits]
}

run "a_cache_that_is_too_slow" {
  command = plan

  variables {
    cache_usage_limits = { ecpu_per_second = 10 }
  }

  expect_failures = [var.cache_usage_limits]
}

run "no_snapshots" {
  command = plan

  variables {
    snapshot_retention_limit = 0
  }

  expect_failures = [var.snapshot_retention_limit]
}

run "a_counter_that_cannot_be_named_so" {
  command = plan

  variables {
    counter_service_accounts = [{ namespace = "default", service_account = "Hits" }]
  }

  expect_failures = [var.counter_service_accounts]
}

run "backups_that_do_not_stay" {
  command = plan

  variables {
    backup_retention_in_days = 0
  }

  expect_failures = [var.backup_retention_in_days]
}

run "a_budget_of_nothing" {
  command = plan

  variables {
    budget_limit_usd = 0
  }

  expect_failures = [var.budget_limit_usd]
}

run "an_address_that_is_no_e_mail" {
  command = plan

  variables {
    budget_alert_emails = ["nobody"]
  }

  expect_failures = [var.budget_alert_emails]
}
