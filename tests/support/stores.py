"""Every kind of store there is, opened by name of its kind on one set of data: what the conformance suite runs over."""

from collections.abc import Callable, Mapping

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


def _open_redis(request: pytest.FixtureRequest, durability: Durability = "None") -> OpenStore:
    address = parse_address(request.getfixturevalue("redis_server").url)
    return lambda max_paths=MAX_PATHS: RedisStore(address, counter="test", max_paths=max_paths, durability=durability)


def _open_persisted_redis(request: pytest.FixtureRequest) -> OpenStore:
    return _open_redis(request, "Persisted")


STORES: Mapping[str, Callable[[pytest.FixtureRequest], OpenStore]] = {
    "memory": _open_memory,
    "sqlite": _open_sqlite,
    "redis": _open_redis,
    "redis-persisted": _open_persisted_redis,
}
