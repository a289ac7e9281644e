# The bucket that Terraform's state is in. Its own state is a local file: it is applied once, from one machine, and can be
# taken up again by `terraform import` with the bucket's name.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = var.allowed_account_ids

  default_tags {
    tags = { Project = "request-counter", Purpose = "terraform-state", ManagedBy = "terraform" }
  }
}

variable "region" {
  description = "AWS region of the bucket."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, such as us-east-1."
  }
}

variable "name" {
  description = "Prefix of the bucket's name; the account and the region follow."
  type        = string
  default     = "request-counter"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 24 characters, lower case letters, digits and hyphens, and start with a letter."
  }
}

variable "allowed_account_ids" {
  description = "The only AWS accounts that this may be applied to; null allows any."
  type        = list(string)
  default     = null
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

output "backend" {
  description = "Contents of infra/eks/backend.hcl: terraform output -raw backend > ../backend.hcl"
  value       = <<-EOT
    bucket       = "${aws_s3_bucket.state.bucket}"
    key          = "eks/${var.name}.tfstate"
    region       = "${var.region}"
    encrypt      = true
    kms_key_id   = "${aws_kms_key.state.arn}"
    use_lockfile = true
  EOT
}
