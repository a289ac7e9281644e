# What comes next, as a user would paste it, and what `make eks-up` reads.

output "name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name
}

output "region" {
  description = "Region of the cluster."
  value       = var.region
}

output "vpc_id" {
  description = "The VPC, which the load balancer controller asks for: pods cannot ask the instance metadata."
  value       = aws_vpc.this.id
}

output "node_mode" {
  description = "managed or auto: which overlay of deploy/overlays fits."
  value       = var.compute_config.enabled ? "auto" : "managed"
}

output "configure_kubectl" {
  description = "Command that gives kubectl the cluster."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${aws_eks_cluster.this.name}"
}

output "registry_login" {
  description = "Command that lets Docker push to the registry."
  value       = "aws ecr get-login-password --region ${var.region} | docker login --username AWS --password-stdin ${local.account_id}.dkr.ecr.${var.region}.amazonaws.com"
}

output "image_repositories" {
  description = "Where the operator's and the service's images go."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "platform" {
  description = "Platform to build images for; that of the first node group, and x86-64 in Auto Mode, whose own node pools have nothing else."
  value       = anytrue([for group in values(local.node_groups) : strcontains(group.ami_type, "ARM_64")]) ? "linux/arm64" : "linux/amd64"
}

output "datastore" {
  description = "Which data store was made."
  value       = var.datastore
}

# Serverless and MemoryDB are always in cluster mode; a client that does not know it would be sent away for most keys.
output "datastore_url" {
  description = "spec.store.redis.external.url of a RequestCounter, as it is; null where the counter brings its own Redis, or the store is no Redis."
  value = (
    local.is_serverless ? "rediss+cluster://${local.datastore_user}@${aws_elasticache_serverless_cache.this[0].endpoint[0].address}:6379" :
    local.is_replication_group && local.cluster_mode ? "rediss+cluster://${local.datastore_user}@${aws_elasticache_replication_group.this[0].configuration_endpoint_address}:6379" :
    local.is_replication_group ? "rediss://${local.datastore_user}@${aws_elasticache_replication_group.this[0].primary_endpoint_address}:6379" :
    local.is_memorydb ? "rediss+cluster://${aws_memorydb_user.counter[0].user_name}@${aws_memorydb_cluster.this[0].cluster_endpoint[0].address}:6379" : null
  )
}

output "datastore_secret" {
  description = "Name of the secret with the data store's password, for an ExternalSecret; null where there is none."
  value       = local.is_redis ? aws_secretsmanager_secret.datastore[0].name : null
}

output "datastore_table" {
  description = "The DynamoDB table; null where there is none."
  value       = var.datastore == "dynamodb" ? aws_dynamodb_table.counts[0].name : null
}

output "backup_bucket" {
  description = "Where exports of counts go."
  value       = aws_s3_bucket.backup.bucket
}
