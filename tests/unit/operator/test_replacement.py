"""Which pod of a Redis with replicas is replaced next, and when none is."""

from typing import Any

import pytest

from request_counter_operator.api import Server
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.replacement import next_to_replace

REVISIONS = {"hits-cluster-0": "new-0", "hits-cluster-1": "new-1"}
NAMES = [f"{workload}-{number}" for workload in REVISIONS for number in range(2)]
WHOLE = StoreReading(
    servers=tuple(Server(name=name, role="Replica") for name in NAMES),
    primaries=("hits-cluster-0-1", "hits-cluster-1-0"),
    is_whole=True,
)


def pod(name: str, *, is_old: bool = True, is_ready: bool = True, is_ending: bool = False) -> dict[str, Any]:
    revision = "old" if is_old else REVISIONS[name.rpartition("-")[0]]
    metadata: dict[str, Any] = {"name": name, "labels": {"controller-revision-hash": revision}}
    if is_ending:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {
        "metadata": metadata,
        "status": {"conditions": [{"type": "Ready", "status": "True" if is_ready else "False"}]},
    }


def chosen(pods: list[dict[str, Any]], reading: StoreReading = WHOLE, *, has_data: bool = True) -> str | None:
    found = next_to_replace(pods, REVISIONS, reading, has_data=has_data)
    return None if found is None else found["metadata"]["name"]


def test_one_shard_comes_after_the_other_and_its_primary_last() -> None:
    old = list(NAMES)
    order = []
    while old:
        order.append(chosen([pod(name, is_old=name in old) for name in NAMES]))
        old.remove(str(order[-1]))
    assert order == ["hits-cluster-0-0", "hits-cluster-0-1", "hits-cluster-1-1", "hits-cluster-1-0"]
    assert chosen([pod(name, is_old=False) for name in NAMES]) is None


def test_none_is_spared_while_another_is_missing() -> None:
    not_whole = StoreReading(servers=WHOLE.servers, primaries=WHOLE.primaries)
    assert chosen([pod(name) for name in NAMES], not_whole) is None
    assert chosen([pod(name, is_ending=name == NAMES[3]) for name in NAMES]) is None


@pytest.mark.parametrize(("broken", "expected"), [("hits-cluster-1-1", "hits-cluster-1-1"), ("hits-cluster-1-0", None)])
def test_a_broken_one_of_an_old_template_goes_first_unless_it_is_primary(broken: str, expected: str | None) -> None:
    pods = [pod(name, is_ready=name != broken) for name in NAMES]
    not_whole = StoreReading(servers=WHOLE.servers, primaries=WHOLE.primaries)
    assert chosen(pods, not_whole) == expected


def test_what_never_came_together_is_replaced_at_once() -> None:
    assert chosen([pod(name) for name in NAMES], StoreReading(), has_data=False) == NAMES[0]


def test_pods_of_a_shard_that_is_gone_are_left_to_go() -> None:
    assert chosen([pod("hits-cluster-0-0", is_old=False), {"metadata": {"name": "hits-cluster-7-0"}}]) is None
