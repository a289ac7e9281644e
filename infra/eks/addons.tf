# EKS add-ons, by exact version. What nodes need to become ready comes before them, the rest after.

locals {
  # Auto Mode has these built in; installed besides, they would fight over nodes and volumes.
  addons_in_auto_mode = ["aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni"]

  addons = { for name, addon in var.addons : name => addon if !(var.compute_config.enabled && contains(local.addons_in_auto_mode, name)) }

  # Add-ons that call AWS, with the role that EKS gives their pods.
  addon_identities = {
    aws-ebs-csi-driver              = "ebs-csi"
    amazon-cloudwatch-observability = "cloudwatch"
  }
}

resource "aws_eks_addon" "before_nodes" {
  for_each = { for name, addon in local.addons : name => addon if addon.before_compute }

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = each.value.addon_version
  configuration_values        = each.value.configuration_values
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_addon" "after_nodes" {
  for_each = { for name, addon in local.addons : name => addon if !addon.before_compute }

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = each.value.addon_version
  configuration_values        = each.value.configuration_values
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  dynamic "pod_identity_association" {
    for_each = contains(keys(local.addon_identities), each.key) ? [local.pods[local.addon_identities[each.key]]] : []

    content {
      role_arn        = aws_iam_role.pod[local.addon_identities[each.key]].arn
      service_account = pod_identity_association.value.service_account
    }
  }

  depends_on = [
    aws_eks_addon.before_nodes,
    aws_eks_node_group.this,
    aws_iam_role_policy_attachment.pod,
  ]
}
