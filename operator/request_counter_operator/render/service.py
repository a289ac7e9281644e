"""The Service in front of the service's pods: counting on port 80, administration on port 8001."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import ADMIN_PORT, SERVICE_PORT, metadata, selector_labels
from request_counter_operator.render.manifest import Manifest


def render_service(counter: RequestCounter) -> Manifest:
    """Return the Service. The admin port is reachable inside the cluster only: no Ingress leads to it."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(counter, "service"),
        "spec": {
            "type": "ClusterIP",
            "selector": selector_labels(counter, "service"),
            "ports": [
                {"name": "http", "port": SERVICE_PORT, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"},
                {"name": "admin", "port": ADMIN_PORT, "targetPort": "admin", "protocol": "TCP", "appProtocol": "http"},
            ],
        },
    }
