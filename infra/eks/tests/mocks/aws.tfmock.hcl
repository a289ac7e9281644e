# What AWS would answer, where its form matters: the real provider refuses an ARN that is none, also in a test.

mock_data "aws_availability_zones" {
  defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"] }
}

mock_data "aws_caller_identity" {
  defaults = { account_id = "111122223333", arn = "arn:aws:sts::111122223333:assumed-role/platform/session" }
}

mock_data "aws_iam_session_context" {
  defaults = { issuer_arn = "arn:aws:iam::111122223333:role/platform" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
}

mock_data "aws_secretsmanager_random_password" {
  defaults = { random_password = "a-password-of-the-mock-provider-only" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:us-east-1:111122223333:log-group:mock" }
}

mock_resource "aws_dynamodb_table" {
  defaults = { arn = "arn:aws:dynamodb:us-east-1:111122223333:table/request-counter-counts" }
}

mock_resource "aws_ecr_repository" {
  defaults = {
    arn            = "arn:aws:ecr:us-east-1:111122223333:repository/mock"
    repository_url = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mock"
  }
}

mock_resource "aws_elasticache_replication_group" {
  defaults = {
    primary_endpoint_address       = "master.request-counter.mock.use1.cache.amazonaws.com"
    configuration_endpoint_address = "clustercfg.request-counter.mock.use1.cache.amazonaws.com"
  }
}

mock_resource "aws_elasticache_serverless_cache" {
  defaults = {
    endpoint        = [{ address = "request-counter-mock.serverless.use1.cache.amazonaws.com", port = 6379 }]
    reader_endpoint = [{ address = "request-counter-mock.serverless.use1.cache.amazonaws.com", port = 6380 }]
  }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
}

mock_resource "aws_kms_key" {
  defaults = {
    arn    = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
    key_id = "11111111-2222-3333-4444-555555555555"
  }
}

mock_resource "aws_launch_template" {
  defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
}

mock_resource "aws_memorydb_cluster" {
  defaults = { cluster_endpoint = [{ address = "clustercfg.request-counter.mock.memorydb.us-east-1.amazonaws.com", port = 6379 }] }
}

mock_resource "aws_s3_bucket" {
  defaults = { arn = "arn:aws:s3:::request-counter-backup-mock" }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = { arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:request-counter/datastore-mock" }
}

mock_resource "aws_vpc" {
  defaults = { arn = "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-0123456789abcdef0" }
}
