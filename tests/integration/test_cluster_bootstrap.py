"""How the operator brings the servers of a cluster together: once, all of them, and no others."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from request_counter_operator.redis_admin.cluster.nodes import SLOTS, parse_nodes, slots_in
from request_counter_operator.redis_admin.reading import StoreReading
from tests.support.eventually import eventually
from tests.support.operated_cluster import OperatedCluster


@pytest.fixture(scope="module")
def _cluster() -> Iterator[OperatedCluster]:
    with OperatedCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: OperatedCluster) -> OperatedCluster:
    """Six servers that know nothing of each other."""
    _cluster.disband()
    _cluster.may_act = lambda: True
    _cluster.layout = replace(_cluster.layout, has_begun=False, is_promised=True)
    return _cluster


def slots_of(cluster: OperatedCluster) -> dict[str, set[int]]:
    """Return the slots of each server that has some, by its own word."""
    found = {}
    for name in cluster.servers:
        table = parse_nodes(cluster.ask(name, "CLUSTER", "NODES"))
        found[name] = slots_in(next(entry.slots for entry in table.values() if "myself" in entry.flags))
    return {name: slots for name, slots in found.items() if slots}


class Life:
    """An operator's, which ends after so many commands."""

    def __init__(self, commands: int) -> None:
        self.left = commands
        self.is_over = False

    def ends_before(self, reading: StoreReading) -> bool:
        """Return whether it is over, or the cluster is whole."""
        return self.is_over or reading.is_whole

    def may_act(self) -> bool:
        """Count a command that is about to be given."""
        self.left -= 1
        self.is_over = self.left < 0
        return not self.is_over


async def test_servers_come_together_with_slots_and_tags_spread_evenly(cluster: OperatedCluster) -> None:
    reading = await cluster.whole()
    assert {server.name: (server.role, server.linked) for server in reading.servers} == {
        f"hits-cluster-{shard}-{pod}": ("Primary", None) if pod == 0 else ("Replica", True)
        for shard in range(3)
        for pod in range(2)
    }
    assert reading.primaries == ("hits-cluster-0-0", "hits-cluster-1-0", "hits-cluster-2-0")
    assert (reading.cluster_state, reading.shards, reading.fault, reading.lack) == ("ok", 3, None, None)
    slots = slots_of(cluster)
    assert set.union(*slots.values()) == set(range(SLOTS))
    assert sorted(map(len, slots.values())) == [5461, 5461, 5462]
    tags = [sum(cluster.layout.tags.get(slot, 0) for slot in owned) for owned in slots.values()]
    assert (sum(tags), max(tags) - min(tags) <= 1) == (64, True)
    idle = Life(0)
    cluster.may_act = idle.may_act
    assert (await cluster.look()).is_whole
    assert not idle.is_over


@pytest.mark.long
async def test_an_operator_that_dies_after_any_command_is_followed_by_one_that_goes_on(
    cluster: OperatedCluster,
) -> None:
    for commands in range(100):
        cluster.disband()
        life = Life(commands)
        cluster.may_act = life.may_act
        await cluster.until(life.ends_before)
        was_whole_by_itself = not life.is_over
        cluster.may_act = lambda: True
        reading = await cluster.whole()
        assert reading.primaries == ("hits-cluster-0-0", "hits-cluster-1-0", "hits-cluster-2-0")
        assert sorted(map(len, slots_of(cluster).values())) == [5461, 5461, 5462]
        if was_whole_by_itself:
            assert commands >= 11  # five introductions, three replicas, three times slots
            return
    pytest.fail("it never came to an end")


async def test_nothing_is_begun_without_a_promise_or_a_second_time_or_with_a_server_missing(
    cluster: OperatedCluster,
) -> None:
    for is_promised, has_begun in ((False, False), (True, True)):
        cluster.layout = replace(cluster.layout, has_begun=has_begun, is_promised=is_promised)
        reading = await cluster.until(lambda reading: reading.lack == "16384 slots have no server")
        assert (reading.is_whole, reading.fault) == (False, "its servers have not come together yet")
        assert slots_of(cluster) == {}
    cluster.layout = replace(cluster.layout, has_begun=False, is_promised=True)
    cluster.servers["hits-cluster-2-1"].pause()
    try:
        reading = await cluster.until(lambda reading: reading.lack == "no answer from hits-cluster-2-1")
        assert slots_of_running(cluster, "hits-cluster-2-1") == {}
    finally:
        cluster.servers["hits-cluster-2-1"].resume()


def slots_of_running(cluster: OperatedCluster, silent: str) -> dict[str, set[int]]:
    running = {name: server for name, server in cluster.servers.items() if name != silent}
    everybody, cluster.servers = cluster.servers, running
    try:
        return slots_of(cluster)
    finally:
        cluster.servers = everybody


@pytest.mark.parametrize("what", ["slots", "keys"])
async def test_a_server_of_another_cluster_is_never_merged(cluster: OperatedCluster, what: str) -> None:
    foreign = "hits-cluster-1-1"
    cluster.ask(foreign, "CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
    if what == "keys":
        # Its slots went elsewhere, and what it has is still there.
        await eventually(lambda: "cluster_state:ok" in cluster.ask(foreign, "CLUSTER", "INFO"))
        cluster.ask(foreign, "SET", "counts", "7")
        cluster.ask(foreign, "CLUSTER", "DELSLOTSRANGE", 0, SLOTS - 1)
    told = f"{foreign} has counts of which the others know nothing: it is left alone"
    await cluster.until(lambda reading: reading.lack == told)
    for _ in range(3):
        assert (await cluster.look()).lack == told
    others = [name for name in cluster.servers if name != foreign]
    ids = {cluster.id_of(name) for name in others}
    assert all(parse_nodes(cluster.ask(name, "CLUSTER", "NODES")).keys() <= ids for name in others)
    assert list(parse_nodes(cluster.ask(foreign, "CLUSTER", "NODES"))) == [cluster.id_of(foreign)]
