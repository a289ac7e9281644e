"""Integration tier: real Redis in containers, the service as a real process. Needs a Docker daemon."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from counter_service.store.base import CounterStore
from tests.support.redis_groups import ClusterServers, SentinelServers
from tests.support.redis_server import DURABLE, FORGETFUL, RedisServer
from tests.support.stores import STORES, OpenStore
from tests.support.tls_redis import TlsRedis

# Ryuk is a helper container from a registry that may be out of reach; our containers are stopped by their `with`
# blocks.
os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"


@pytest.fixture(scope="session")
def durable_redis() -> Iterator[RedisServer]:
    """One Redis that syncs every write, shared by tests that do it no lasting harm."""
    with RedisServer(*DURABLE) as server:
        yield server


@pytest.fixture
def redis_server(durable_redis: RedisServer) -> RedisServer:
    """The shared Redis, empty."""
    with durable_redis.client() as client:
        client.flushall()
        client.script_flush()
    return durable_redis


@pytest.fixture(scope="session")
def _other_redis() -> Iterator[RedisServer]:
    with RedisServer(*FORGETFUL) as server:
        yield server


@pytest.fixture
def other_redis(_other_redis: RedisServer) -> RedisServer:
    """Another Redis, which has no append-only file, empty."""
    _other_redis.flush()
    return _other_redis


@pytest.fixture(scope="session")
def _tls_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsRedis]:
    with TlsRedis(tmp_path_factory.mktemp("tls")) as server:
        yield server


@pytest.fixture
def tls_redis(_tls_redis: TlsRedis) -> TlsRedis:
    """A Redis with TLS and a user with few rights, empty."""
    with _tls_redis.client() as client:
        client.flushall()
    return _tls_redis


@pytest.fixture(scope="session")
def _sentinel_servers() -> Iterator[SentinelServers]:
    with SentinelServers() as servers:
        yield servers


@pytest.fixture
def sentinel_servers(_sentinel_servers: SentinelServers) -> SentinelServers:
    """A primary, two replicas and three sentinels, empty; for tests that do them no lasting harm."""
    _sentinel_servers.flush()
    return _sentinel_servers


@pytest.fixture(scope="session")
def _cluster_servers() -> Iterator[ClusterServers]:
    with ClusterServers() as servers:
        yield servers


@pytest.fixture
def cluster_servers(_cluster_servers: ClusterServers) -> ClusterServers:
    """A Redis Cluster of three primaries and three replicas, empty; for tests that do it no lasting harm."""
    _cluster_servers.flush()
    return _cluster_servers


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
async def open_store(request: pytest.FixtureRequest) -> AsyncIterator[OpenStore]:
    """Opens stores of one kind on the same data; closes them afterwards."""
    opened: list[CounterStore] = []
    make: OpenStore = request.param(request)

    def open_one(**options: int) -> CounterStore:
        opened.append(make(**options))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.aclose()


@pytest.fixture
def store(open_store: OpenStore) -> CounterStore:
    """One empty store of each kind."""
    return open_store()


@pytest.fixture
def shards(request: pytest.FixtureRequest) -> int:
    """In how many places the store of the test keeps its paths."""
    return 64 if "cluster" in request.node.callspec.id else 1
