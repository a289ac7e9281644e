variable "datastore" {
  description = "Where counts are kept: in Redis pods with EBS volumes, or in a service of AWS that is made here."
  type        = string
  default     = "in-cluster"

  validation {
    condition     = contains(["in-cluster", "elasticache-serverless", "elasticache-cluster", "memorydb", "dynamodb"], var.datastore)
    error_message = "datastore must be in-cluster, elasticache-serverless, elasticache-cluster, memorydb or dynamodb."
  }
}

variable "datastore_node_type" {
  description = "Node type of elasticache-cluster or memorydb; the smallest with burstable CPU by default."
  type        = string
  default     = null

  validation {
    condition     = var.datastore_node_type == null || contains(["elasticache-cluster", "memorydb"], var.datastore)
    error_message = "datastore_node_type must be set only when datastore is elasticache-cluster or memorydb: the others have no nodes."
  }

  validation {
    condition = (
      var.datastore_node_type == null ||
      (var.datastore == "elasticache-cluster" && startswith(coalesce(var.datastore_node_type, "-"), "cache.")) ||
      (var.datastore == "memorydb" && startswith(coalesce(var.datastore_node_type, "-"), "db."))
    )
    error_message = "datastore_node_type must start with cache. for elasticache-cluster, and with db. for memorydb."
  }
}

variable "datastore_shards" {
  description = "Shards of elasticache-cluster or memorydb. With more than one, ElastiCache runs in cluster mode."
  type        = number
  default     = 1

  validation {
    condition     = var.datastore_shards >= 1 && var.datastore_shards <= 64 && floor(var.datastore_shards) == var.datastore_shards
    error_message = "datastore_shards must be a whole number from 1 to 64: a counter has 64 shards."
  }
}

variable "datastore_replicas" {
  description = "Replicas of each shard, in other zones."
  type        = number
  default     = 1

  validation {
    condition     = var.datastore_replicas >= 1 && var.datastore_replicas <= 5 && floor(var.datastore_replicas) == var.datastore_replicas
    error_message = "datastore_replicas must be a whole number from 1 to 5: without one a lost node takes the counts along."
  }
}

variable "cache_usage_limits" {
  description = "What elasticache-serverless may grow to, and so what it may cost at most."
  type = object({
    data_storage_gb = optional(number, 5)
    ecpu_per_second = optional(number, 10000)
  })
  default = {}

  validation {
    condition     = var.cache_usage_limits.data_storage_gb >= 1 && var.cache_usage_limits.data_storage_gb <= 5000
    error_message = "cache_usage_limits.data_storage_gb must be from 1 to 5000."
  }

  validation {
    condition     = var.cache_usage_limits.ecpu_per_second >= 1000 && var.cache_usage_limits.ecpu_per_second <= 15000000
    error_message = "cache_usage_limits.ecpu_per_second must be from 1000 to 15000000."
  }
}

variable "snapshot_retention_limit" {
  description = "How many daily snapshots ElastiCache or MemoryDB keeps."
  type        = number
  default     = 7

  validation {
    condition     = var.snapshot_retention_limit >= 1 && var.snapshot_retention_limit <= 35
    error_message = "snapshot_retention_limit must be from 1 to 35 days."
  }
}

variable "counter_service_accounts" {
  description = "Service accounts of the counters whose pods may use the DynamoDB table: a counter's is named as the counter."
  type = list(object({
    namespace       = string
    service_account = string
  }))
  default = [{ namespace = "default", service_account = "hits" }]

  validation {
    condition     = alltrue([for account in var.counter_service_accounts : can(regex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", account.namespace)) && can(regex("^[a-z]([-a-z0-9]*[a-z0-9])?$", account.service_account))])
    error_message = "counter_service_accounts must have names of a namespace and of a RequestCounter."
  }
}

variable "backup_retention_in_days" {
  description = "How long the backup bucket keeps what was written to it."
  type        = number
  default     = 35

  validation {
    condition     = var.backup_retention_in_days >= 1 && var.backup_retention_in_days <= 3650
    error_message = "backup_retention_in_days must be from 1 to 3650."
  }
}

variable "budget_limit_usd" {
  description = "Monthly costs of the account at which the alarm is raised, in US dollars."
  type        = number
  default     = 400

  validation {
    condition     = var.budget_limit_usd >= 1
    error_message = "budget_limit_usd must be at least 1."
  }
}

variable "budget_alert_emails" {
  description = "Who is told when costs come near the budget. Without anybody there is no alarm."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.budget_alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))]) && length(var.budget_alert_emails) <= 10
    error_message = "budget_alert_emails must be up to 10 e-mail addresses."
  }
}
