"""The Ingress that leads clients outside of the cluster to the service."""

from typing import Any

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import child_name, metadata
from request_counter_operator.render.manifest import Manifest


def render_ingress(counter: RequestCounter) -> Manifest | None:
    """Return the Ingress, or None when the counter is not exposed by one."""
    exposure = counter.spec.exposure
    if exposure.type != "Ingress":
        return None
    backend = {"service": {"name": child_name(counter, "service"), "port": {"name": "http"}}}
    rule = {"host": exposure.host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    spec: dict[str, Any] = {"rules": [rule]}
    if exposure.class_name is not None:
        spec["ingressClassName"] = exposure.class_name
    if exposure.tls is not None:
        spec["tls"] = [{"hosts": [exposure.host], "secretName": exposure.tls.secret_name}]
    meta = metadata(counter, "service")
    if exposure.annotations:
        meta["annotations"] = dict(exposure.annotations)
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec}
