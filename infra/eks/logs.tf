# Log groups, made here so that they have a retention and our key: EKS and the agents would make them without either.

locals {
  control_plane_logs = "/aws/eks/${var.name}/cluster"
  flow_logs          = "/aws/vpc/${var.name}/flow-logs"
  container_logs     = [for kind in ["application", "dataplane", "host", "performance"] : "/aws/containerinsights/${var.name}/${kind}"]
  counter_logs       = "/request-counter/${var.name}/pods" # of deploy/components/cloudwatch-logging
  log_group_names    = concat([local.control_plane_logs, local.counter_logs], var.enable_flow_log ? [local.flow_logs] : [], local.container_logs)

  logging_statements = [{
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    Resource = "${aws_cloudwatch_log_group.this[local.counter_logs].arn}:*"
  }]
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:how long logs are worth their price is for the user to say
  for_each = toset(local.log_group_names)

  name              = each.key
  retention_in_days = var.cloudwatch_log_group_retention_in_days
  kms_key_id        = aws_kms_key.cluster.arn
}

# What one asks first when something is wrong, ready in CloudWatch Logs Insights.
resource "aws_cloudwatch_query_definition" "this" {
  for_each = {
    operator-problems = "fields @timestamp, log_processed.event, log_processed.error | filter kubernetes.namespace_name = 'request-counter-system' and log_processed.level in ['warning', 'error'] | sort @timestamp desc | limit 100"
    service-problems  = "fields @timestamp, kubernetes.pod_name, log_processed.event, log_processed.request_id | filter kubernetes.container_name = 'service' and log_processed.level in ['warning', 'error'] | sort @timestamp desc | limit 100"
  }

  name            = "${var.name}/${each.key}"
  log_group_names = [for name in [local.container_logs[0], local.counter_logs] : aws_cloudwatch_log_group.this[name].name]
  query_string    = each.value
}

resource "aws_flow_log" "this" {
  count = var.enable_flow_log ? 1 : 0

  vpc_id                   = aws_vpc.this.id
  traffic_type             = "REJECT"
  log_destination          = aws_cloudwatch_log_group.this[local.flow_logs].arn
  iam_role_arn             = aws_iam_role.flow_log[0].arn
  max_aggregation_interval = 60
}

resource "aws_iam_role" "flow_log" {
  count = var.enable_flow_log ? 1 : 0

  name = "${var.name}-flow-log"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "flow_log" {
  count = var.enable_flow_log ? 1 : 0

  name = "write-flow-log"
  role = aws_iam_role.flow_log[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
      Resource = "${aws_cloudwatch_log_group.this[local.flow_logs].arn}:*"
    }]
  })
}
