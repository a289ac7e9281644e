"""What only groups of servers can do: answer reads from replicas, lose a primary, move its work to another."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, cast

import pytest
from redis import Redis

from counter_service.batching import IncrementQueue
from counter_service.errors import StoreUnavailableError
from counter_service.grouping import GroupLimits
from counter_service.metrics import ServiceMetrics
from counter_service.store.base import Batch
from counter_service.store.redis_address import parse_address
from counter_service.store.redis_store import Durability, RedisStore
from tests.support.eventually import eventually
from tests.support.redis_groups import GROUP, ClusterServers, SentinelServers
from tests.support.redis_server import RedisServer


@asynccontextmanager
async def opened(
    url: str, durability: Durability, *, from_replicas: bool = False, counter: str = "test"
) -> AsyncIterator[RedisStore]:
    """Have a store while the block runs."""
    store = RedisStore(
        parse_address(url), counter=counter, max_paths=10_000, durability=durability, read_from_replicas=from_replicas
    )
    try:
        yield store
    finally:
        await store.aclose()


def calls(servers: Sequence[RedisServer], command: str) -> int:
    """Return how often the servers ran a command."""
    total = 0
    for server in servers:
        with server.client() as client:
            total += int(client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])
    return total


@pytest.mark.parametrize("kind", ["sentinel_servers", "cluster_servers"])
async def test_reads_come_from_replicas_if_asked_to(kind: str, request: pytest.FixtureRequest) -> None:
    servers: SentinelServers | ClusterServers = request.getfixturevalue(kind)
    primaries = [servers.primary()] if isinstance(servers, SentinelServers) else servers.primaries()
    replicas = [server for server in servers.servers if server not in primaries]
    counts = {f"/{number}": number + 1 for number in range(100)}
    async with opened(servers.url, "None", from_replicas=True) as store:
        await store.increment(Batch("w", 1, counts))

        async def are_read_from_replicas_alone() -> bool:
            before = calls(primaries, "hmget")
            is_right = list(await store.read(list(counts))) == list(counts.values())
            return is_right and calls(primaries, "hmget") == before

        # Sentinels and clusters take some seconds to know a replica that is new.
        await eventually(are_read_from_replicas_alone, within_s=30)
        assert await store.total() == sum(counts.values())
        assert calls(replicas, "hmget") > 0


@pytest.mark.parametrize("kind", ["sentinel", "cluster"])
async def test_batches_find_the_new_primary_and_nothing_is_lost(kind: str) -> None:
    with SentinelServers() if kind == "sentinel" else ClusterServers() as servers:
        async with opened(servers.url, "Replicated") as store:
            limits = GroupLimits(request_timeout_s=40.0, attempt_timeout_s=2.0)
            queue = IncrementQueue(store, limits, ServiceMetrics())
            run = asyncio.create_task(queue.run())
            paths = [f"/{number}" for number in range(50)]
            assert await asyncio.gather(*map(queue.request, paths)) == [1] * 50
            killed = servers.primary() if isinstance(servers, SentinelServers) else servers.primaries()[0]
            killed.kill()
            waiting = [asyncio.create_task(queue.request(path)) for path in paths]
            if isinstance(servers, ClusterServers):
                # Each primary has one replica, which is primary now: a second copy is there when the dead one is back.
                await eventually(lambda: len(servers.primaries()) == 3, within_s=30)
                await asyncio.to_thread(killed.start_again)
            assert await asyncio.gather(*waiting) == [2] * 50
            assert list(await store.read(paths)) == [2] * 50
            assert await queue.aclose(5.0)
            await run


async def test_replicated_acknowledges_nothing_that_one_server_alone_has(sentinel_servers: SentinelServers) -> None:
    primary = sentinel_servers.primary()
    replicas = [server for server in sentinel_servers.servers if server is not primary]
    async with opened(sentinel_servers.url, "Replicated") as store:
        assert list(await store.increment(Batch("w", 1, {"/a": 1}))) == [1]
        for replica in replicas:
            replica.pause()
        try:
            with pytest.raises(StoreUnavailableError, match=r"no replica|NOREPLICAS"):
                await store.increment(Batch("w", 2, {"/a": 1}))
        finally:
            for replica in replicas:
                replica.resume()
        assert await counted(store, 2) == 2
        assert list(await store.read(["/a"])) == [2]


async def test_who_speaks_again_while_another_takes_over_acknowledges_nothing() -> None:
    """The old primary and a replica of it are there, and agree; all they have counted is about to be thrown away."""
    with SentinelServers() as servers:
        primary, heir, other = servers.servers
        await prefer(servers, heir, other)
        async with opened(servers.url, "Replicated") as store:
            assert await counted(store, 1) == 1
            with paused(heir):
                with paused(primary):
                    sent = asyncio.create_task(store.increment(Batch("w", 2, {"/a": 1})))
                    with servers.sentinels[0].client() as leader:
                        leader.execute_command("SENTINEL", "FAILOVER", GROUP)
                        await eventually(lambda: "s_down" in flags(leader))
                with pytest.raises(StoreUnavailableError, match="take over"):
                    await sent
            assert await counted(store, 2) == 2
            assert servers.primary() is heir
            assert list(await store.read(["/a"])) == [2]


async def counted(store: RedisStore, sequence: int) -> int | None:
    """Count ``/a`` once, as often as it takes until that is acknowledged."""
    counts: list[int | None] = []

    async def is_acknowledged() -> bool:
        with suppress(StoreUnavailableError):
            counts.extend(await store.increment(Batch("w", sequence, {"/a": 1})))
        return bool(counts)

    await eventually(is_acknowledged, within_s=30)
    return counts[0]


def flags(sentinel: Redis) -> str:
    """Return what a sentinel thinks of the primary."""
    return str(cast("dict[str, Any]", sentinel.sentinel_master(GROUP))["flags"])


@contextmanager
def paused(server: RedisServer) -> Iterator[None]:
    """Stop a server in its tracks while the block runs."""
    server.pause()
    try:
        yield
    finally:
        server.resume()


async def prefer(servers: SentinelServers, heir: RedisServer, other: RedisServer) -> None:
    """Have the first sentinel know which replica is to be the next primary, and the others too patient to help it."""
    for server, priority in ((heir, 1), (other, 200)):
        with server.client() as client:
            client.config_set("replica-priority", priority)
    for sentinel in servers.sentinels[1:]:
        with sentinel.client() as client:
            client.execute_command("SENTINEL", "SET", GROUP, "down-after-milliseconds", "60000")

    def is_known() -> bool:
        with servers.sentinels[0].client() as client:
            known = client.sentinel_slaves(GROUP)
        return {replica["port"]: replica["slave-priority"] for replica in known} == {heir.port: 1, other.port: 200}

    await eventually(is_known, within_s=30)
