"""The ConfigMap with redis.conf for the counter's own Redis."""

from request_counter_operator.api import Redis, RequestCounter
from request_counter_operator.names import REDIS_PORT, metadata
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.render.quantities import to_bytes

CONFIG_KEY = "redis.conf"
# Not below /etc/redis, which some images close to all users but their own.
CONFIG_DIRECTORY = "/etc/request-counter/config"
ACL_DIRECTORY = "/etc/request-counter/acl"
DATA_DIRECTORY = "/data"


def render_redis_config(counter: RequestCounter) -> Manifest | None:
    """Return the ConfigMap, or None when somebody else runs Redis."""
    if counter.spec.store.redis.mode == "External":
        return None
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(counter, "redis"),
        "data": {CONFIG_KEY: redis_config(counter)},
    }


def redis_config(counter: RequestCounter) -> str:
    """Return redis.conf: counts are never evicted, and are on disk before Redis answers where durability asks for it.

    Source: https://redis.io/docs/latest/operate/oss_and_stack/management/config-file/
    """
    store = counter.spec.store
    lines = [
        f"port {REDIS_PORT}",
        "bind * -::*",
        "protected-mode no",  # the ACL file is the protection
        f"aclfile {ACL_DIRECTORY}/users.acl",
        f"dir {DATA_DIRECTORY}",
        'save ""',  # the append-only file is the one copy of the data
        f"appendonly {'yes' if store.redis.persistence.enabled else 'no'}",
        f"appendfsync {'always' if store.durability == 'Persisted' else 'everysec'}",
        "maxmemory-policy noeviction",  # a full Redis refuses counts; it never forgets any
        "tcp-keepalive 60",
    ]
    limit = _memory_limit_bytes(store.redis)
    if limit is not None:
        # The rest is for rewriting the append-only file (copy on write), buffers and fragmentation.
        lines.append(f"maxmemory {limit * 3 // 4}")
    return "\n".join(lines) + "\n"


def _memory_limit_bytes(redis: Redis) -> int | None:
    limits = redis.resources.limits
    return None if limits is None or limits.memory is None else to_bytes(limits.memory)
