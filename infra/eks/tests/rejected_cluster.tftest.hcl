# Inputs that are refused before anything is asked of AWS: the cluster's.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  budget_alert_emails = ["you@example.com"]
}

run "a_name_that_is_too_long" {
  command = plan

  variables {
    name = "a-name-that-is-much-too-long-for-elasticache"
  }

  expect_failures = [var.name]
}

run "a_name_in_capitals" {
  command = plan

  variables {
    name = "Counter"
  }

  expect_failures = [var.name]
}

run "a_region_that_is_none" {
  command = plan

  variables {
    region = "frankfurt"
  }

  expect_failures = [var.region]
}

run "an_account_that_is_none" {
  command = plan

  variables {
    allowed_account_ids = ["1234"]
  }

  expect_failures = [var.allowed_account_ids]
}

run "an_old_kubernetes" {
  command = plan

  variables {
    kubernetes_version = "1.29"
  }

  expect_failures = [var.kubernetes_version]
}

run "a_patch_version_of_kubernetes" {
  command = plan

  variables {
    kubernetes_version = "1.35.3"
  }

  expect_failures = [var.kubernetes_version]
}

run "a_support_type_that_is_none" {
  command = plan

  variables {
    upgrade_policy = { support_type = "FOREVER" }
  }

  expect_failures = [var.upgrade_policy]
}

run "an_endpoint_for_everybody" {
  command = plan

  variables {
    endpoint_public_access       = true
    endpoint_public_access_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.endpoint_public_access_cidrs]
}

run "an_endpoint_for_half_the_world" {
  command = plan

  variables {
    endpoint_public_access       = true
    endpoint_public_access_cidrs = ["0.0.0.0/1"]
  }

  expect_failures = [var.endpoint_public_access_cidrs]
}

run "a_public_endpoint_without_a_list" {
  command = plan

  variables {
    endpoint_public_access = true
  }

  expect_failures = [var.endpoint_public_access_cidrs]
}

run "a_list_without_a_public_endpoint" {
  command = plan

  variables {
    endpoint_public_access_cidrs = ["203.0.113.7/32"]
  }

  expect_failures = [var.endpoint_public_access_cidrs]
}

run "an_address_without_a_range" {
  command = plan

  variables {
    endpoint_public_access       = true
    endpoint_public_access_cidrs = ["203.0.113.7"]
  }

  expect_failures = [var.endpoint_public_access_cidrs]
}

run "an_access_entry_for_nobody" {
  command = plan

  variables {
    access_entries = { me = { principal_arn = "me" } }
  }

  expect_failures = [var.access_entries]
}

run "an_access_scope_without_namespaces" {
  command = plan

  variables {
    access_entries = {
      me = {
        principal_arn = "arn:aws:iam::111122223333:role/me"
        policy_associations = {
          view = {
            policy_arn   = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
            access_scope = { type = "namespace" }
          }
        }
      }
    }
  }

  expect_failures = [var.access_entries]
}

run "a_retention_that_cloudwatch_does_not_have" {
  command = plan

  variables {
    cloudwatch_log_group_retention_in_days = 8
  }

  expect_failures = [var.cloudwatch_log_group_retention_in_days]
}

run "an_addon_that_is_not_pinned" {
  command = plan

  variables {
    addons = { coredns = { addon_version = "latest" } }
  }

  expect_failures = [var.addons]
}

run "a_kube_proxy_of_another_kubernetes" {
  command = plan

  variables {
    addons = { kube-proxy = { addon_version = "v1.34.1-eksbuild.2" } }
  }

  expect_failures = [var.addons]
}

run "an_addon_whose_configuration_is_no_json" {
  command = plan

  variables {
    addons = { vpc-cni = { addon_version = "v1.21.1-eksbuild.8", configuration_values = "enableNetworkPolicy: true" } }
  }

  expect_failures = [var.addons]
}
