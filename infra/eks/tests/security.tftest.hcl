# Who may do what, and what is encrypted: promises of docs/eks.md.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  budget_alert_emails = ["you@example.com"]
}

run "the_api_is_private" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "by default only the VPC reaches the API server"
  }

  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && keys(aws_eks_access_entry.this) == ["creator"] && aws_eks_access_entry.this["creator"].principal_arn == "arn:aws:iam::111122223333:role/platform"
    error_message = "whoever applies is the only administrator, by an access entry"
  }

  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5 && aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == aws_kms_key.cluster.arn
    error_message = "everything is logged, and Secrets are encrypted with our key"
  }

  assert {
    condition     = aws_eks_cluster.this.upgrade_policy[0].support_type == "STANDARD" && !aws_eks_cluster.this.bootstrap_self_managed_addons
    error_message = "no extended support by accident, and no add-on that is not listed"
  }
}

run "the_api_is_public_for_some" {
  command = plan

  variables {
    endpoint_public_access       = true
    endpoint_public_access_cidrs = ["203.0.113.7/32"]
    access_entries = {
      viewers = {
        principal_arn = "arn:aws:iam::111122223333:role/viewers"
        policy_associations = {
          view = {
            policy_arn   = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
            access_scope = { type = "namespace", namespaces = ["default"] }
          }
        }
      }
    }
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["203.0.113.7/32"])
    error_message = "only the allow-list"
  }

  assert {
    condition     = aws_eks_access_policy_association.this["viewers/view"].access_scope[0].namespaces == toset(["default"]) && toset(keys(aws_eks_access_entry.this)) == toset(["creator", "viewers"])
    error_message = "others have what their entry says"
  }
}

run "every_policy_is_narrow" {
  command = plan

  variables {
    datastore = "dynamodb"
  }

  assert {
    condition = [] == flatten([
      for name, policy in merge(aws_iam_role_policy.pod, { cluster = aws_iam_role_policy.cluster_key, flow_log = one(aws_iam_role_policy.flow_log) }) : [
        for statement in jsondecode(policy.policy).Statement : "${name}: ${join(", ", flatten([statement.Action]))}"
        if anytrue([for action in flatten([statement.Action]) : strcontains(action, "*")])
      ]
    ])
    error_message = "no action is a wildcard"
  }

  assert {
    condition = ["load-balancer-controller: Look"] == flatten([
      for name, policy in aws_iam_role_policy.pod : [
        for statement in jsondecode(policy.policy).Statement : "${name}: ${try(statement.Sid, "")}"
        if contains(flatten([statement.Resource]), "*")
      ]
    ])
    error_message = "only listing is allowed for all resources"
  }

  assert {
    condition = alltrue([
      for name, role in aws_iam_role.pod :
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["aws:RequestTag/kubernetes-service-account"] == local.pods[name].service_account
      && jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["aws:RequestTag/eks-cluster-arn"] == "arn:aws:eks:us-east-1:111122223333:cluster/request-counter"
    ])
    error_message = "each role is for one service account of this cluster"
  }
}

run "images_and_backups" {
  command = plan

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push])
    error_message = "a tag is never another image, and each is scanned"
  }

  assert {
    condition     = output.backup_bucket == "request-counter-backup-111122223333-us-east-1" && aws_s3_bucket_public_access_block.backup.block_public_policy
    error_message = "backups have a bucket that can never be public"
  }
}

run "nobody_is_told_of_costs" {
  command = plan

  variables {
    budget_alert_emails = []
  }

  expect_failures = [check.budget]
}
