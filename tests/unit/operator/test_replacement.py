"""Which pod of a Redis group is replaced next, when the template has changed."""

from typing import Any

import pytest

from request_counter_operator.redis_admin.reading import NOT_READ, StoreReading
from request_counter_operator.replacement import next_to_replace

WHOLE = StoreReading(primary="hits-redis-1", is_whole=True)
LAME = StoreReading(primary="hits-redis-1", is_whole=False)


def pod(number: int, revision: str, *, ready: bool = True, ending: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": f"hits-redis-{number}", "labels": {"controller-revision-hash": revision}}
    if ending:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {
        "metadata": metadata,
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def chosen(pods: list[dict[str, Any]], reading: StoreReading = WHOLE, *, has_data: bool = True) -> str | None:
    found = next_to_replace(pods, "new", reading, has_data=has_data)
    return None if found is None else found["metadata"]["name"]


def test_replicas_come_first_and_the_primary_last() -> None:
    pods = [pod(0, "old"), pod(1, "old"), pod(2, "old")]
    order = []
    while (name := chosen(pods)) is not None:
        order.append(name)
        pods = [pod(n, "new" if f"hits-redis-{n}" in order else "old") for n in range(3)]
    assert order == ["hits-redis-2", "hits-redis-0", "hits-redis-1"]


def test_none_is_taken_while_another_is_missing() -> None:
    assert chosen([pod(0, "old"), pod(1, "old"), pod(2, "new")], LAME) is None
    assert chosen([pod(0, "old"), pod(1, "old"), pod(2, "new", ending=True)]) is None


def test_a_broken_pod_of_an_old_template_is_replaced_whatever_the_others_do() -> None:
    assert chosen([pod(0, "new"), pod(1, "new"), pod(2, "old", ready=False)], LAME) == "hits-redis-2"


def test_a_primary_that_is_not_ready_is_left_to_itself() -> None:
    assert chosen([pod(0, "new"), pod(1, "old", ready=False), pod(2, "new")], LAME) is None


def test_a_group_that_never_came_together_has_nothing_to_lose() -> None:
    assert chosen([pod(0, "old")], NOT_READ, has_data=False) == "hits-redis-0"


@pytest.mark.parametrize("reading", [WHOLE, LAME, NOT_READ])
def test_pods_of_the_newest_template_stay(reading: StoreReading) -> None:
    assert chosen([pod(0, "new", ready=False), pod(1, "new")], reading, has_data=False) is None
