"""What kind is told about the cluster: its nodes, the port for HTTP, the audit log, and what this machine withholds.

Pure: the cluster's shape can be read, and tested, without making one.
"""

from pathlib import Path
from typing import Any

import yaml

from infra.kind import pins, places

_AUDIT_POLICY = "/etc/kubernetes/audit-policy.yaml"
AUDIT_LOG = "/var/log/kubernetes/audit.log"
"""On the control plane: what the operator wrote."""


def kind_config(audit_policy: Path, *, can_lower_oom_score: bool, node_image: str = pins.NODE_IMAGE) -> dict[str, Any]:
    """Return kind's configuration of one control plane and two workers.

    Args:
        audit_policy: a file on this machine that outlives the cluster.
        can_lower_oom_score: False where CAP_SYS_RESOURCE is withheld, which lowering it takes.
        node_image: what the nodes are.
    """
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": places.CLUSTER,
        "kubeadmConfigPatches": [yaml.safe_dump(patch) for patch in _kubeadm_patches(can_lower_oom_score)],
        "nodes": [
            {
                "role": "control-plane",
                "image": node_image,
                "extraPortMappings": [
                    {
                        "containerPort": places.INGRESS_NODE_PORT,
                        "hostPort": places.HTTP_PORT,
                        "listenAddress": "127.0.0.1",
                    }
                ],
                "extraMounts": [{"hostPath": str(audit_policy), "containerPath": _AUDIT_POLICY, "readOnly": True}],
            },
            {"role": "worker", "image": node_image},
            {"role": "worker", "image": node_image},
        ],
    }


def _kubeadm_patches(can_lower_oom_score: bool) -> list[dict[str, Any]]:
    kubelet: dict[str, Any] = {
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "failCgroupV1": False,  # older hosts have nothing else, and a try-out cluster need not refuse them
    }
    proxy: dict[str, Any] = {"kind": "KubeProxyConfiguration", "apiVersion": "kubeproxy.config.k8s.io/v1alpha1"}
    if not can_lower_oom_score:
        kubelet["oomScoreAdj"] = proxy["oomScoreAdj"] = 0
    # All three take pods: a Redis with two replicas, or three sentinels, then have a node for each.
    control_plane = {
        "kind": "InitConfiguration",
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "nodeRegistration": {"taints": []},
    }
    return [_audit_patch(), control_plane, kubelet, proxy]


def _audit_patch() -> dict[str, Any]:
    # Source: https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#log-backend
    arguments = {"audit-policy-file": _AUDIT_POLICY, "audit-log-path": AUDIT_LOG, "audit-log-maxsize": "50"}
    policy = {"name": "audit-policy", "hostPath": _AUDIT_POLICY, "mountPath": _AUDIT_POLICY}
    log_folder = str(Path(AUDIT_LOG).parent)
    logs = {"name": "audit-logs", "hostPath": log_folder, "mountPath": log_folder}
    return {
        "kind": "ClusterConfiguration",
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "apiServer": {
            "extraArgs": [{"name": name, "value": value} for name, value in arguments.items()],
            "extraVolumes": [
                policy | {"readOnly": True, "pathType": "File"},
                logs | {"readOnly": False, "pathType": "DirectoryOrCreate"},
            ],
        },
    }
