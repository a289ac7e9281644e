"""Primaries that have gathered on one node of Kubernetes are spread again, and no count is lost on the way."""

from request_counter_operator.redis_admin.cluster.evenness import CALM_S
from tests.integration.test_cluster_healing import COUNTS, counts, fill
from tests.support.clock import Clock
from tests.support.operated_cluster import OperatedCluster


async def test_a_replica_on_another_node_takes_over_when_all_has_been_calm() -> None:
    clock = Clock()
    with OperatedCluster(clock=clock) as cluster:
        await cluster.whole()
        cluster.latch()
        await fill(cluster)
        cluster.hosts = {name: f"node-{name[-1]}" for name in cluster.servers}
        clock.now_s += CALM_S - 1
        assert (await cluster.look()).happenings == ()
        clock.now_s += 1
        done = (await cluster.look()).happenings
        assert [(one.type, one.reason) for one in done] == [("Normal", "PrimariesSpread")]
        reading = await cluster.until(lambda reading: reading.is_whole and "hits-cluster-2-1" in reading.primaries)
        assert reading.primaries == ("hits-cluster-0-0", "hits-cluster-1-0", "hits-cluster-2-1")
        # Two here and one there are as even as three can be on two nodes.
        clock.now_s += CALM_S
        assert (await cluster.look()).happenings == ()
        assert await counts(cluster) == list(COUNTS.values())
