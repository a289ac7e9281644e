"""What the status says of a cluster, and how many shards there have to be."""

from dataclasses import replace

import pytest

from request_counter_operator.api import RequestCounter, Server, Status, StoreStatus
from request_counter_operator.cache import Rollout
from request_counter_operator.conditions import Observed
from request_counter_operator.desired import children
from request_counter_operator.happening import Happening
from request_counter_operator.redis_admin.cluster.layout import layout_of
from request_counter_operator.redis_admin.reading import NOT_READ, StoreReading
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.settings import Settings
from request_counter_operator.status import news, status
from tests.support.counters import counter

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
PRIMARIES = ("hits-cluster-0-0", "hits-cluster-1-0", "hits-cluster-2-0")
READING = StoreReading(
    servers=(Server(name="hits-cluster-0-0", role="Primary"), Server(name="hits-cluster-0-1", role="Replica")),
    primaries=PRIMARIES,
    version="8.0.2",
    cluster_state="ok",
    shards=3,
    is_whole=True,
)
SERVICE = Rollout(observed=True, wanted=2, present=2, updated=2, ready=2)
REDIS = Rollout(observed=True, wanted=6, present=6, updated=6, ready=6)


def cluster(shards: int = 3, before: Status | None = None) -> RequestCounter:
    resource = counter({"store": {"redis": {"mode": "Cluster", "shards": shards}}})
    return resource if before is None else resource.model_copy(update={"status": before})


def judged(resource: RequestCounter, reading: StoreReading, now: str = NOW) -> Status:
    return status(resource, Settings(), Observed(service=SERVICE, redis=REDIS, store=reading, total=7), now)


def store_of(result: Status) -> StoreStatus:
    assert result.store
    return result.store


def test_a_whole_cluster() -> None:
    result = judged(cluster(), READING)
    store = store_of(result)
    assert (store.mode, store.cluster_state, store.shards, store.primaries) == ("Cluster", "ok", 3, PRIMARIES)
    assert (store.bootstrapped, store.version, store.primary) == (True, "8.0.2", None)
    assert {c.type: c.status for c in result.conditions}["Ready"] == "True"


@pytest.mark.parametrize(
    ("reading", "reason", "message"),
    [
        (replace(READING, fault="no answer from a", is_whole=False, lack="l"), "NoPrimary", "no answer from a"),
        (replace(READING, is_whole=False, lack="7 slots are to be moved"), "RedisNotWhole", "7 slots are to be moved"),
    ],
)
def test_what_it_lacks_is_told(reading: StoreReading, reason: str, message: str) -> None:
    ready = {c.type: c for c in judged(cluster(), reading).conditions}["RedisReady"]
    assert (ready.status, ready.reason, ready.message) == ("False", reason, message)


def test_a_failover_is_told_for_its_shard_even_when_nobody_was_primary_meanwhile() -> None:
    before = judged(cluster(), READING)
    without = judged(cluster(before=before), replace(READING, primaries=(PRIMARIES[0], "", PRIMARIES[2])), LATER)
    assert store_of(without).primaries == PRIMARIES
    after = judged(
        cluster(before=without), replace(READING, primaries=(PRIMARIES[0], "hits-cluster-1-1", PRIMARIES[2])), LATER
    )
    assert store_of(after).last_failover == LATER
    told = "hits-cluster-1-1 is primary, hits-cluster-1-0 was"
    assert Happening("Normal", "FailedOver", told) in list(news(without, after))
    assert [h for h in news(before, without) if h.reason == "FailedOver"] == []


def test_a_shard_stays_until_it_is_seen_that_it_has_nothing() -> None:
    four = judged(cluster(4), replace(READING, shards=4))
    for reading, shards in ((NOT_READ, 4), (replace(READING, shards=4), 4), (READING, 3)):
        after = judged(cluster(3, before=four), reading)
        assert store_of(after).shards == shards
        manifests = children(cluster(3, before=after), Settings(), Facts(Credentials("root")))
        names = {m["metadata"]["name"] for m in manifests if m["kind"] == "StatefulSet"}
        assert names == {f"hits-cluster-{shard}" for shard in range(shards)}


def test_nothing_is_moved_to_a_shard_before_the_status_has_promised_it() -> None:
    three = judged(cluster(), READING)
    wanted = layout_of(cluster(4, before=three))
    assert (len(wanted.shards), wanted.wanted, wanted.is_promised) == (4, 4, False)
    assert layout_of(cluster(4, before=judged(cluster(4, before=three), READING))).is_promised
    assert not layout_of(cluster()).is_promised
