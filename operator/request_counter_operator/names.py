"""Every name, label and selector of what the operator makes, in one place.

A child is called as its RequestCounter, or that name with a suffix for its role; labels follow
https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/. Selectors never change after a
child was made, so they hold nothing that a user or a release could change.
"""

from typing import Any, Literal

from request_counter_operator.api import API_VERSION, KIND, RequestCounter

FIELD_MANAGER = "request-counter-operator"
REPLICAS_FIELD_MANAGER = "request-counter-operator-replicas"
"""Holds ``spec.replicas`` of a Deployment between our letting go of it and the autoscaler's first write."""

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
SELECT_OURS = f"{MANAGED_BY}={FIELD_MANAGER}"

HTTP_PORT = 8000
ADMIN_PORT = 8001
SERVICE_PORT = 80
REDIS_PORT = 6379
SENTINEL_PORT = 26379
REDIS_BUS_PORT = 16379
"""Where the servers of a Redis Cluster talk to each other: always 10,000 above the other one."""

SHARD_LABEL = "requestcounter.io/shard"
REDIS_PROBE_USER = "probe"

Component = Literal["service", "redis", "sentinel", "cluster", "transfer", "backup", "restore"]


def selector_labels(counter: RequestCounter, component: Component) -> dict[str, str]:
    """Return the labels by which a Service or a workload finds its pods."""
    return {
        "app.kubernetes.io/name": "request-counter",
        INSTANCE: counter.metadata.name,
        "app.kubernetes.io/component": component,
    }


def labels(counter: RequestCounter, component: Component) -> dict[str, str]:
    """Return the labels of a child or pod."""
    return {
        **selector_labels(counter, component),
        "app.kubernetes.io/part-of": "request-counter",
        MANAGED_BY: FIELD_MANAGER,
    }


def selector(counter: RequestCounter) -> str:
    """Return the label selector of the service's pods, as the scale subresource wants it."""
    return selector_of(counter, "service")


def selector_of(counter: RequestCounter, component: Component) -> str:
    """Return the label selector of a component's pods."""
    return ",".join(f"{key}={value}" for key, value in selector_labels(counter, component).items())


def child_name(counter: RequestCounter, component: Component) -> str:
    """Return the name of all children of this component but the admin Service."""
    return counter.metadata.name if component == "service" else f"{counter.metadata.name}-{component}"


def store_name(counter: RequestCounter) -> str:
    """Return the name of the ConfigMap and the Secret of the counter's own Redis.

    A cluster has its own, so that it can be there beside the servers whose counts are moved to it.
    """
    return child_name(counter, store_component(counter))


def store_tls_name(counter: RequestCounter) -> str:
    """Return whom the certificate of the counter's own Redis has to name.

    The same in every mode, so that counts can be moved from one to another with the certificate there is.
    """
    return f"{child_name(counter, 'redis')}.{counter.metadata.namespace}.svc"


def store_component(counter: RequestCounter) -> Component:
    """Return what the servers with data are, by the mode that is wanted."""
    return "cluster" if counter.spec.store.redis.mode == "Cluster" else "redis"


def admin_name(counter: RequestCounter) -> str:
    """Return the name of the Service in front of the admin ports."""
    return f"{counter.metadata.name}-admin"


def counter_key(counter: RequestCounter) -> str:
    """Return the name under which the service keeps its counts: unique in the cluster, as a shared Redis requires."""
    return f"{counter.metadata.namespace}/{counter.metadata.name}"


def owner_reference(counter: RequestCounter) -> dict[str, Any]:
    """Return the reference that ties a child's life to its RequestCounter's."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": counter.metadata.name,
        "uid": counter.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def metadata(counter: RequestCounter, component: Component) -> dict[str, Any]:
    """Return the metadata of a child: name, namespace, labels and owner."""
    return {
        "name": child_name(counter, component),
        "namespace": counter.metadata.namespace,
        "labels": labels(counter, component),
        "ownerReferences": [owner_reference(counter)],
    }
