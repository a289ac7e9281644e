"""The Services of a counter's own Redis: one for those who use it, and one for each pod, whose address it announces."""

from collections.abc import Iterator

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import (
    REDIS_BUS_PORT,
    REDIS_PORT,
    SENTINEL_PORT,
    Component,
    metadata,
    selector_labels,
)
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.render.topology import sentinel_names, server_names

POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"


def render_redis_service(counter: RequestCounter) -> Manifest | None:
    """Return the Service of the first server; None for a cluster, and when somebody else runs Redis."""
    if counter.spec.store.redis.mode in {"External", "Cluster"}:
        return None
    first = server_names(counter)[0]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(counter, "redis"),
        "spec": {
            "type": "ClusterIP",
            # Alone it is the only one. As one of several it may be a replica, which who still asks here is told.
            "selector": selector_labels(counter, "redis") | {POD_NAME_LABEL: first},
            "ports": [{"name": "redis", "port": REDIS_PORT, "targetPort": "redis", "protocol": "TCP"}],
        },
    }


def render_pod_services(counter: RequestCounter) -> Iterator[Manifest]:
    """Return a Service for each server and sentinel of a group or cluster: an address that outlives the pod.

    Servers and sentinels announce these addresses. A name would do worse: Sentinel gives up replicas when the name of a
    dead primary is not resolved any more. What is not ready can be reached as well: it is just then that others ask.
    """
    mode = counter.spec.store.redis.mode
    if mode == "Cluster":
        for name in server_names(counter):
            yield _pod_service(counter, "cluster", name, {"redis": REDIS_PORT, "bus": REDIS_BUS_PORT})
    if mode == "Sentinel":
        for name in server_names(counter):
            yield _pod_service(counter, "redis", name, {"redis": REDIS_PORT})
        for name in sentinel_names(counter):
            yield _pod_service(counter, "sentinel", name, {"sentinel": SENTINEL_PORT})


def _pod_service(counter: RequestCounter, component: Component, pod: str, ports: dict[str, int]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(counter, component) | {"name": pod},
        "spec": {
            "type": "ClusterIP",
            "publishNotReadyAddresses": True,
            "selector": selector_labels(counter, component) | {POD_NAME_LABEL: pod},
            "ports": [
                {"name": name, "port": port, "targetPort": name, "protocol": "TCP"} for name, port in ports.items()
            ],
        },
    }
