"""Shards come and go while counts are taken: none is lost, and none is counted twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from counter_service.batching import IncrementQueue
from counter_service.grouping import GroupLimits
from counter_service.metrics import ServiceMetrics
from request_counter_operator.redis_admin.cluster.nodes import SLOTS, parse_nodes, slots_in
from request_counter_operator.redis_admin.reading import StoreReading
from tests.integration.test_redis_groups import opened
from tests.support.operated_cluster import OperatedCluster

pytestmark = pytest.mark.long

PATHS = [f"/{number}" for number in range(200)]


class Ledger:
    """Counts all that was acknowledged."""

    def __init__(self, cluster: OperatedCluster) -> None:
        self._cluster = cluster
        self.acknowledged: Counter[str] = Counter()

    @asynccontextmanager
    async def under_load(self) -> AsyncIterator[None]:
        """Count requests while the block runs; each is waited for until it is acknowledged."""
        async with opened(self._cluster.url, "Replicated", counter="default/hits") as store:
            queue = IncrementQueue(store, GroupLimits(request_timeout_s=60.0, attempt_timeout_s=2.0), ServiceMetrics())
            run, ended = asyncio.create_task(queue.run()), asyncio.Event()

            async def client(paths: list[str]) -> None:
                while not ended.is_set():
                    for path in paths:
                        await queue.request(path)
                        self.acknowledged[path] += 1

            async with asyncio.TaskGroup() as clients:
                for first in range(20):
                    clients.create_task(client(PATHS[first::20]))
                try:
                    yield
                finally:
                    ended.set()
            assert await queue.aclose(5.0)
            await run

    async def is_right(self) -> None:
        """Assert that each path has what was acknowledged for it, no more and no less."""
        async with opened(self._cluster.url, "Replicated", counter="default/hits") as store:
            found = dict(zip(PATHS, await store.read(PATHS), strict=True))
            assert found == {path: self.acknowledged[path] for path in PATHS}
            assert await store.total() == self.acknowledged.total()


def slot_counts(cluster: OperatedCluster, names: tuple[str, ...]) -> list[int]:
    tables = [parse_nodes(cluster.ask(name, "CLUSTER", "NODES")) for name in names]
    return [len(slots_in(e.slots)) for table in tables for e in table.values() if "myself" in e.flags]


# Whoever dies closes nothing.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_shards_come_and_go_under_load_and_through_deaths_of_the_operator() -> None:
    with OperatedCluster() as cluster:
        await cluster.whole()
        cluster.latch()
        ledger = Ledger(cluster)
        async with ledger.under_load():
            await asyncio.to_thread(cluster.add_shard)
            reading = await until_whole_through_deaths(cluster)
        assert sorted(slot_counts(cluster, reading.primaries)) == [SLOTS // 4] * 4
        assert ledger.acknowledged.total() > 1000
        assert cluster.ask(reading.primaries[3], "DBSIZE") > 0
        await ledger.is_right()
        cluster.layout = replace(cluster.layout, wanted=3)
        async with ledger.under_load():
            reading = await until_whole_through_deaths(cluster, shards=3)
        assert sorted(slot_counts(cluster, reading.primaries[:3])) == [5461, 5461, 5462]
        assert slot_counts(cluster, ("hits-cluster-3-0", "hits-cluster-3-1")) == [0, 0]
        assert [cluster.ask(f"hits-cluster-3-{pod}", "DBSIZE") for pod in range(2)] == [0, 0]
        await ledger.is_right()
        cluster.layout = replace(cluster.layout, shards=cluster.layout.shards[:3])
        assert (await cluster.whole()).shards == 3


async def until_whole_through_deaths(cluster: OperatedCluster, shards: int | None = None) -> StoreReading:
    """Let one operator after the other look, each of which dies after a while; return what the last one sees."""
    for patience_s in [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.1, 1.3, 1.7, 2.0]:
        for _ in range(3):
            look = asyncio.create_task(cluster.look())
            await asyncio.wait([look], timeout=patience_s)
            look.cancel()
            await asyncio.wait([look])
    if shards is None:
        return await cluster.whole()
    return await cluster.until(lambda reading: reading.shards == shards)
