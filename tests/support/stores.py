"""Every kind of store there is, opened by name of its kind on one set of data: what the conformance suite runs over."""

from collections.abc import Callable, Mapping
from functools import partial

import pytest

from counter_service.store.base import CounterStore
from counter_service.store.memory import MemoryStore
from counter_service.store.redis_address import parse_address
from counter_service.store.redis_store import Durability, RedisStore
from counter_service.store.sqlite import SqliteStore

MAX_PATHS = 1000

OpenStore = Callable[..., CounterStore]
"""Opens one more store on the same data; takes max_paths."""


def _open_memory(_request: pytest.FixtureRequest) -> OpenStore:
    return lambda max_paths=MAX_PATHS: MemoryStore(max_paths=max_paths)


def _open_sqlite(request: pytest.FixtureRequest) -> OpenStore:
    file = request.getfixturevalue("tmp_path") / "counter.sqlite"
    return lambda max_paths=MAX_PATHS: SqliteStore(file, counter="test", max_paths=max_paths, fsync=True)


def _open_redis(
    request: pytest.FixtureRequest, fixture: str, durability: Durability = "None", *, read_from_replicas: bool = False
) -> OpenStore:
    """Open the Redis of a fixture, which has a URL and may have files for TLS and the password."""
    servers = request.getfixturevalue(fixture)
    address = parse_address(
        servers.url, getattr(servers, "password_file", None), tls_files=getattr(servers, "tls_files", None)
    )
    return lambda max_paths=MAX_PATHS: RedisStore(
        address,
        counter="test",
        max_paths=max_paths,
        durability=durability,
        read_from_replicas=read_from_replicas,
    )


STORES: Mapping[str, Callable[[pytest.FixtureRequest], OpenStore]] = {
    "memory": _open_memory,
    "sqlite": _open_sqlite,
    "redis": partial(_open_redis, fixture="redis_server"),
    "redis-persisted": partial(_open_redis, fixture="redis_server", durability="Persisted"),
    "redis-tls-acl": partial(_open_redis, fixture="tls_redis", durability="Persisted"),
    "sentinel": partial(_open_redis, fixture="sentinel_servers"),
    "sentinel-replicated": partial(_open_redis, fixture="sentinel_servers", durability="Replicated"),
    "cluster": partial(_open_redis, fixture="cluster_servers", durability="Persisted"),
    "cluster-replicated": partial(_open_redis, fixture="cluster_servers", durability="Replicated"),
}
