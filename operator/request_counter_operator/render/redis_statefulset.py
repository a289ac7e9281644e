"""The StatefulSet that runs the counter's own Redis: one pod and its volume."""

from typing import Any

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import REDIS_PORT, REDIS_PROBE_USER, child_name, labels, metadata, selector_labels
from request_counter_operator.render.credentials import fingerprint
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.manifest import (
    RESTRICTED_CONTAINER,
    Manifest,
    container_resources,
    restricted_pod,
    secret_file,
)
from request_counter_operator.render.redis_config import (
    ACL_DIRECTORY,
    CONFIG_DIRECTORY,
    CONFIG_KEY,
    DATA_DIRECTORY,
    redis_config,
)
from request_counter_operator.render.redis_secret import ACL_KEY
from request_counter_operator.settings import Settings

REDIS_USER_ID = 999
"""The user ``redis`` of the official image."""


def render_redis_statefulset(counter: RequestCounter, settings: Settings, facts: Facts) -> Manifest | None:
    """Return the StatefulSet, or None when somebody else runs Redis.

    Going to sleep, Redis goes last: the service's pods still have counts to hand to it.
    """
    redis = counter.spec.store.redis
    if redis.mode == "External":
        return None
    persistence = redis.persistence
    spec: dict[str, Any] = {
        "replicas": 0 if counter.is_hibernating and facts.service_pods == 0 else 1,
        "serviceName": child_name(counter, "redis"),
        # In order, a pod that never gets ready would never be replaced by a better one.
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": selector_labels(counter, "redis")},
        "template": _pod_template(counter, redis.image or settings.redis_image, facts.redis_password),
    }
    if persistence.enabled:
        spec["volumeClaimTemplates"] = [_volume_claim(counter)]
        spec["persistentVolumeClaimRetentionPolicy"] = {
            "whenDeleted": "Retain" if persistence.retain else "Delete",
            "whenScaled": "Retain",
        }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata(counter, "redis"), "spec": spec}


def _pod_template(counter: RequestCounter, image: str, password: str) -> Manifest:
    name = child_name(counter, "redis")
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": name}},
        secret_file("acl", name, {ACL_KEY: ACL_KEY}),
    ]
    if not counter.spec.store.redis.persistence.enabled:
        volumes.append({"name": "data", "emptyDir": {}})
    return {
        "metadata": {
            "labels": labels(counter, "redis"),
            "annotations": {
                # Redis reads both only when it starts, so a change of either must start it anew.
                "requestcounter.io/config": fingerprint(redis_config(counter)),
                "requestcounter.io/credentials": fingerprint(password),
            },
        },
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": restricted_pod(REDIS_USER_ID),
            # Redis flushes and closes its append-only file on SIGTERM, of which nearly all is on the disk already.
            "terminationGracePeriodSeconds": 20,
            "containers": [_container(counter, image)],
            "volumes": volumes,
        },
    }


def _container(counter: RequestCounter, image: str) -> Manifest:
    return {
        "name": "redis",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["redis-server", f"{CONFIG_DIRECTORY}/{CONFIG_KEY}"],
        "ports": [{"name": "redis", "containerPort": REDIS_PORT, "protocol": "TCP"}],
        "resources": container_resources(counter.spec.store.redis.resources),
        "securityContext": RESTRICTED_CONTAINER,
        # With -e an error reply, such as LOADING, is a failure: not ready, but nothing to be killed for.
        "readinessProbe": _ping("-e", period_s=2, failures=2),
        "livenessProbe": _ping(period_s=10, failures=6),
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG_DIRECTORY, "readOnly": True},
            {"name": "acl", "mountPath": ACL_DIRECTORY, "readOnly": True},
            {"name": "data", "mountPath": DATA_DIRECTORY},
        ],
    }


def _ping(*options: str, period_s: int, failures: int) -> Manifest:
    return {
        # This user needs no password, and any will do; without one, redis-cli would not log in.
        "exec": {"command": ["redis-cli", *options, "--user", REDIS_PROBE_USER, "--pass", "any", "ping"]},
        "periodSeconds": period_s,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _volume_claim(counter: RequestCounter) -> Manifest:
    """Return the claim as the API server completes it: the list is ours as a whole, its defaults included.

    Without them, an operator that has just started would take the server's additions for somebody's.
    """
    persistence = counter.spec.store.redis.persistence
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": persistence.size}},
        "volumeMode": "Filesystem",
    }
    if persistence.storage_class_name is not None:
        spec["storageClassName"] = persistence.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "labels": labels(counter, "redis")},
        "spec": spec,
        "status": {"phase": "Pending"},
    }
