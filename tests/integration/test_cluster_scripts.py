"""How a cluster's servers start and stop, with the scripts, users and configuration that are rendered."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from counter_service.store.base import Batch
from counter_service.store.redis_address import parse_address
from counter_service.store.redis_store import RedisStore
from tests.support.cluster_pods import ClusterPods
from tests.support.operated_cluster import CREDENTIALS, at_once


@pytest.fixture(scope="module")
def _pods() -> Iterator[ClusterPods]:
    with ClusterPods() as pods:
        yield pods


@pytest.fixture
async def pods(_pods: ClusterPods) -> ClusterPods:
    """A cluster that has come together."""
    await _pods.whole()
    _pods.latch()
    return _pods


async def test_the_service_may_do_all_it_has_to(pods: ClusterPods, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(CREDENTIALS.password("service"))
    hosts = ",".join(f"{door.host}:{door.port}" for door in pods.doors.values())
    address = parse_address(f"redis+cluster://{CREDENTIALS.user('service')}@{hosts}", password_file=password)
    counts = {f"/{number}": number + 1 for number in range(200)}
    for from_replicas in (False, True):
        store = RedisStore(
            address,
            counter="default/hits",
            max_paths=1000,
            durability="Replicated",
            read_from_replicas=from_replicas,
        )
        try:
            if not from_replicas:
                assert list(await store.increment(Batch("w", 1, counts))) == list(counts.values())
            assert list(await store.read(list(counts))) == list(counts.values())
            assert await store.total() == sum(counts.values())
        finally:
            await store.aclose()


async def test_a_primary_that_is_stopped_hands_over_and_comes_back_as_a_replica(pods: ClusterPods) -> None:
    primary = (await pods.whole()).primaries[0]
    said = await asyncio.to_thread(pods.stop, primary)
    # Nobody had to notice that it was gone: that would take longer than one look.
    heir = (await pods.look()).primaries[0]
    assert heir not in {"", primary}
    assert said == ["looks for a replica to take over", f"{heir} has taken over"]
    await at_once(lambda: pods.start(primary))
    reading = await pods.whole()
    assert {server.name: server.role for server in reading.servers}[primary] == "Replica"


async def test_a_primary_without_its_volume_waits_until_its_replica_has_taken_over(pods: ClusterPods) -> None:
    reading = await pods.whole()
    primary = reading.primaries[1]
    await at_once(lambda: pods.kill(primary), lambda: None)
    pods.lose_volume(primary)
    await at_once(lambda: pods.start(primary))
    reading = await pods.until(lambda reading: reading.is_whole and reading.primaries[1] != primary)
    assert {server.name: server.role for server in reading.servers}[primary] == "Replica"
    assert "waits until one of them has taken over" in pods.log(primary)


async def test_all_pods_at_once_come_back_as_what_they_were(pods: ClusterPods) -> None:
    before = await pods.whole()
    await at_once(lambda: pods.kill(*pods.doors))
    await at_once(*(lambda name=name: pods.start(name) for name in pods.doors))
    after = await pods.whole()
    assert {server.name for server in after.servers} == {server.name for server in before.servers}
    assert after.cluster_state == "ok"
