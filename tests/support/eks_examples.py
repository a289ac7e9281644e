"""Terraform's answers for the tests of the EKS commands, as `terraform show -json` and `terraform output` give them."""

from typing import Any

OUTPUTS: dict[str, Any] = {
    "name": "request-counter",
    "region": "eu-central-1",
    "vpc_id": "vpc-0123456789abcdef0",
    "node_mode": "managed",
    "platform": "linux/amd64",
    "configure_kubectl": "aws eks update-kubeconfig --region eu-central-1 --name request-counter",
    "image_repositories": {
        program: f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/request-counter/{program}"
        for program in ("operator", "service")
    },
    "datastore": "in-cluster",
    "datastore_url": None,
    "datastore_secret": None,
}


def _resource(kind: str, **values: Any) -> dict[str, Any]:
    return {"type": kind, "values": values}


def _change(kind: str, *actions: str, mode: str = "managed") -> dict[str, Any]:
    return {"type": kind, "mode": mode, "change": {"actions": list(actions)}}


RESOURCES = [
    _resource("aws_vpc"),
    _resource("aws_eks_cluster", upgrade_policy=[{"support_type": "STANDARD"}]),
    _resource("aws_eks_node_group", instance_types=["m6a.large"], scaling_config=[{"desired_size": 3}]),
    _resource("aws_nat_gateway"),
    _resource("aws_eip"),
    _resource("aws_kms_key"),
    _resource("aws_kms_key"),
]

PLAN: dict[str, Any] = {
    "planned_values": {"root_module": {"resources": RESOURCES}},
    "resource_changes": [
        _change("aws_vpc", "create"),
        _change("aws_eks_cluster", "create"),
        _change("aws_eks_node_group", "create"),
        _change("aws_kms_key", "no-op"),
        _change("aws_launch_template", "delete", "create"),
        _change("aws_caller_identity", "read", mode="data"),
    ],
}

PLAN_TO_DESTROY: dict[str, Any] = {
    "planned_values": {"root_module": {}},
    "resource_changes": [_change("aws_vpc", "delete"), _change("aws_eks_cluster", "delete")],
}
