# Terraform 1.11 is the first whose S3 backend locks by a file in the bucket, without a DynamoDB table.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  # Its bucket, key and region are in backend.hcl, which the bootstrap prints: terraform init -backend-config=backend.hcl
  backend "s3" {}
}

provider "aws" {
  region              = var.region
  allowed_account_ids = var.allowed_account_ids

  default_tags {
    tags = local.tags
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  # Written out, so that roles can name the cluster before it is there.
  cluster_arn = "arn:${local.partition}:eks:${var.region}:${local.account_id}:cluster/${var.name}"

  tags = merge({ Project = "request-counter", Cluster = var.name, ManagedBy = "terraform" }, var.tags)
}
