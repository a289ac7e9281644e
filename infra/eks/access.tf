# Who may use the Kubernetes API: IAM principals, by access entries. There is no aws-auth ConfigMap.

data "aws_iam_session_context" "current" {
  arn = data.aws_caller_identity.current.arn # a session of a role becomes the role
}

locals {
  creator = {
    for name in ["creator"] : name => {
      principal_arn     = data.aws_iam_session_context.current.issuer_arn
      kubernetes_groups = null
      policy_associations = {
        admin = {
          policy_arn   = "arn:${local.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
          access_scope = { type = "cluster", namespaces = null }
        }
      }
    } if var.enable_cluster_creator_admin_permissions
  }

  access_entries = merge(local.creator, var.access_entries)

  access_policies = merge([
    for entry_name, entry in local.access_entries : {
      for name, association in entry.policy_associations :
      "${entry_name}/${name}" => merge(association, { entry = entry_name })
    }
  ]...)
}

resource "aws_eks_access_entry" "this" {
  for_each = local.access_entries

  cluster_name      = aws_eks_cluster.this.name
  principal_arn     = each.value.principal_arn
  kubernetes_groups = each.value.kubernetes_groups
}

resource "aws_eks_access_policy_association" "this" {
  for_each = local.access_policies

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.this[each.value.entry].principal_arn
  policy_arn    = each.value.policy_arn

  access_scope {
    type       = each.value.access_scope.type
    namespaces = each.value.access_scope.namespaces
  }
}
