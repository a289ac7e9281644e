"""The ConfigMap with redis.conf for a counter's own Redis, and with how its servers and sentinels start and stop."""

from importlib.resources import files

from request_counter_operator.api import Redis, RequestCounter
from request_counter_operator.names import REDIS_PORT, metadata, store_component
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.render.quantities import to_bytes
from request_counter_operator.render.redis_tls import port_lines
from request_counter_operator.render.topology import topology

CONFIG_KEY = "redis.conf"
COMMON_KEY = "common.sh"
START_KEY = "redis-start.sh"
STARTED_KEY = "redis-started.sh"
STOP_KEY = "redis-stop.sh"
SENTINEL_START_KEY = "sentinel-start.sh"
SENTINEL_ALIVE_KEY = "sentinel-alive.sh"
BACKUP_KEY = "redis-backup.sh"
RESTORE_KEYS = ("restore-fetch.sh", "restore-serve.sh")
CLUSTER_START_KEY = "cluster-start.sh"
CLUSTER_STOP_KEY = "cluster-stop.sh"
TOPOLOGY_KEY = "topology.sh"
# Not below /etc/redis, which some images close to all users but their own.
CONFIG_DIRECTORY = "/etc/request-counter/config"
ACL_DIRECTORY = "/etc/request-counter/acl"
DATA_DIRECTORY = "/data"

NODE_TIMEOUT_MS = 4000
"""For how long a server of a cluster has to be silent before the others take it for dead."""

_SCRIPTS = {
    script.name: script.read_text()
    for script in (files(__package__) / "scripts").iterdir()
    if script.name[-3:] == ".sh"
}

_SCRIPTS_OF: dict[str, tuple[str, ...]] = {
    "Sentinel": (START_KEY, STOP_KEY, STARTED_KEY, SENTINEL_START_KEY, SENTINEL_ALIVE_KEY),
    "Cluster": (CLUSTER_START_KEY, CLUSTER_STOP_KEY),
}
"""How the servers of a mode start, how they stop, what they do when they run, and what the sentinels need."""


def render_redis_config(counter: RequestCounter) -> Manifest | None:
    """Return the ConfigMap, or None when somebody else runs Redis."""
    mode = counter.spec.store.redis.mode
    if mode == "External":
        return None
    data = {CONFIG_KEY: redis_config(counter)}
    if mode in _SCRIPTS_OF:
        data |= {name: _SCRIPTS[name] for name in (COMMON_KEY, *_SCRIPTS_OF[mode])}
        data[TOPOLOGY_KEY] = topology(counter)
    if counter.spec.store.backup is not None:
        data[BACKUP_KEY] = _SCRIPTS[BACKUP_KEY]
    if counter.spec.restore_from is not None:
        data |= {name: _SCRIPTS[name] for name in RESTORE_KEYS}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(counter, store_component(counter)),
        "data": data,
    }


def redis_program(counter: RequestCounter) -> str:
    """Return all that a server reads when it starts and that must start it anew when it changes.

    Not the topology: whatever of it changes, a running server learns in another way.
    """
    mode = counter.spec.store.redis.mode
    scripts = [COMMON_KEY, _SCRIPTS_OF[mode][0]] if mode in _SCRIPTS_OF else []
    if mode == "Sentinel":
        scripts.append(STARTED_KEY)
    return "".join([redis_config(counter), *(_SCRIPTS[script] for script in scripts)])


def start_and_stop(counter: RequestCounter) -> tuple[str, str]:
    """Return the scripts that start and stop a server that is one of several."""
    start, stop, *_ = _SCRIPTS_OF[counter.spec.store.redis.mode]
    return start, stop


def sentinel_program() -> str:
    """Return all that a sentinel reads when it starts and that must start it anew when it changes."""
    return _SCRIPTS[COMMON_KEY] + _SCRIPTS[SENTINEL_START_KEY]


def redis_config(counter: RequestCounter) -> str:
    """Return redis.conf: counts are never evicted, and are on disk before Redis answers where durability asks for it.

    Source: https://redis.io/docs/latest/operate/oss_and_stack/management/config-file/
    """
    store = counter.spec.store
    lines = [
        *port_lines(counter, REDIS_PORT),
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
    if store.redis.mode == "Cluster":
        lines += _cluster()
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


def _cluster() -> list[str]:
    return [
        "cluster-enabled yes",
        "cluster-config-file nodes.conf",
        f"cluster-node-timeout {NODE_TIMEOUT_MS}",
        # Each replica stays with the shard that its name says.
        "cluster-allow-replica-migration no",
        # A shard that is lost costs its own counts alone. What is cut off from most primaries stops all the same.
        "cluster-require-full-coverage no",
    ]


def _memory_limit_bytes(redis: Redis) -> int | None:
    limits = redis.resources.limits
    return None if limits is None or limits.memory is None else to_bytes(limits.memory)
