"""Counts on their way to another Redis: each step after the one before, and nothing counted where they were copied."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from request_counter_operator.api import RequestCounter, Server, StoreStatus
from request_counter_operator.backups import RestoreReading
from request_counter_operator.cache import Rollout, Run
from request_counter_operator.conditions import Observed
from request_counter_operator.desired import children
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.settings import Settings
from request_counter_operator.store_status import store_status
from tests.support.counters import EXTERNAL, MOVING, SENTINEL, counter

NOW = "2026-01-01T00:00:00Z"
RUNNING = Rollout(observed=True, wanted=2, present=2, updated=2, ready=2)
GONE = Rollout(observed=True, wanted=0, present=0, updated=0, ready=0)
ENDING = Rollout(observed=True, wanted=0, present=0, updated=0, ready=0, ending=1)
SERVERS = Rollout(observed=True, wanted=6, present=6, updated=6, ready=6)
WHOLE = StoreReading(servers=(Server(name="a", role="Primary"), Server(name="b", role="Replica")), is_whole=True)
ALONE = StoreReading(servers=(Server(name="a", role="Primary"),), is_whole=True)
DONE = Run("2026-01-01T00:00:00Z", succeeded="2026-01-01T00:01:00Z")
REFUSED = Run("2026-01-01T00:00:00Z", failure="the target holds other counts")

FROM_STANDALONE: dict[str, Any] = {"store": {"mode": "Standalone", "durability": "Persisted"}}


def after(resource: RequestCounter, observed: Observed) -> RequestCounter:
    """Return the resource with what its status says after a look."""
    store = store_status(resource, observed, NOW)
    return resource.model_copy(update={"status": resource.status.model_copy(update={"store": store})})


def store_of(resource: RequestCounter) -> StoreStatus:
    assert resource.status.store is not None
    return resource.status.store


def phase(resource: RequestCounter) -> str | None:
    return None if resource.move is None else resource.move.phase


def deployment(resource: RequestCounter) -> dict[str, Any]:
    facts = Facts(Credentials("root"), service_replicas=2, service_pods=2)
    (found,) = [m for m in children(resource, Settings(), facts) if m["kind"] == "Deployment"]
    return found


def store_url(resource: RequestCounter) -> str:
    (container,) = deployment(resource)["spec"]["template"]["spec"]["containers"]
    return str(next(variable["value"] for variable in container["env"] if variable["name"] == "COUNTER_STORE"))


def names(resource: RequestCounter, kind: str) -> list[str]:
    facts = Facts(Credentials("root"), service_replicas=2, service_pods=2)
    return [m["metadata"]["name"] for m in children(resource, Settings(), facts) if m["kind"] == kind]


def test_each_step_waits_for_the_one_before() -> None:
    moving = counter(MOVING, status=FROM_STANDALONE)
    looks: list[tuple[Observed, str | None]] = [
        (Observed(service=RUNNING), "Preparing"),
        (Observed(service=RUNNING, redis=SERVERS), "Preparing"),
        (Observed(service=RUNNING, redis=SERVERS, store=WHOLE), "Stopping"),
        (Observed(service=RUNNING, redis=SERVERS, store=WHOLE), "Stopping"),
        (Observed(service=ENDING, redis=SERVERS, store=WHOLE), "Stopping"),
        (Observed(service=GONE, redis=SERVERS), "Copying"),
        (Observed(service=GONE, redis=SERVERS), "Copying"),
        (Observed(service=GONE, redis=SERVERS, store=WHOLE, transfer=REFUSED), "Copying"),
        (Observed(service=GONE, redis=SERVERS, store=WHOLE, transfer=DONE), None),
    ]
    for observed, expected in looks:
        moving = after(moving, observed)
        assert phase(moving) == expected
        assert store_of(moving).mode == ("Cluster" if expected is None else "Standalone")
        assert names(moving, "Job") == (["hits-transfer"] if expected == "Copying" else [])
    assert (store_of(moving).durability, store_of(moving).bootstrapped) == ("Replicated", True)


def test_the_service_uses_the_first_redis_as_before_until_it_is_stopped() -> None:
    settled = counter({}, status=FROM_STANDALONE)
    moving = after(counter(MOVING, status=FROM_STANDALONE), Observed(service=RUNNING))
    assert deployment(moving) == deployment(settled)
    stopping = after(moving, Observed(service=RUNNING, redis=SERVERS, store=WHOLE))
    assert deployment(stopping)["spec"]["replicas"] == 0


def test_both_are_there_until_all_counts_are_copied() -> None:
    moving = after(counter(MOVING, status=FROM_STANDALONE), Observed(service=RUNNING))
    shards = ["hits-cluster-0", "hits-cluster-1", "hits-cluster-2"]
    assert names(moving, "StatefulSet") == ["hits-redis", *shards]
    assert names(moving, "Secret") == names(moving, "ConfigMap") == ["hits-redis", "hits-cluster"]
    for observed in (
        Observed(service=RUNNING, redis=SERVERS, store=WHOLE),
        Observed(service=GONE),
        Observed(service=GONE, transfer=DONE),
    ):
        moving = after(moving, observed)
    assert names(moving, "StatefulSet") == shards
    assert store_url(moving).startswith("redis+cluster://hits-cluster-0-0:6379,")


def test_the_job_knows_both_ways_and_no_password() -> None:
    facts = Facts(Credentials("root"), service_replicas=0)
    moving = counter(MOVING, status={"store": {**FROM_STANDALONE["store"], "move": MOVE}})
    (job,) = [m for m in children(moving, Settings(), facts) if m["kind"] == "Job"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    assert environment["COUNTER_TRANSFER_SOURCE"] == "redis://hits-redis:6379/0"
    assert environment["COUNTER_TRANSFER_TARGET"].startswith("redis+cluster://")
    assert environment["COUNTER_TRANSFER_NAME"] == "default/hits"
    assert environment["COUNTER_TRANSFER_ID"].endswith(f"/{NOW}")
    files = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {environment[f"COUNTER_TRANSFER_{side}_PASSWORD_FILE"].rpartition("/")[0] for side in SIDES} == files


SIDES = ("SOURCE", "TARGET")
MOVE = {"to": "Cluster", "phase": "Copying", "since": NOW}


def test_a_field_that_is_set_back_ends_the_move_with_all_counts_where_they_were() -> None:
    status = {"store": {**FROM_STANDALONE["store"], "move": MOVE}}
    back = counter({}, status=status)
    assert back.move is None
    assert deployment(back)["spec"]["replicas"] == 2
    back = after(back, Observed(service=GONE))
    assert (store_of(back).mode, store_of(back).move) == ("Standalone", None)


def test_somebody_elses_redis_is_remembered_for_as_long_as_it_has_the_counts() -> None:
    settled = after(counter(EXTERNAL), Observed(service=RUNNING))
    moving = counter({"store": {"redis": {"mode": "Sentinel"}}}, status=settled.status.to_body())
    moving = after(moving, Observed(service=RUNNING))
    assert phase(moving) == "Preparing"
    assert store_url(moving) == store_url(settled) == "rediss://counter@redis.example.com:6379/0"


def test_one_server_becomes_a_group_where_it_is() -> None:
    moving = after(counter(SENTINEL, status=FROM_STANDALONE), Observed(service=RUNNING, store=ALONE))
    assert (moving.move, store_of(moving).mode, store_of(moving).bootstrapped) == (None, "Sentinel", None)
    assert store_of(after(moving, Observed(service=RUNNING, store=WHOLE))).bootstrapped


looks = st.builds(
    Observed,
    service=st.sampled_from([None, RUNNING, ENDING, GONE]),
    redis=st.sampled_from([None, SERVERS]),
    store=st.sampled_from([WHOLE, StoreReading()]),
    transfer=st.sampled_from([None, DONE, REFUSED]),
)


@given(seen=st.lists(looks, max_size=12))
def test_nothing_counts_from_the_stop_to_the_end_whatever_is_seen(seen: list[Observed]) -> None:
    moving, has_stopped = counter(MOVING, status=FROM_STANDALONE), False
    for observed in seen:
        moving = after(moving, observed)
        if phase(moving) in {"Stopping", "Copying"}:
            has_stopped = True
        if has_stopped and phase(moving) is not None:
            assert deployment(moving)["spec"]["replicas"] == 0
        if phase(moving) is None:
            return


def test_counts_that_still_come_from_a_backup_are_not_moved() -> None:
    spec = {**MOVING, "restoreFrom": {"claimName": "backups"}}
    moving = after(counter(spec, status=FROM_STANDALONE), Observed(service=RUNNING, redis=SERVERS, store=WHOLE))
    assert phase(after(moving, Observed(service=RUNNING, redis=SERVERS, store=WHOLE))) == "Preparing"
    restored = RestoreReading(restored="20260101T000000Z")
    seen = Observed(service=RUNNING, redis=SERVERS, store=WHOLE, restore=restored)
    assert phase(after(after(moving, seen), seen)) == "Stopping"


@pytest.mark.parametrize("transfer", [None, REFUSED])
def test_the_counts_have_moved_only_when_the_copy_has_succeeded(transfer: Run | None) -> None:
    moving = counter(MOVING, status={"store": {**FROM_STANDALONE["store"], "move": MOVE}})
    moving = after(moving, Observed(service=GONE, redis=SERVERS, store=WHOLE, transfer=transfer))
    assert store_of(moving).mode == "Standalone"
