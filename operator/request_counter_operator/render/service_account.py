"""The ServiceAccount of the service's pods: an identity for policies and cloud roles, without any right here."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import metadata
from request_counter_operator.render.manifest import Manifest


def render_service_account(counter: RequestCounter) -> Manifest:
    """Return the ServiceAccount; no token is mounted, for nothing in the pods talks to the API server."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(counter, "service"),
        "automountServiceAccountToken": False,
    }
