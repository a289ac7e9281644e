"""Integration tier: real Redis in containers, the service as a real process. Needs a Docker daemon."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from counter_service.store.base import CounterStore
from tests.support.redis_server import DURABLE, RedisServer
from tests.support.stores import STORES, OpenStore

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
