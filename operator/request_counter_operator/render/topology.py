"""Who belongs to a counter's Redis: names for the manifests, and the same as shell variables for the start scripts."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import SHARD_LABEL, child_name, counter_key, selector_labels
from request_counter_operator.render.redis_tls import cli_variables

SENTINELS = 3
QUORUM = 2
"""Of the sentinels: so many have to agree."""

DOWN_AFTER_MS = 4000
"""For how long a primary has to be silent before the sentinels look for another."""

FAILOVER_TIMEOUT_MS = 10000
"""After how long the sentinels give a failover up; another attempt comes after twice that."""


HASH_TAGS = 64
"""Into how many hash tags the service puts a counter's keys where the Redis is a cluster."""


def server_names(counter: RequestCounter) -> list[str]:
    """Return the pods of the Redis with data, which have Services of their own of the same names."""
    redis = counter.spec.store.redis
    if redis.mode == "External":
        return []
    if redis.mode == "Cluster":
        return [name for shard in range(shards(counter)) for name in shard_servers(counter, shard)]
    return [f"{child_name(counter, 'redis')}-{number}" for number in range(1 + redis.replicas_per_primary)]


def shards(counter: RequestCounter) -> int:
    """Return how many shards of a cluster there are to be: those asked for, and those that still have counts."""
    return max(counter.spec.store.redis.primaries, counter.promised_shards)


def shard_name(counter: RequestCounter, shard: int) -> str:
    """Return the name of a shard's StatefulSet."""
    return f"{child_name(counter, 'cluster')}-{shard}"


def shard_servers(counter: RequestCounter, shard: int) -> list[str]:
    """Return the pods of one shard."""
    servers = 1 + counter.spec.store.redis.replicas_per_primary
    return [f"{shard_name(counter, shard)}-{number}" for number in range(servers)]


def shard_labels(counter: RequestCounter, shard: int) -> dict[str, str]:
    """Return the labels by which a shard's pods are found."""
    return selector_labels(counter, "cluster") | {SHARD_LABEL: str(shard)}


def workload_names(counter: RequestCounter) -> list[str]:
    """Return the StatefulSets of the servers with data."""
    mode = counter.spec.store.redis.mode
    if mode == "Cluster":
        return [shard_name(counter, shard) for shard in range(shards(counter))]
    return [] if mode == "External" else [child_name(counter, "redis")]


def hash_tags(counter: RequestCounter) -> list[str]:
    """Return what decides in which slots a cluster keeps the counter's keys: the service's way to name them."""
    return [f"{counter_key(counter)}/{number}" for number in range(HASH_TAGS)]


def sentinel_names(counter: RequestCounter) -> list[str]:
    """Return the sentinels' pods, likewise."""
    if counter.spec.store.redis.mode != "Sentinel":
        return []
    return [f"{child_name(counter, 'sentinel')}-{number}" for number in range(SENTINELS)]


def group(counter: RequestCounter) -> str:
    """Return what the sentinels call the group: unlike any other, even one of the same name in another life."""
    return f"counter-{counter.metadata.uid}"


def topology(counter: RequestCounter) -> str:
    """Return the variables that the scripts read when they start. It may change under a running pod."""
    redis = counter.spec.store.redis
    variables = {
        "NAMESPACE": counter.metadata.namespace,
        "GROUP": group(counter),
        "SERVERS": " ".join(server_names(counter)),
        "SENTINELS": " ".join(sentinel_names(counter)),
        "QUORUM": str(QUORUM),
        "DOWN_AFTER_MS": str(DOWN_AFTER_MS),
        "FAILOVER_TIMEOUT_MS": str(FAILOVER_TIMEOUT_MS),
    }
    if redis.mode == "Cluster":
        variables = {
            "NAMESPACE": counter.metadata.namespace,
            "SERVERS": " ".join(server_names(counter)),
            "SERVERS_PER_SHARD": str(1 + redis.replicas_per_primary),
            "KEPT": "yes" if redis.persistence.enabled else "no",
        }
    # What is only in memory is lost with all servers at once; an empty primary is then what is left to begin with.
    variables["BOOTSTRAPPED"] = "yes" if counter.is_bootstrapped and redis.persistence.enabled else "no"
    variables |= cli_variables(counter)
    return "".join(f'{name}="{value}"\n' for name, value in variables.items())
