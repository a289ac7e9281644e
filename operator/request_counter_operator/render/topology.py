"""Who belongs to a counter's Redis: names for the manifests, and the same as shell variables for the start scripts."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import child_name

SENTINELS = 3
QUORUM = 2
"""Of the sentinels: so many have to agree."""

DOWN_AFTER_MS = 4000
"""For how long a primary has to be silent before the sentinels look for another."""

FAILOVER_TIMEOUT_MS = 10000
"""After how long the sentinels give a failover up; another attempt comes after twice that."""


def server_names(counter: RequestCounter) -> list[str]:
    """Return the pods of the Redis with data, which have Services of their own of the same names."""
    redis = counter.spec.store.redis
    if redis.mode == "External":
        return []
    return [f"{child_name(counter, 'redis')}-{number}" for number in range(1 + redis.replicas_per_primary)]


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
    # What is only in memory is lost with all servers at once; an empty primary is then what is left to begin with.
    is_kept = counter.spec.store.redis.persistence.enabled
    variables = {
        "NAMESPACE": counter.metadata.namespace,
        "GROUP": group(counter),
        "SERVERS": " ".join(server_names(counter)),
        "SENTINELS": " ".join(sentinel_names(counter)),
        "QUORUM": str(QUORUM),
        "DOWN_AFTER_MS": str(DOWN_AFTER_MS),
        "FAILOVER_TIMEOUT_MS": str(FAILOVER_TIMEOUT_MS),
        "BOOTSTRAPPED": "yes" if counter.is_bootstrapped and is_kept else "no",
    }
    return "".join(f'{name}="{value}"\n' for name, value in variables.items())
