"""Taking it down in the order that leaves nothing behind: counters with their load balancers, volumes, then the rest.

Load balancers and volumes are not in Terraform's state, for Kubernetes made them: left alone they would block the
network's removal, and go on costing money.
"""

import json
from dataclasses import dataclass
from typing import Any

from infra.eks_cli.deploy import kubectl
from infra.eks_cli.terraform import Say
from infra.kind.process import capture, follow

_GONE_TIMEOUT = "--timeout=600s"


@dataclass(frozen=True, slots=True)
class Remains:
    """What would be left behind, each as namespace/name."""

    counters: tuple[str, ...]
    ingresses: tuple[str, ...]
    services: tuple[str, ...]
    claims: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return it as a person reads it."""
        kinds = {
            "RequestCounters": self.counters,
            "Ingresses": self.ingresses,
            "Services with a load balancer": self.services,
            "volumes": self.claims,
        }
        return [f"  {kind}: {', '.join(names) or 'none'}" for kind, names in kinds.items()]


NOTHING = Remains((), (), (), ())


def find_remains() -> Remains:
    """Look into the cluster.

    Raises:
        ClusterError: It does not answer.
    """
    balanced = {"items": [item for item in _get("services")["items"] if item["spec"].get("type") == "LoadBalancer"]}
    return Remains(
        counters=_names(_get("requestcounters")) if _is_known("requestcounters.requestcounter.io") else (),
        ingresses=_names(_get("ingresses")),
        services=_names(balanced),
        claims=_names(_get("persistentvolumeclaims")),
    )


def _is_known(resource: str) -> bool:
    return bool(capture(kubectl("get", "crd", resource, "--ignore-not-found", "-o", "name")))


def _get(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capture(kubectl("get", kind, "--all-namespaces", "-o", "json")))
    return found


def _names(found: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in found["items"]))


def remove_remains(remains: Remains, say: Say) -> None:
    """Delete them, and return when AWS has deleted what belongs to them.

    Raises:
        ClusterError: Something is still there after 10 minutes; nothing of Terraform's was touched.
    """
    if remains == NOTHING:
        return
    kinds = {
        "requestcounters": remains.counters,  # first, or the operator would make their Ingresses anew
        "ingresses": remains.ingresses,
        "services": remains.services,
        "persistentvolumeclaims": remains.claims,
    }
    for kind, names in kinds.items():
        for namespace, name in (entry.split("/") for entry in names):
            follow(kubectl("delete", kind, name, "-n", namespace, "--ignore-not-found", _GONE_TIMEOUT), say)
    volumes = json.loads(capture(kubectl("get", "persistentvolumes", "-o", "json")))["items"]
    for volume in volumes:
        follow(kubectl("wait", "--for=delete", f"persistentvolume/{volume['metadata']['name']}", _GONE_TIMEOUT), say)
