# Each node mode: managed groups with their add-ons, or Auto Mode, which brings its own.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  budget_alert_emails = ["you@example.com"]
}

run "managed_nodes" {
  command = plan

  override_resource {
    target          = aws_subnet.private
    override_during = plan
    values          = { id = "subnet-0aaaaaaaaaaaaaaaa" }
  }

  override_resource {
    target          = aws_subnet.intra
    override_during = plan
    values          = { id = "subnet-0bbbbbbbbbbbbbbbb" }
  }

  assert {
    condition     = keys(aws_eks_node_group.this) == ["default"] && aws_eks_node_group.this["default"].scaling_config[0].desired_size == 3
    error_message = "three nodes, one for each zone"
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].subnet_ids == toset(["subnet-0bbbbbbbbbbbbbbbb"]) && aws_eks_node_group.this["default"].subnet_ids == toset(["subnet-0aaaaaaaaaaaaaaaa"])
    error_message = "the control plane's interfaces are apart from the nodes"
  }

  assert {
    condition     = toset(concat(keys(aws_eks_addon.before_nodes), keys(aws_eks_addon.after_nodes))) == toset(["amazon-cloudwatch-observability", "aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni"])
    error_message = "all seven add-ons are installed"
  }

  assert {
    condition     = toset(keys(aws_eks_addon.before_nodes)) == toset(["eks-pod-identity-agent", "kube-proxy", "vpc-cni"])
    error_message = "nodes become ready only with these, so they come first"
  }

  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "NetworkPolicies are enforced"
  }

  assert {
    condition     = one(aws_eks_addon.after_nodes["aws-ebs-csi-driver"].pod_identity_association).service_account == "ebs-csi-controller-sa"
    error_message = "the volume driver gets its role"
  }

  assert {
    condition     = aws_launch_template.node["default"].metadata_options[0].http_tokens == "required" && aws_launch_template.node["default"].metadata_options[0].http_put_response_hop_limit == 1
    error_message = "a pod cannot become its node"
  }

  assert {
    condition     = !aws_eks_cluster.this.compute_config[0].enabled && !aws_eks_cluster.this.storage_config[0].block_storage[0].enabled && !aws_eks_cluster.this.kubernetes_network_config[0].elastic_load_balancing[0].enabled
    error_message = "Auto Mode is off, in all its three parts"
  }

  assert {
    condition     = output.node_mode == "managed" && output.platform == "linux/amd64"
    error_message = "the outputs tell which overlay and which images fit"
  }
}

run "managed_nodes_of_arm" {
  command = plan

  variables {
    eks_managed_node_groups = {
      arm = {
        ami_type       = "AL2023_ARM_64_STANDARD"
        instance_types = ["m8g.large"]
        taints         = { dedicated = { key = "dedicated", value = "counters", effect = "NO_SCHEDULE" } }
      }
    }
  }

  assert {
    condition     = output.platform == "linux/arm64" && one(aws_eks_node_group.this["arm"].taint).key == "dedicated"
    error_message = "images are built for the nodes there are"
  }
}

run "auto_mode" {
  command = plan

  override_resource {
    target          = aws_subnet.private
    override_during = plan
    values          = { id = "subnet-0aaaaaaaaaaaaaaaa" }
  }

  variables {
    compute_config = { enabled = true }
  }

  assert {
    condition     = length(aws_eks_node_group.this) == 0 && length(aws_launch_template.node) == 0
    error_message = "nodes are AWS's"
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].subnet_ids == toset(["subnet-0aaaaaaaaaaaaaaaa"])
    error_message = "nodes start where the cluster is: in subnets with a way out"
  }

  assert {
    condition     = toset(concat(keys(aws_eks_addon.before_nodes), keys(aws_eks_addon.after_nodes))) == toset(["amazon-cloudwatch-observability", "metrics-server"])
    error_message = "what Auto Mode has built in is not installed besides"
  }

  assert {
    condition     = aws_eks_cluster.this.compute_config[0].enabled && aws_eks_cluster.this.storage_config[0].block_storage[0].enabled && aws_eks_cluster.this.kubernetes_network_config[0].elastic_load_balancing[0].enabled
    error_message = "Auto Mode is on, in all its three parts"
  }

  assert {
    condition     = length(aws_iam_role_policy_attachment.cluster) == 5 && toset(keys(aws_iam_role_policy_attachment.node)) == toset(["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodeMinimalPolicy"])
    error_message = "the cluster may run nodes, and nodes may do less"
  }

  assert {
    condition     = !contains(keys(aws_eks_pod_identity_association.this), "load-balancer-controller") && output.node_mode == "auto"
    error_message = "load balancers are AWS's as well"
  }
}
