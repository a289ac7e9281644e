"""What a status keeps while the operator has not asked the service yet: its own last word, and nothing else."""

from dataclasses import replace

import pytest

from request_counter_operator.api import Status
from request_counter_operator.cache import Rollout
from request_counter_operator.conditions import Observed
from request_counter_operator.settings import Settings
from request_counter_operator.status import status
from tests.support.counters import counter

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
TWO = Rollout(observed=True, wanted=2, present=2, updated=2, ready=2)
ONE = replace(TWO, wanted=1, present=1, updated=1, ready=1)
NONE_READY = replace(ONE, ready=0)
WELL = Observed(service=TWO, redis=ONE, total=7)
UNASKED = replace(WELL, total=None, is_unasked=True)


def follow(before: Status, observed: Observed) -> Status:
    return status(counter().model_copy(update={"status": before}), Settings(), observed, LATER)


@pytest.mark.parametrize(
    "said", [replace(WELL, requests_per_second=3), replace(WELL, total=None, store_fault="LOADING")]
)
def test_what_the_service_said_stays_until_it_was_asked(said: Observed) -> None:
    before = status(counter(), Settings(), said, NOW)
    assert follow(before, UNASKED) == before


@pytest.mark.parametrize("before", [Observed(), replace(WELL, redis=NONE_READY), replace(WELL, total=None)])
def test_what_was_seen_without_the_service_does_not_stand_for_its_word(before: Observed) -> None:
    after = follow(status(counter(), Settings(), before, NOW), UNASKED)
    assert {c.type: c.reason for c in after.conditions}["RedisReady"] == "ServiceSilent"


def test_the_services_last_word_holds_for_its_specification_and_while_redis_runs() -> None:
    before = status(counter(), Settings(), WELL, NOW)
    newer = counter(generation=4).model_copy(update={"status": before})
    reasons = {c.type: c.reason for c in status(newer, Settings(), UNASKED, LATER).conditions}
    assert (reasons["RedisReady"], reasons["Ready"]) == ("ServiceSilent", "ServiceSilent")
    reasons = {c.type: c.reason for c in follow(before, replace(UNASKED, redis=NONE_READY)).conditions}
    assert reasons["RedisReady"] == "RedisNotRunning"


def test_a_rate_stays_until_the_next_one_and_goes_with_the_service() -> None:
    before = status(counter(), Settings(), replace(WELL, requests_per_second=3), NOW)
    assert follow(before, WELL).requests_per_second == 3
    assert follow(before, replace(WELL, requests_per_second=0)).requests_per_second == 0
    assert follow(before, replace(WELL, total=None)).requests_per_second is None
