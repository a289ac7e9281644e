"""What goes into the cluster on AWS: the charts that it needs, and the overlay with what only it knows."""

from typing import Any

import yaml

from infra.eks_cli import pins, places
from infra.eks_cli.deploy import charts, kustomization
from infra.eks_cli.images import INGREDIENTS, build, tag
from infra.kind.project import project_images
from tests.support.eks_examples import OUTPUTS

REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/request-counter"
IMAGES = {program: f"{REGISTRY}/{program}:0.1.0-0123456789ab" for program in ("operator", "service")}
ELASTICACHE = {**OUTPUTS, "datastore": "elasticache-cluster", "datastore_secret": "request-counter/datastore"}
AUTO = {**OUTPUTS, "node_mode": "auto"}


def operations(rendered: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    (patch,) = [patch["patch"] for patch in rendered["patches"] if patch["target"]["kind"] == kind]
    found: list[dict[str, Any]] = yaml.safe_load(patch)
    return found


def test_managed_nodes_need_the_load_balancer_controller_only() -> None:
    (command,) = charts(OUTPUTS)
    assert command[:4] == ["helm", "upgrade", "--install", "aws-load-balancer-controller"]
    assert f"--version={pins.LOAD_BALANCER_CONTROLLER}" in command
    assert f"--kubeconfig={places.KUBECONFIG}" in command
    assert {"--set=clusterName=request-counter", "--set=vpcId=vpc-0123456789abcdef0"} <= set(command)


def test_the_controller_does_not_try_what_its_role_may_not() -> None:
    (command,) = charts(OUTPUTS)
    assert {"--set=enableShield=false", "--set=enableWaf=false", "--set=enableWafv2=false"} <= set(command)
    policy = (places.EKS / "load_balancer_policy.tf").read_text()
    assert not any(f'"{service}:' in policy for service in ("shield", "waf-regional", "wafv2"))


def test_auto_mode_needs_no_chart() -> None:
    assert charts(AUTO) == []


def test_a_store_with_a_password_needs_external_secrets() -> None:
    assert [command[3] for command in charts(ELASTICACHE)] == ["aws-load-balancer-controller", "external-secrets"]
    rendered = kustomization(ELASTICACHE, IMAGES)
    assert rendered["components"] == ["../../deploy/components/external-secrets"]
    assert operations(rendered, "ClusterSecretStore") == [
        {"op": "replace", "path": "/spec/provider/aws/region", "value": "eu-central-1"}
    ]


def test_the_overlay_follows_the_nodes() -> None:
    assert kustomization(OUTPUTS, IMAGES)["resources"] == ["../../deploy/overlays/eks"]
    assert kustomization(AUTO, IMAGES)["resources"] == ["../../deploy/overlays/eks-auto"]


def test_operator_and_counters_run_the_images_of_this_commit() -> None:
    rendered = kustomization(OUTPUTS, IMAGES)
    assert rendered["images"] == [
        {"name": "request-counter/operator", "newName": f"{REGISTRY}/operator", "newTag": "0.1.0-0123456789ab"}
    ]
    assert operations(rendered, "Deployment")[0]["value"] == {
        "name": "OPERATOR_SERVICE_IMAGE",
        "value": IMAGES["service"],
    }


def test_a_tag_names_release_and_commit() -> None:
    assert tag("0.1.0", "0123456789abcdef0123456789abcdef01234567") == "0.1.0-0123456789ab"


def test_whatever_goes_into_an_image_must_be_committed() -> None:
    lines = (places.CHECKOUT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!").partition("/")[0] for line in lines if line.startswith("!")}
    assert set(INGREDIENTS) == let_in | {".dockerignore", "Dockerfile.operator", "Dockerfile.service"}


def test_images_are_built_for_the_nodes() -> None:
    operator, _ = project_images()
    command = build(operator, IMAGES["operator"], "linux/arm64")
    assert command[:2] == ["docker", "build"]
    assert {"--platform=linux/arm64", f"--tag={IMAGES['operator']}", "Dockerfile.operator"} <= set(command)
