"""What goes into the cluster: the load balancer controller, External Secrets if needed, and the operator."""

from collections.abc import Mapping
from typing import Any

import yaml

from infra.eks_cli import pins, places
from infra.eks_cli.terraform import Say
from infra.kind.process import capture, follow

Outputs = Mapping[str, Any]
"""Outputs of infra/eks, by name."""

OVERLAYS = {"managed": "eks", "auto": "eks-auto"}


def kubectl(*arguments: str) -> list[str]:
    """Return a kubectl command for this cluster, and never for whatever the user has selected."""
    return ["kubectl", "--kubeconfig", str(places.KUBECONFIG), *arguments]


def connect(outputs: Outputs) -> None:
    """Write the kubeconfig of this cluster, for this checkout only.

    Raises:
        ClusterError: AWS refuses.
    """
    places.BUILD.mkdir(parents=True, exist_ok=True)
    command = ["aws", "eks", "update-kubeconfig", "--region", outputs["region"], "--name", outputs["name"]]
    capture([*command, "--kubeconfig", str(places.KUBECONFIG), "--alias", outputs["name"]])


def charts(outputs: Outputs) -> list[list[str]]:
    """Return the Helm commands that this cluster needs, in order; none in Auto Mode with Redis in the cluster."""
    commands = []
    if outputs["node_mode"] == "managed":
        values = {
            "clusterName": outputs["name"],
            "region": outputs["region"],
            "vpcId": outputs["vpc_id"],
            "serviceAccount.name": "aws-load-balancer-controller",
            "createIngressClassResource": "false",  # the overlay has its own
            "ingressClassParams.create": "false",
            "enableShield": "false",  # the role has no rights for these
            "enableWaf": "false",
            "enableWafv2": "false",
        }
        source = "https://aws.github.io/eks-charts"
        name = "aws-load-balancer-controller"
        commands.append(_chart(name, source, pins.LOAD_BALANCER_CONTROLLER, "kube-system", values))
    if outputs["datastore_secret"]:
        source = "https://charts.external-secrets.io"
        values = {"serviceAccount.name": "external-secrets"}
        commands.append(_chart("external-secrets", source, pins.EXTERNAL_SECRETS, "external-secrets", values))
    return commands


def _chart(name: str, source: str, version: str, namespace: str, values: Mapping[str, str]) -> list[str]:
    command = ["helm", "upgrade", "--install", name, name, f"--repo={source}", f"--version={version}"]
    command += [f"--namespace={namespace}", "--create-namespace", "--wait", f"--kubeconfig={places.KUBECONFIG}"]
    return command + [f"--set={key}={value}" for key, value in values.items()]


def kustomization(outputs: Outputs, images: Mapping[str, str]) -> dict[str, Any]:
    """Return the overlay with what only this cluster knows: its images, its region.

    Args:
        outputs: of infra/eks.
        images: program -> full name of its image.
    """
    repository, _, image_tag = images["operator"].rpartition(":")
    service = {"name": "OPERATOR_SERVICE_IMAGE", "value": images["service"]}
    patches = [_patch("Deployment", places.OPERATOR, "add", "/spec/template/spec/containers/0/env/-", service)]
    components = []
    if outputs["datastore_secret"]:
        components.append("../../deploy/components/external-secrets")
        region = "/spec/provider/aws/region"
        patches.append(_patch("ClusterSecretStore", "aws-secrets-manager", "replace", region, outputs["region"]))
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"../../deploy/overlays/{OVERLAYS[outputs['node_mode']]}"],
        "components": components,
        "images": [{"name": "request-counter/operator", "newName": repository, "newTag": image_tag}],
        "patches": patches,
    }


def _patch(kind: str, name: str, operation: str, path: str, value: object) -> dict[str, Any]:
    patch = yaml.safe_dump([{"op": operation, "path": path, "value": value}])
    return {"target": {"kind": kind, "name": name}, "patch": patch}


def deploy(outputs: Outputs, images: Mapping[str, str], say: Say) -> None:
    """Install the charts, apply the operator, and return when it runs.

    Raises:
        ClusterError: Something was refused or did not become ready; a repeat carries on.
    """
    for command in charts(outputs):
        follow(command, say)
    (places.BUILD / "kustomization.yaml").write_text(yaml.safe_dump(kustomization(outputs, images), sort_keys=False))
    follow(kubectl("apply", "-k", str(places.BUILD)), say, cwd=places.CHECKOUT)
    follow(
        kubectl(
            "rollout", "status", "-n", places.OPERATOR_NAMESPACE, f"deployment/{places.OPERATOR}", "--timeout=300s"
        ),
        say,
    )
