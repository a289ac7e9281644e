"""The StatefulSet of the sentinels, which watch a counter's Redis and choose another primary when it is gone."""

from typing import Any

from request_counter_operator.api import RequestCounter
from request_counter_operator.api.model import ResourceList, Resources
from request_counter_operator.names import SENTINEL_PORT, child_name, labels, metadata, selector_labels
from request_counter_operator.render.credentials import fingerprint
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.manifest import (
    RESTRICTED_CONTAINER,
    Manifest,
    container_resources,
    restricted_pod,
    secret_file,
    spread_evenly,
    volume_claim,
)
from request_counter_operator.render.redis_config import (
    CONFIG_DIRECTORY,
    DATA_DIRECTORY,
    SENTINEL_ALIVE_KEY,
    SENTINEL_START_KEY,
    sentinel_program,
)
from request_counter_operator.render.redis_probe import ping_sentinel
from request_counter_operator.render.redis_secret import SENTINEL_KEYS
from request_counter_operator.render.redis_statefulset import REDIS_USER_ID
from request_counter_operator.render.redis_tls import probe_options, tls_mounts, tls_volumes
from request_counter_operator.render.topology import SENTINELS
from request_counter_operator.settings import Settings

SECRETS_DIRECTORY = "/etc/request-counter/sentinel"
CERTIFICATE_ANNOTATION = "requestcounter.io/certificate"
"""Of the pods: which certificates they have started with."""

VOLUME_SIZE = "1Gi"
"""A sentinel keeps some kilobytes. This is the smallest volume that all providers of disks make."""

# A sentinel takes 1 % of a processor. The limit is for one that runs in circles: see sentinel-alive.sh.
_RESOURCES = Resources(requests=ResourceList(cpu="20m", memory="32Mi"), limits=ResourceList(cpu="250m", memory="64Mi"))


def render_sentinel_statefulset(counter: RequestCounter, settings: Settings, facts: Facts) -> Manifest | None:
    """Return the StatefulSet, or None where no sentinels are wanted. They sleep when their Redis does."""
    redis = counter.spec.store.redis
    if redis.mode != "Sentinel":
        return None
    persistence = redis.persistence
    spec: dict[str, Any] = {
        "replicas": 0 if counter.is_hibernating and facts.service_pods == 0 else SENTINELS,
        "serviceName": child_name(counter, "sentinel"),
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": selector_labels(counter, "sentinel")},
        "template": _pod_template(counter, redis.image or settings.redis_image, facts),
    }
    if persistence.enabled:
        claim = volume_claim(labels(counter, "sentinel"), VOLUME_SIZE, persistence.storage_class_name)
        spec["volumeClaimTemplates"] = [claim]
        # What sentinels know is of no use without their Redis, and can be asked for as long as that is there.
        spec["persistentVolumeClaimRetentionPolicy"] = {
            "whenDeleted": "Retain" if persistence.retain else "Delete",
            "whenScaled": "Retain",
        }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata(counter, "sentinel"), "spec": spec}


def _pod_template(counter: RequestCounter, image: str, facts: Facts) -> Manifest:
    name = child_name(counter, "redis")
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": name}},
        secret_file("sentinel", name, SENTINEL_KEYS),
    ]
    volumes += tls_volumes(counter)
    if not counter.spec.store.redis.persistence.enabled:
        volumes.append({"name": "data", "emptyDir": {}})
    annotations = {
        "requestcounter.io/config": fingerprint(sentinel_program()),
        "requestcounter.io/credentials": facts.credentials.fingerprint,
    }
    if counter.spec.store.redis.tls is not None and facts.certificate:
        # A sentinel reads its certificate only when it starts.
        annotations[CERTIFICATE_ANNOTATION] = facts.certificate
    return {
        "metadata": {"labels": labels(counter, "sentinel"), "annotations": annotations},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": restricted_pod(REDIS_USER_ID),
            "terminationGracePeriodSeconds": 5,
            "topologySpreadConstraints": [spread_evenly(selector_labels(counter, "sentinel"))],
            "containers": [_container(counter, image)],
            "volumes": volumes,
        },
    }


def _container(counter: RequestCounter, image: str) -> Manifest:
    tls = probe_options(counter)
    return {
        "name": "sentinel",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["bash", f"{CONFIG_DIRECTORY}/{SENTINEL_START_KEY}"],
        "ports": [{"name": "sentinel", "containerPort": SENTINEL_PORT, "protocol": "TCP"}],
        "resources": container_resources(_RESOURCES),
        "securityContext": RESTRICTED_CONTAINER,
        "startupProbe": ping_sentinel(*tls, period_s=2, failures=1800),
        "readinessProbe": ping_sentinel(*tls, period_s=2, failures=2),
        "livenessProbe": ping_sentinel(
            *tls, period_s=10, failures=6, by=("bash", f"{CONFIG_DIRECTORY}/{SENTINEL_ALIVE_KEY}")
        ),
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG_DIRECTORY, "readOnly": True},
            {"name": "sentinel", "mountPath": SECRETS_DIRECTORY, "readOnly": True},
            {"name": "data", "mountPath": DATA_DIRECTORY},
            *tls_mounts(counter),
        ],
    }
