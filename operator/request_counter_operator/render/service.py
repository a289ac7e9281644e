"""The two Services in front of the service's pods: one counts, one leads to the admin ports."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import ADMIN_PORT, SERVICE_PORT, admin_name, metadata, selector_labels
from request_counter_operator.render.manifest import Manifest


def render_service(counter: RequestCounter) -> Manifest:
    """Return the Service that clients and the Ingress use: the data port of the pods that are ready."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(counter, "service"),
        "spec": {
            "type": "ClusterIP",
            "selector": selector_labels(counter, "service"),
            "ports": [
                {"name": "http", "port": SERVICE_PORT, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"},
            ],
        },
    }


def render_admin_service(counter: RequestCounter) -> Manifest:
    """Return the Service of the admin ports, for the operator and people inside the cluster; no Ingress leads to it.

    It leads to pods that are not ready as well: those that cannot reach their store are the ones with most to tell.
    """
    port = {"name": "admin", "port": ADMIN_PORT, "targetPort": "admin", "protocol": "TCP", "appProtocol": "http"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(counter, "service") | {"name": admin_name(counter)},
        "spec": {
            "type": "ClusterIP",
            "publishNotReadyAddresses": True,
            "selector": selector_labels(counter, "service"),
            "ports": [port],
        },
    }
