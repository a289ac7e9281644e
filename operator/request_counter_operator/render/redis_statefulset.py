"""The StatefulSet that runs a counter's own Redis with its volumes: one server, or a primary with replicas.

What pods with data have in common is here as well: those of a cluster differ in their labels and in how they start.
"""

from dataclasses import dataclass
from typing import Any

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import (
    REDIS_BUS_PORT,
    REDIS_PORT,
    labels,
    metadata,
    selector_labels,
    store_name,
)
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
    ACL_DIRECTORY,
    CONFIG_DIRECTORY,
    CONFIG_KEY,
    DATA_DIRECTORY,
    redis_program,
    start_and_stop,
)
from request_counter_operator.render.redis_probe import ping
from request_counter_operator.render.redis_secret import ACL_KEY, REPLICATION_KEYS
from request_counter_operator.render.redis_tls import probe_options, tls_mounts, tls_volumes
from request_counter_operator.render.topology import server_names
from request_counter_operator.settings import Settings

REDIS_USER_ID = 999
"""The user ``redis`` of the official image."""

REPLICATION_DIRECTORY = "/etc/request-counter/replication"

GRACE_PERIOD_S = 20
"""A primary hands over in about two seconds, and closes its append-only file in less."""

START_ALONE = f"exec 9> {DATA_DIRECTORY}/lock && flock 9 && exec redis-server {CONFIG_DIRECTORY}/{CONFIG_KEY}"
"""How the one server starts: not before its volume is its alone.

A pod that was deleted by force may still run, and count, when the next one starts. It holds the lock until it ends.
"""


@dataclass(frozen=True, slots=True)
class ServerSet:
    """What tells one StatefulSet of servers with data from another.

    Attributes:
        metadata: of the StatefulSet.
        servers: how many it has when it is awake.
        labels: of its pods and their claims.
        selector: the labels by which its pods are found.
        spread: the rules by which they are spread over nodes.
    """

    metadata: Manifest
    servers: int
    labels: dict[str, str]
    selector: dict[str, str]
    spread: list[Manifest]


def render_redis_statefulset(counter: RequestCounter, settings: Settings, facts: Facts) -> Manifest | None:
    """Return the StatefulSet; None for a cluster, which has one for each shard, and when somebody else runs Redis."""
    if counter.spec.store.redis.mode in {"External", "Cluster"}:
        return None
    selector = selector_labels(counter, "redis")
    servers = ServerSet(
        metadata=metadata(counter, "redis"),
        servers=len(server_names(counter)),
        labels=labels(counter, "redis"),
        selector=selector,
        spread=[spread_evenly(selector)] if counter.spec.store.redis.mode == "Sentinel" else [],
    )
    return server_statefulset(counter, settings, facts, servers)


def server_statefulset(counter: RequestCounter, settings: Settings, facts: Facts, servers: ServerSet) -> Manifest:
    """Return the StatefulSet of these servers.

    Going to sleep, Redis goes last: the service's pods still have counts to hand to it.
    """
    redis = counter.spec.store.redis
    persistence = redis.persistence
    spec: dict[str, Any] = {
        "replicas": 0 if counter.is_hibernating and facts.service_pods == 0 else servers.servers,
        "serviceName": servers.metadata["name"],
        # In order, a pod that never gets ready would never be replaced by a better one.
        "podManagementPolicy": "Parallel",
        # Of several, the operator says which is next: replicas first, so that the primary moves once.
        "updateStrategy": {"type": "RollingUpdate" if redis.mode == "Standalone" else "OnDelete"},
        "selector": {"matchLabels": servers.selector},
        "template": _pod_template(counter, redis.image or settings.redis_image, facts, servers),
    }
    if persistence.enabled:
        spec["volumeClaimTemplates"] = [volume_claim(servers.labels, persistence.size, persistence.storage_class_name)]
        spec["persistentVolumeClaimRetentionPolicy"] = {
            "whenDeleted": "Retain" if persistence.retain else "Delete",
            "whenScaled": "Retain",
        }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": servers.metadata, "spec": spec}


def _pod_template(counter: RequestCounter, image: str, facts: Facts, servers: ServerSet) -> Manifest:
    name = store_name(counter)
    is_group = counter.spec.store.redis.mode in {"Sentinel", "Cluster"}
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": name}},
        secret_file("acl", name, {ACL_KEY: ACL_KEY}),
    ]
    if is_group:
        volumes.append(secret_file("replication", name, REPLICATION_KEYS))
    volumes += tls_volumes(counter)
    if not counter.spec.store.redis.persistence.enabled:
        volumes.append({"name": "data", "emptyDir": {}})
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": restricted_pod(REDIS_USER_ID),
        "terminationGracePeriodSeconds": GRACE_PERIOD_S,
        "containers": [_container(counter, image, is_group=is_group)],
        "volumes": volumes,
    }
    if servers.spread:
        spec["topologySpreadConstraints"] = servers.spread
    return {
        "metadata": {
            "labels": servers.labels,
            "annotations": {
                # Redis reads both only when it starts, so a change of either must start it anew.
                "requestcounter.io/config": fingerprint(redis_program(counter)),
                "requestcounter.io/credentials": facts.credentials.fingerprint,
            },
        },
        "spec": spec,
    }


def _container(counter: RequestCounter, image: str, *, is_group: bool) -> Manifest:
    mounts = [
        {"name": "config", "mountPath": CONFIG_DIRECTORY, "readOnly": True},
        {"name": "acl", "mountPath": ACL_DIRECTORY, "readOnly": True},
        {"name": "data", "mountPath": DATA_DIRECTORY},
        *tls_mounts(counter),
    ]
    tls = probe_options(counter)
    container: Manifest = {
        "name": "redis",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", START_ALONE],
        "ports": [{"name": "redis", "containerPort": REDIS_PORT, "protocol": "TCP"}],
        "resources": container_resources(counter.spec.store.redis.resources),
        "securityContext": RESTRICTED_CONTAINER,
        # With -e an error reply, such as LOADING, is a failure: not ready, but nothing to be killed for.
        "readinessProbe": ping(*tls, "-e", period_s=2, failures=2),
        "livenessProbe": ping(*tls, period_s=10, failures=6),
        "volumeMounts": mounts,
    }
    if is_group:
        start, stop = start_and_stop(counter)
        container["command"] = ["bash", f"{CONFIG_DIRECTORY}/{start}"]
        container["lifecycle"] = {"preStop": {"exec": {"command": ["bash", f"{CONFIG_DIRECTORY}/{stop}"]}}}
        # Until the sentinels agree on a primary there is no Redis: that may take as long as it takes.
        container["startupProbe"] = ping(*tls, period_s=2, failures=1800)
        mounts.append({"name": "replication", "mountPath": REPLICATION_DIRECTORY, "readOnly": True})
    if counter.spec.store.redis.mode == "Cluster":
        container["ports"].append({"name": "bus", "containerPort": REDIS_BUS_PORT, "protocol": "TCP"})
    return container
