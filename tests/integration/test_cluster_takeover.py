"""Most primaries are lost at once: the servers are at their wits' end, and the operator is not."""

import pytest

from request_counter_operator.redis_admin.cluster.takeover import PATIENCE_S
from tests.integration.test_cluster_healing import COUNTS, counts, fill
from tests.support.clock import Clock
from tests.support.operated_cluster import OperatedCluster, at_once

pytestmark = pytest.mark.long


async def test_replicas_take_over_from_two_of_three_primaries_when_these_stay_away() -> None:
    clock = Clock()
    with OperatedCluster(clock=clock) as cluster:
        await cluster.whole()
        cluster.latch()
        await fill(cluster)
        lost = (await cluster.look()).primaries[:2]
        await at_once(*(cluster.servers[name].kill for name in lost))
        # The servers have noticed, and can do nothing about it.
        await cluster.until(lambda _: len(cluster.operator._lost) == 2)
        assert (await cluster.look()).cluster_state == "fail"
        clock.now_s += PATIENCE_S - 1
        for _ in range(5):
            assert (await cluster.look()).happenings == ()
        clock.now_s += 2
        reading = await cluster.until(lambda reading: reading.happenings)
        assert [(happening.type, happening.reason) for happening in reading.happenings] == [
            ("Warning", "ReplicasTakenOver")
        ] * 2
        reading = await cluster.until(lambda reading: reading.fault is None and reading.cluster_state == "ok")
        assert reading.primaries[:2] == tuple(f"{name[:-1]}1" for name in lost)
        assert await counts(cluster) == list(COUNTS.values())
        await at_once(*(cluster.servers[name].start_again for name in lost))
        reading = await cluster.whole()
        assert [server.role for server in reading.servers if server.name in lost] == ["Replica"] * 2
        assert await counts(cluster) == list(COUNTS.values())
