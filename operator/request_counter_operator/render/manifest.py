"""What a renderer gives: a Kubernetes object as JSON, and the parts that several of them share."""

from typing import Any, TypeAlias

from request_counter_operator.api import Resources

Manifest: TypeAlias = dict[str, Any]

RESTRICTED_CONTAINER: Manifest = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""With ``restricted_pod``, what the Pod Security Standard "restricted" asks for, and a read-only root file system.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""


def restricted_pod(user_id: int) -> Manifest:
    """Return a pod's security context: this user and group, never root, the runtime's seccomp profile."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user_id,
        "runAsGroup": user_id,
        "fsGroup": user_id,
        # A volume whose root already belongs to the group is not walked again at every start.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_resources(resources: Resources) -> Manifest:
    """Return a container's requests and limits, without what is not set."""
    return resources.model_dump(exclude_none=True)


def secret_file(volume: str, secret: str, items: dict[str, str]) -> Manifest:
    """Return a volume with these keys of a Secret (key: file name), readable by the pod's group alone."""
    files = [{"key": key, "path": path} for key, path in items.items()]
    return {"name": volume, "secret": {"secretName": secret, "defaultMode": 0o440, "items": files}}


def http_probe(path: str, port: str, *, period_s: int, failures: int) -> Manifest:
    """Return a probe that asks ``path`` every ``period_s`` seconds and gives up after ``failures`` in a row."""
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period_s,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def spread_evenly(pods: dict[str, str]) -> Manifest:
    """Return the rule that no node gets two of these pods while another one that could take them has none.

    Nodes that are drained or gone do not count, so that the others take over.
    """
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "labelSelector": {"matchLabels": pods},
    }


def spread_by_number(pods: dict[str, str]) -> Manifest:
    """Return the wish that of these pods, which several StatefulSets made, those of the same number are on other nodes.

    Source: https://kubernetes.io/docs/reference/labels-annotations-taints/#apps-kubernetes.io-pod-index
    """
    return spread_evenly(pods) | {
        "whenUnsatisfiable": "ScheduleAnyway",
        "matchLabelKeys": ["apps.kubernetes.io/pod-index"],
    }


def volume_claim(labels: dict[str, str], size: str, storage_class_name: str | None) -> Manifest:
    """Return the claim ``data`` as the API server completes it: the list is ours as a whole, its defaults included.

    Without them, an operator that has just started would take the server's additions for somebody's.
    """
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
        "volumeMode": "Filesystem",
    }
    if storage_class_name is not None:
        spec["storageClassName"] = storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "labels": labels},
        "spec": spec,
        "status": {"phase": "Pending"},
    }
