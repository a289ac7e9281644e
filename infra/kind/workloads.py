"""What runs in the cluster: Traefik, metrics-server, the operator and the sample counter; each applied and awaited."""

import json
from typing import Any

from infra.kind import places
from infra.kind.cluster import CONTROL_PLANE, NODES, kubectl
from infra.kind.errors import ClusterError, CommandError
from infra.kind.nodes import descriptors, full_name
from infra.kind.progress import Step
from infra.kind.project import ProjectImage
from infra.kind.tools import Tools

_ROLLOUT_TIMEOUT_S = 180
_ADDONS = {"metrics-server": "kube-system", "traefik": "traefik"}
_OPERATOR_PODS = f"app={places.OPERATOR}"
_SERVICE_PODS = "app.kubernetes.io/managed-by=request-counter-operator,app.kubernetes.io/component=service"
SAMPLE = "requestcounter/hits"


def apply_addons(tools: Tools, step: Step) -> None:
    """Apply Traefik and metrics-server; `await_addons` waits for them."""
    for addon in _ADDONS:
        kubectl(tools, "apply", "-f", str(places.MANIFESTS / f"{addon}.yaml"))
    step.note(f"applied, on {CONTROL_PLANE}")


def await_addons(tools: Tools) -> None:
    """Return when Traefik and metrics-server are ready.

    Raises:
        ClusterError: One is not within 3 minutes.
    """
    for addon, namespace in _ADDONS.items():
        _await_rollout(tools, addon, namespace)


def deploy_operator(tools: Tools, image: ProjectImage, step: Step) -> None:
    """Apply the operator as a user would, and return when the image of now runs.

    Raises:
        ClusterError: It was refused, or is not ready within 3 minutes.
    """
    kubectl(tools, "apply", "-k", str(places.CHECKOUT / "deploy" / "overlays" / "kind"))
    restarted = restart_outdated(tools, image, _OPERATOR_PODS)
    _await_rollout(tools, places.OPERATOR, places.OPERATOR_NAMESPACE)
    step.note("restarted with the new image" if restarted else "runs")


def deploy_sample(tools: Tools, service: ProjectImage, step: Step) -> None:
    """Apply the sample counter, and return when it is ready and all counters run the service's image of now.

    Raises:
        ClusterError: It was refused, or is not ready within 3 minutes.
    """
    kubectl(tools, "apply", "-n", "default", "-f", str(places.CHECKOUT / "deploy" / "samples" / "hits.yaml"))
    restarted = restart_outdated(tools, service, _SERVICE_PODS)
    for deployment, namespace in restarted:
        _await_rollout(tools, deployment, namespace)
    wait = ["wait", "-n", "default", "--for=condition=Ready", SAMPLE, f"--timeout={_ROLLOUT_TIMEOUT_S}s"]
    _awaited(tools, "default", wait)
    step.note(f"{SAMPLE} is ready" + (f", {len(restarted)} restarted with the new image" if restarted else ""))


def restart_outdated(tools: Tools, image: ProjectImage, selector: str) -> list[tuple[str, str]]:
    """Restart the Deployments whose pods run an older image of the same name; return each name and namespace."""
    current = descriptors(image.name, NODES[0])
    pods = json.loads(kubectl(tools, "get", "pods", "--all-namespaces", "-l", selector, "-o", "json"))["items"]
    outdated = sorted({_deployment(pod) for pod in pods if is_outdated(pod, full_name(image.name), current)})
    for deployment, namespace in outdated:
        kubectl(tools, "rollout", "restart", "-n", namespace, f"deployment/{deployment}")
    return outdated


def is_outdated(pod: dict[str, Any], image: str, current: str) -> bool:
    """Whether a pod runs an image by this name that is not the current one.

    Args:
        pod: core/v1 Pod.
        image: the full name.
        current: the digests of the image that has the name now.
    """
    containers = pod.get("status", {}).get("containerStatuses", [])
    running = [container["imageID"].rpartition("@")[2] for container in containers if container["image"] == image]
    return any(digest not in current for digest in running)


def _deployment(pod: dict[str, Any]) -> tuple[str, str]:
    metadata = pod["metadata"]
    replica_set = next(owner["name"] for owner in metadata["ownerReferences"] if owner["kind"] == "ReplicaSet")
    return replica_set.rpartition("-")[0], metadata["namespace"]


def _await_rollout(tools: Tools, deployment: str, namespace: str) -> None:
    status = ["rollout", "status", "-n", namespace, f"deployment/{deployment}", f"--timeout={_ROLLOUT_TIMEOUT_S}s"]
    _awaited(tools, namespace, status)


def _awaited(tools: Tools, namespace: str, command: list[str]) -> None:
    try:
        kubectl(tools, *command, timeout_s=_ROLLOUT_TIMEOUT_S + 10)
    except CommandError as error:
        pods = kubectl(tools, "get", "pods", "-n", namespace, "-o", "wide")
        raise ClusterError(
            f"{error.message}: {error.output.splitlines()[-1] if error.output else 'no output'}",
            output=pods,
            advice=f"Look at one with `kubectl --context {places.CONTEXT} -n {namespace} describe pod NAME`.",
        ) from error
