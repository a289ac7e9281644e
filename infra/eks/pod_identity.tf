# What pods may do in AWS: a role for each, which EKS hands to one service account of this cluster and to no other pod.

locals {
  managed_policy = "arn:${local.partition}:iam::aws:policy"

  # Those that Auto Mode brings along need no role of ours in it.
  pods_of_managed_nodes = {
    load-balancer-controller = {
      namespace        = "kube-system"
      service_account  = "aws-load-balancer-controller"
      managed_policies = []
      statements       = local.load_balancer_statements
    }
    ebs-csi = {
      namespace        = "kube-system"
      service_account  = "ebs-csi-controller-sa"
      managed_policies = ["${local.managed_policy}/service-role/AmazonEBSCSIDriverPolicy"]
      statements       = []
    }
  }

  pods_everywhere = {
    cloudwatch = {
      namespace        = "amazon-cloudwatch"
      service_account  = "cloudwatch-agent"
      managed_policies = ["${local.managed_policy}/CloudWatchAgentServerPolicy"]
      statements       = []
    }
    external-secrets = {
      namespace        = "external-secrets"
      service_account  = "external-secrets"
      managed_policies = []
      statements       = local.external_secrets_statements
    }
    logging = {
      namespace        = "request-counter-logging"
      service_account  = "fluent-bit"
      managed_policies = []
      statements       = local.logging_statements
    }
    backup = {
      namespace        = "request-counter-system"
      service_account  = "request-counter-backup"
      managed_policies = []
      statements       = local.backup_statements
    }
  }

  pods = merge(
    { for name, pod in local.pods_of_managed_nodes : name => pod if !var.compute_config.enabled },
    local.pods_everywhere,
    {
      for account in var.counter_service_accounts : "counter-${account.namespace}-${account.service_account}" => {
        namespace        = account.namespace
        service_account  = account.service_account
        managed_policies = []
        statements       = local.dynamodb_statements
      } if var.datastore == "dynamodb"
    },
  )

  pod_attachments = merge([
    for name, pod in local.pods : { for arn in pod.managed_policies : "${name}/${basename(arn)}" => { pod = name, arn = arn } }
  ]...)

  # Secrets of this cluster only, by the prefix of their names. Listing is not allowed: names are known.
  external_secrets_statements = [
    {
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
      Resource = "arn:${local.partition}:secretsmanager:${var.region}:${local.account_id}:secret:${var.name}/*"
    },
    {
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = aws_kms_key.data.arn
      Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" } }
    },
  ]
}

resource "aws_iam_role" "pod" {
  for_each = local.pods

  name = "${var.name}-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      # EKS tags each session with whose it is.
      Condition = {
        StringEquals = {
          "aws:RequestTag/eks-cluster-arn"            = local.cluster_arn
          "aws:RequestTag/kubernetes-namespace"       = each.value.namespace
          "aws:RequestTag/kubernetes-service-account" = each.value.service_account
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "pod" {
  for_each = { for name, pod in local.pods : name => pod.statements if length(pod.statements) > 0 }

  name   = each.key
  role   = aws_iam_role.pod[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_iam_role_policy_attachment" "pod" {
  for_each = local.pod_attachments

  role       = aws_iam_role.pod[each.value.pod].name
  policy_arn = each.value.arn
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = { for name, pod in local.pods : name => pod if !contains(values(local.addon_identities), name) }

  cluster_name    = aws_eks_cluster.this.name
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = aws_iam_role.pod[each.key].arn
}
