"""What the operator does when servers of a cluster lose their data, their address or their lives."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from counter_service.store.base import Batch
from request_counter_operator.redis_admin.cluster.nodes import parse_nodes
from tests.integration.test_redis_groups import opened
from tests.support.operated_cluster import OperatedCluster, at_once

pytestmark = pytest.mark.long

COUNTS = {f"/{number}": number + 1 for number in range(500)}


@pytest.fixture(scope="module")
def _cluster() -> Iterator[OperatedCluster]:
    with OperatedCluster() as cluster:
        yield cluster


@pytest.fixture
async def cluster(_cluster: OperatedCluster) -> OperatedCluster:
    """A cluster that has come together, with counts; for tests that leave it whole."""
    if not _cluster.layout.has_begun:
        await _cluster.whole()
        _cluster.latch()
        await fill(_cluster)
    return _cluster


async def fill(cluster: OperatedCluster) -> None:
    async with opened(cluster.url, "Replicated") as store:
        await store.increment(Batch("w", 1, COUNTS))


async def counts(cluster: OperatedCluster) -> list[int]:
    async with opened(cluster.url, "Replicated") as store:
        return list(await store.read(list(COUNTS)))


def known(cluster: OperatedCluster) -> list[set[str]]:
    """Return the ids that each server knows."""
    return [set(parse_nodes(cluster.ask(name, "CLUSTER", "NODES"))) for name in cluster.servers]


def ids(cluster: OperatedCluster) -> set[str]:
    return {cluster.id_of(name) for name in cluster.servers}


async def test_a_replica_that_lost_its_volume_is_forgotten_and_joins_as_another(cluster: OperatedCluster) -> None:
    replica = next(server.name for server in (await cluster.whole()).servers if server.role == "Replica")
    before = cluster.id_of(replica)
    await cluster.lose_disk(replica)
    await cluster.start_empty(replica)
    reading = await cluster.whole()
    assert {server.name: server.role for server in reading.servers}[replica] == "Replica"
    assert cluster.id_of(replica) != before
    assert known(cluster) == [ids(cluster)] * 6
    assert await counts(cluster) == list(COUNTS.values())


async def test_a_primary_that_lost_its_volume_comes_back_as_a_replica_of_who_had_its_data(
    cluster: OperatedCluster,
) -> None:
    primary = (await cluster.whole()).primaries[1]
    await cluster.lose_disk(primary)
    await cluster.start_empty(primary)
    reading = await cluster.until(lambda reading: reading.is_whole and reading.primaries[1] != primary)
    assert {server.name: server.role for server in reading.servers}[primary] == "Replica"
    assert known(cluster) == [ids(cluster)] * 6
    assert await counts(cluster) == list(COUNTS.values())


async def test_servers_at_other_addresses_find_each_other_again(cluster: OperatedCluster) -> None:
    """As after a RequestCounter that was deleted and made anew over its volumes: all Services are others."""
    await cluster.whole()
    await at_once(*(server.kill for server in cluster.servers.values()))
    # Their own port is in the command; so what the others remember of it is changed.
    for server in cluster.servers.values():
        server.edit_file("nodes.conf", lambda text: "\n".join(map(misplaced, text.splitlines())) + "\n")
    await at_once(*(server.start_again for server in cluster.servers.values()))
    cluster.layout = replace(cluster.layout, has_begun=False)  # nor does a new status know anything
    reading = await cluster.whole()
    cluster.latch()
    assert reading.cluster_state == "ok"
    assert known(cluster) == [ids(cluster)] * 6
    assert await counts(cluster) == list(COUNTS.values())


def misplaced(line: str) -> str:
    """Return a line of nodes.conf with an address at which nobody is."""
    if " myself," in line or "@" not in line:
        return line
    identity, where, rest = line.split(" ", 2)
    return f"{identity} 127.0.0.1:1@2,{where.partition(',')[2]} {rest}"


async def test_a_shard_that_lost_all_its_data_is_told_and_never_given_to_empty_servers(
    cluster: OperatedCluster,
) -> None:
    """The last of these tests: nothing can bring these counts back."""
    primary = (await cluster.whole()).primaries[2]
    dead = cluster.id_of(primary)
    for name in cluster.layout.shards[2]:
        await cluster.lose_disk(name)
    for name in cluster.layout.shards[2]:
        await at_once(cluster.servers[name].start_again)
    reading = await cluster.until(lambda reading: not {"Unreachable"} & {server.role for server in reading.servers})
    for _ in range(10):
        reading = await cluster.look()
    assert not reading.is_whole
    assert reading.fault == f"no answer from {primary}, whose slots nobody has taken over yet"
    others = [name for name in cluster.servers if name not in cluster.layout.shards[2]]
    assert all(dead in parse_nodes(cluster.ask(name, "CLUSTER", "NODES")) for name in others)
    for name in cluster.layout.shards[2]:
        assert parse_nodes(cluster.ask(name, "CLUSTER", "NODES"))[cluster.id_of(name)].slots == ""
