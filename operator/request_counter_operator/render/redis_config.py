"""The ConfigMap with redis.conf for a counter's own Redis, and with how its servers and sentinels start and stop."""

from importlib.resources import files

from request_counter_operator.api import Redis, RequestCounter
from request_counter_operator.names import REDIS_PORT, metadata
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.render.quantities import to_bytes
from request_counter_operator.render.topology import topology

CONFIG_KEY = "redis.conf"
START_KEY = "redis-start.sh"
STOP_KEY = "redis-stop.sh"
SENTINEL_START_KEY = "sentinel-start.sh"
BACKUP_KEY = "redis-backup.sh"
RESTORE_KEYS = ("restore-fetch.sh", "restore-serve.sh")
TOPOLOGY_KEY = "topology.sh"
# Not below /etc/redis, which some images close to all users but their own.
CONFIG_DIRECTORY = "/etc/request-counter/config"
ACL_DIRECTORY = "/etc/request-counter/acl"
DATA_DIRECTORY = "/data"

_SCRIPTS = {
    script.name: script.read_text()
    for script in (files(__package__) / "scripts").iterdir()
    if script.name[-3:] == ".sh"
}


def render_redis_config(counter: RequestCounter) -> Manifest | None:
    """Return the ConfigMap, or None when somebody else runs Redis."""
    mode = counter.spec.store.redis.mode
    if mode == "External":
        return None
    data = {CONFIG_KEY: redis_config(counter)}
    if mode == "Sentinel":
        data |= {name: _SCRIPTS[name] for name in (START_KEY, STOP_KEY, SENTINEL_START_KEY)}
        data[TOPOLOGY_KEY] = topology(counter)
    if counter.spec.store.backup is not None:
        data[BACKUP_KEY] = _SCRIPTS[BACKUP_KEY]
    if counter.spec.restore_from is not None:
        data |= {name: _SCRIPTS[name] for name in RESTORE_KEYS}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(counter, "redis"), "data": data}


def redis_program(counter: RequestCounter) -> str:
    """Return all that a server reads when it starts and that must start it anew when it changes.

    Not the topology: whatever of it changes, a running server learns in another way.
    """
    scripts = [_SCRIPTS[START_KEY]] if counter.spec.store.redis.mode == "Sentinel" else []
    return "".join([redis_config(counter), *scripts])


def sentinel_program() -> str:
    """Return all that a sentinel reads when it starts and that must start it anew when it changes."""
    return _SCRIPTS[SENTINEL_START_KEY]


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
        f"appendfsync {'everysec' if store.durability == 'None' else 'always'}",
        "maxmemory-policy noeviction",  # a full Redis refuses counts; it never forgets any
        "tcp-keepalive 60",
    ]
    limit = _memory_limit_bytes(store.redis)
    if limit is not None:
        # The rest is for rewriting the append-only file (copy on write), buffers and fragmentation.
        lines.append(f"maxmemory {limit * 3 // 4}")
    if store.redis.mode != "Standalone":
        lines += _replication(counter)
    return "\n".join(lines) + "\n"


def _replication(counter: RequestCounter) -> list[str]:
    lines = [
        "repl-diskless-sync-delay 0",  # a replica that comes back is needed at once
        "repl-backlog-size 16mb",  # enough for a minute's absence at tens of thousands of counts a second
        "repl-timeout 10",
        "shutdown-timeout 3",
    ]
    if counter.spec.store.durability == "Replicated":
        # A primary that nobody follows takes no writes: they would be lost when another one is chosen.
        lines += ["min-replicas-to-write 1", "min-replicas-max-lag 10"]
    return lines


def _memory_limit_bytes(redis: Redis) -> int | None:
    limits = redis.resources.limits
    return None if limits is None or limits.memory is None else to_bytes(limits.memory)
