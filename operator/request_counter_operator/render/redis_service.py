"""The Service in front of the counter's own Redis."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import REDIS_PORT, metadata, selector_labels
from request_counter_operator.render.manifest import Manifest


def render_redis_service(counter: RequestCounter) -> Manifest | None:
    """Return the Service, or None when somebody else runs Redis."""
    if counter.spec.store.redis.mode == "External":
        return None
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(counter, "redis"),
        "spec": {
            "type": "ClusterIP",
            "selector": selector_labels(counter, "redis"),
            "ports": [{"name": "redis", "port": REDIS_PORT, "targetPort": "redis", "protocol": "TCP"}],
        },
    }
