"""The Deployment that runs the counter service."""

from typing import Any

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import (
    ADMIN_PORT,
    HTTP_PORT,
    child_name,
    counter_key,
    labels,
    metadata,
    selector_labels,
)
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.manifest import (
    RESTRICTED_CONTAINER,
    Manifest,
    container_resources,
    http_probe,
    restricted_pod,
)
from request_counter_operator.render.store_access import StoreAccess, store_access
from request_counter_operator.settings import Settings

SERVICE_USER_ID = 65532
"""The user of Dockerfile.service."""

DRAIN_DELAY_S = 5
"""How long a stopping pod goes on accepting: until every proxy has learnt that it is leaving."""

GRACE_PERIOD_S = 20
"""The service takes 16 s at most: this delay, ten to end its connections and hand its counts over, and one more. Not
much longer, for a namespace that is deleted waits for half of the longest time that a pod may take."""


def render_deployment(counter: RequestCounter, settings: Settings, facts: Facts) -> Manifest:
    """Return the Deployment.

    With autoscaling its ``replicas`` are set only while it has none or is not there (to the minimum, so that it does
    not start with one pod); from then on the field is the autoscaler's.
    """
    access = store_access(counter, facts.credentials)
    spec: dict[str, Any] = {
        "selector": {"matchLabels": selector_labels(counter, "service")},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {
            "metadata": {"labels": labels(counter, "service"), "annotations": access.annotations},
            "spec": _pod(counter, settings, access),
        },
    }
    if counter.is_hibernating or counter.is_restoring:
        spec["replicas"] = 0
    elif counter.spec.autoscaling is None or not facts.service_replicas:
        spec["replicas"] = counter.minimum_replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(counter, "service"), "spec": spec}


def _pod(counter: RequestCounter, settings: Settings, access: StoreAccess) -> Manifest:
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector_labels(counter, "service")},
    }
    return {
        "serviceAccountName": child_name(counter, "service"),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": restricted_pod(SERVICE_USER_ID),
        "terminationGracePeriodSeconds": GRACE_PERIOD_S,
        "topologySpreadConstraints": [spread],
        "containers": [_container(counter, settings, access)],
        "volumes": [{"name": "tmp", "emptyDir": {}}, *access.volumes],
    }


def _container(counter: RequestCounter, settings: Settings, access: StoreAccess) -> Manifest:
    environment = {
        "COUNTER_NAME": counter_key(counter),
        "COUNTER_HOST": "0.0.0.0",  # noqa: S104 - the pod's own address, whichever it is
        "COUNTER_PORT": str(HTTP_PORT),
        "COUNTER_ADMIN_PORT": str(ADMIN_PORT),
        "COUNTER_DURABILITY": counter.spec.store.durability,
        "COUNTER_MAX_PATH_BYTES": str(counter.spec.limits.max_path_bytes),
        "COUNTER_MAX_PATHS": str(counter.spec.limits.max_paths),
        "COUNTER_DRAIN_DELAY_S": str(DRAIN_DELAY_S),
        "COUNTER_LOG_LEVEL": counter.spec.logging.level,
        "COUNTER_LOG_FORMAT": "json",
        **_rate_limit(counter),
        **access.environment,
    }
    return {
        "name": "service",
        "image": counter.spec.image or settings.service_image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
            {"name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP"},
        ],
        "resources": container_resources(counter.spec.resources),
        "securityContext": RESTRICTED_CONTAINER,
        "readinessProbe": http_probe("/readyz", "admin", period_s=2, failures=2),
        "livenessProbe": http_probe("/healthz", "admin", period_s=10, failures=3),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, *access.mounts],  # noqa: S108 - its own volume
    }


def _rate_limit(counter: RequestCounter) -> dict[str, str]:
    limit = counter.spec.rate_limit
    if limit is None:
        return {}
    hops = limit.trusted_hops
    if hops is None:
        hops = 1 if counter.spec.exposure.type == "Ingress" else 0
    environment = {
        "COUNTER_RATE_LIMIT_REQUESTS_PER_SECOND": str(limit.requests_per_second),
        "COUNTER_RATE_LIMIT_PER": limit.per,
        "COUNTER_RATE_LIMIT_TRUSTED_HOPS": str(hops),
    }
    if limit.burst is not None:
        environment["COUNTER_RATE_LIMIT_BURST"] = str(limit.burst)
    return environment
