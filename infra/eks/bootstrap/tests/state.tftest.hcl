# Where the state goes, and that it is guarded.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::request-counter-state-mock" }
  }
}

run "the_backend_locks_by_a_file" {
  command = plan

  assert {
    condition     = strcontains(output.backend, "bucket       = \"request-counter-state-111122223333-us-east-1\"") && strcontains(output.backend, "use_lockfile = true")
    error_message = "what is printed is a complete backend.hcl"
  }

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled" && aws_s3_bucket_public_access_block.state.restrict_public_buckets
    error_message = "the state has versions, and can never be public"
  }
}

run "a_region_that_is_none" {
  command = plan

  variables {
    region = "frankfurt"
  }

  expect_failures = [var.region]
}

run "a_name_that_no_bucket_can_have" {
  command = plan

  variables {
    name = "Counter"
  }

  expect_failures = [var.name]
}
