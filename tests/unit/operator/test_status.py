"""The status: each condition's truth and reason for what was observed, and when it changes its time."""

from dataclasses import replace
from typing import Any

import pytest

from request_counter_operator.api import RequestCounter, Server, Status
from request_counter_operator.cache import Rollout
from request_counter_operator.conditions import Observed
from request_counter_operator.errors import (
    ApiError,
    FieldConflictError,
    ForeignObjectError,
    ImmutableFieldError,
    OperatorError,
)
from request_counter_operator.happening import Happening
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.settings import Settings
from request_counter_operator.status import invalid_status, news, status, url
from tests.support.counters import EXTERNAL, FULL, counter

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
TWO = Rollout(observed=True, wanted=2, present=2, updated=2, ready=2)
ONE = replace(TWO, wanted=1, present=1, updated=1, ready=1)
NONE_READY = replace(ONE, ready=0)
WELL = Observed(service=TWO, redis=ONE, total=7)
NO_PODS = Rollout(observed=True, wanted=0, present=0, updated=0, ready=0)


def conditions(observed: Observed, spec: dict[str, Any] | None = None) -> dict[str, tuple[str, str]]:
    found = status(counter(spec), Settings(), observed, NOW).conditions
    return {condition.type: (condition.status, condition.reason) for condition in found}


def test_a_counter_that_does_well() -> None:
    result = status(counter(), Settings(), WELL, NOW)
    assert conditions(WELL) == {
        "Ready": ("True", "Serving"),
        "Available": ("True", "MinimumReplicasReady"),
        "RedisReady": ("True", "StoreAnswers"),
        "Progressing": ("False", "RolloutComplete"),
        "Degraded": ("False", "AsWanted"),
        "ReconciliationPaused": ("False", "Reconciling"),
        "Hibernated": ("False", "Awake"),
        "ConfigurationWarning": ("False", "NothingToWarnOf"),
    }
    assert (result.observed_generation, result.replicas, result.ready_replicas, result.total) == (3, 2, 2, 7)
    assert {condition.observed_generation for condition in result.conditions} == {3}
    assert {condition.last_transition_time for condition in result.conditions} == {NOW}


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (
            Observed(),
            {
                "Ready": ("False", "RedisNotRunning"),
                "Available": ("False", "TooFewReplicasReady"),
                "RedisReady": ("False", "RedisNotRunning"),
                "Progressing": ("True", "RollingOut"),
            },
        ),
        (
            replace(WELL, redis=NONE_READY, total=None),
            {"Ready": ("False", "RedisNotRunning"), "Available": ("True", "MinimumReplicasReady")},
        ),
        (
            replace(WELL, total=None, store_fault="connection refused"),
            {"Ready": ("False", "StoreUnavailable"), "RedisReady": ("False", "StoreUnavailable")},
        ),
        (
            replace(WELL, total=None),
            {"Ready": ("False", "ServiceSilent"), "RedisReady": ("Unknown", "ServiceSilent")},
        ),
        (
            replace(WELL, service=replace(TWO, ready=1)),
            {"Ready": ("False", "TooFewReplicasReady"), "Progressing": ("True", "RollingOut")},
        ),
        (
            replace(WELL, service=replace(TWO, present=3, updated=1)),
            {"Ready": ("False", "RollingOut"), "Available": ("True", "MinimumReplicasReady")},
        ),
        (
            replace(WELL, service=replace(TWO, observed=False)),
            {"Ready": ("False", "RollingOut"), "Progressing": ("True", "RollingOut")},
        ),
        (
            # The autoscaler adds pods: as good as before.
            replace(WELL, service=replace(TWO, wanted=5, present=4, updated=4)),
            {"Ready": ("True", "Serving"), "Progressing": ("True", "RollingOut")},
        ),
        (
            replace(WELL, failures=(ApiError("Ingress hits: refused"),)),
            {"Ready": ("False", "ApplyFailed"), "Degraded": ("True", "ApplyFailed")},
        ),
    ],
)
def test_what_is_wrong_shows_in_the_right_condition(observed: Observed, expected: dict[str, tuple[str, str]]) -> None:
    assert expected.items() <= conditions(observed).items()


def test_a_counter_scaled_to_zero_is_not_ready_and_says_why() -> None:
    none = replace(TWO, wanted=0, present=0, updated=0, ready=0)
    observed = conditions(replace(WELL, service=none, total=None), {"replicas": 0})
    assert observed["Available"] == ("False", "ScaledToZero")
    assert observed["Ready"][0] == "False"


def test_an_external_redis_is_ready_when_the_service_says_so() -> None:
    assert conditions(Observed(service=TWO, total=0), EXTERNAL)["RedisReady"] == ("True", "StoreAnswers")
    assert conditions(Observed(service=TWO), EXTERNAL)["RedisReady"] == ("Unknown", "ServiceSilent")


def test_a_deployments_own_words_are_passed_on() -> None:
    observed = replace(WELL, service=replace(TWO, ready=0, message="exceeded quota: pods"))
    ready = status(counter(), Settings(), observed, NOW).conditions[0]
    assert ready.message == "0 of at least 2 pods ready: exceeded quota: pods"


def follow(before: Status, observed: Observed) -> Status:
    resource: RequestCounter = counter().model_copy(update={"status": before})
    return status(resource, Settings(), observed, LATER)


def test_the_time_of_a_condition_moves_with_its_truth_only() -> None:
    before = status(counter(), Settings(), replace(WELL, redis=NONE_READY, total=None), NOW)
    after = follow(before, replace(WELL, total=None, store_fault="LOADING"))
    times = {condition.type: condition.last_transition_time for condition in after.conditions}
    assert times["RedisReady"] == NOW  # False before and after, for another reason
    assert {c.type: c.reason for c in after.conditions}["RedisReady"] == "StoreUnavailable"
    assert follow(before, WELL).conditions[0].last_transition_time == LATER


def test_the_same_observation_gives_the_same_status() -> None:
    before = status(counter(), Settings(), WELL, NOW)
    assert follow(before, WELL) == before


def test_a_total_that_cannot_be_read_stays_as_it_was() -> None:
    before = status(counter(), Settings(), WELL, NOW)
    assert follow(before, replace(WELL, total=None)).total == 7


@pytest.mark.parametrize(
    ("spec", "settings", "expected"),
    [
        ({}, Settings(), "http://hits.default.svc"),
        ({"exposure": {"type": "Ingress", "host": "h.example.com"}}, Settings(), "http://h.example.com"),
        (
            {"exposure": {"type": "Ingress", "host": "h.localhost"}},
            Settings(ingress_http_port=8080),
            "http://h.localhost:8080",
        ),
        (FULL, Settings(), "https://hits.example.com"),
        (FULL, Settings(ingress_https_port=8443), "https://hits.example.com:8443"),
    ],
)
def test_url(spec: dict[str, Any], settings: Settings, expected: str) -> None:
    assert url(counter(spec), settings) == expected


def test_the_body_has_no_nulls_and_round_trips() -> None:
    before = status(counter(), Settings(), Observed(), NOW)
    body = before.to_body()
    assert "total" not in body
    assert Status.model_validate(body) == before


@pytest.mark.parametrize(
    ("failures", "reason"),
    [
        ([ForeignObjectError("x")], "ForeignObject"),
        ([ImmutableFieldError("x")], "ImmutableField"),
        ([ForeignObjectError("x"), FieldConflictError("y", retry_in_s=1)], "ForeignObject"),
        ([ForeignObjectError("x"), ApiError("y")], "ApplyFailed"),
    ],
)
def test_what_waits_for_a_person_has_a_reason_of_its_own(failures: list[OperatorError], reason: str) -> None:
    observed = conditions(replace(WELL, failures=tuple(failures)))
    assert observed["Degraded"] == ("True", reason)
    assert observed["Ready"] == ("False", reason)


def test_a_fight_shows_until_it_is_over() -> None:
    assert conditions(replace(WELL, fight="x was changed by y"))["Degraded"] == ("True", "FieldConflict")


def test_a_paused_counter_says_so_and_goes_on_telling_how_it_does() -> None:
    observed = conditions(WELL, {"suspend": "Reconcile"})
    assert observed["ReconciliationPaused"] == ("True", "SuspendedBySpec")
    assert observed["Degraded"] == ("Unknown", "Paused")
    assert observed["Ready"] == ("True", "Serving")


@pytest.mark.parametrize(
    ("observed", "hibernated"),
    [
        (replace(WELL, total=None), ("False", "GoingToSleep")),
        (replace(WELL, service=NO_PODS, total=None), ("False", "GoingToSleep")),
        (Observed(service=replace(NO_PODS, ending=1), redis=NO_PODS), ("False", "GoingToSleep")),
        (Observed(service=NO_PODS, redis=NO_PODS), ("True", "Asleep")),
    ],
)
def test_a_hibernating_counter_is_not_ready_and_says_why(observed: Observed, hibernated: tuple[str, str]) -> None:
    found = conditions(observed, {"suspend": "Workload"})
    assert found["Hibernated"] == hibernated
    assert {found[name] for name in ("Ready", "Available", "RedisReady")} == {("False", "Hibernating")}


RISKS: list[tuple[dict[str, Any], str]] = [
    ({"store": {"durability": "None"}}, "AcknowledgedCountsCanBeLost"),
    (
        {"store": {"durability": "Replicated", "redis": {"mode": "Sentinel", "replicas": 1}}},
        "ReplicaHasNoSubstitute",
    ),
    ({"store": {"durability": "None", "redis": {"persistence": {"enabled": False}}}}, "CountsOnlyInMemory"),
    ({"store": {"redis": {"resources": {"requests": {"cpu": "1"}}}}}, "RedisMemoryUnbounded"),
    ({"image": "example.com:5000/service"}, "ImageNotPinned"),
    ({"image": "example.com/service:latest"}, "ImageNotPinned"),
]


@pytest.mark.parametrize(("spec", "reason"), RISKS)
def test_what_is_risky_is_accepted_and_said(spec: dict[str, Any], reason: str) -> None:
    assert conditions(WELL, spec)["ConfigurationWarning"] == ("True", reason)
    assert conditions(WELL, spec)["Ready"] == ("True", "Serving")


@pytest.mark.parametrize("image", ["example.com:5000/service:1", "service@sha256:0", "service:latest@sha256:0"])
def test_a_pinned_image_is_no_risk(image: str) -> None:
    assert conditions(WELL, {"image": image})["ConfigurationWarning"][0] == "False"


def test_a_secret_that_is_not_there_is_named() -> None:
    observed = replace(WELL, missing_secrets=("Secret a", "key b of Secret c"))
    found = {c.type: c for c in status(counter(), Settings(), observed, NOW).conditions}["ConfigurationWarning"]
    assert (found.reason, found.message) == (
        "SecretNotFound",
        "pods wait for what is not there: Secret a, key b of Secret c",
    )


def test_a_resource_that_cannot_be_read_keeps_what_was_known_of_it() -> None:
    before = status(counter(), Settings(), WELL, NOW)
    broken = counter(generation=9).model_copy(update={"status": before})
    after = invalid_status(broken, "spec.replicas: not a number", LATER)
    assert (after.total, after.url, after.observed_generation) == (7, before.url, 9)
    reasons = {condition.type: (condition.status, condition.reason) for condition in after.conditions}
    assert reasons.keys() == {condition.type for condition in before.conditions}
    assert (reasons["Ready"], reasons["Degraded"]) == (("False", "InvalidSpec"), ("True", "InvalidSpec"))


def told(before: Observed, after: Observed, *specs: dict[str, Any]) -> list[tuple[str, str]]:
    first, second = specs or ({}, {})
    old, new = (status(counter(s), Settings(), o, NOW) for s, o in ((first, before), (second, after)))
    return [(happening.type, happening.reason) for happening in news(old, new)]


def test_flips_are_told_and_repetitions_are_not() -> None:
    ill = replace(WELL, redis=NONE_READY, total=None)
    assert told(ill, WELL) == [("Normal", "Ready")]
    assert told(WELL, ill) == [("Warning", "NotReady")]
    assert told(WELL, replace(WELL, total=8)) == []
    assert told(ill, replace(ill, redis=ONE, store_fault="LOADING")) == []
    refused = replace(WELL, failures=(ForeignObjectError("Service hits: it exists"),))
    assert told(WELL, refused) == [("Warning", "NotReady"), ("Warning", "ForeignObject")]
    assert told(refused, refused) == []
    asleep = Observed(service=NO_PODS, redis=NO_PODS)
    assert ("Normal", "Hibernated") in told(WELL, asleep, {}, {"suspend": "Workload"})
    assert ("Normal", "WokenUp") in told(asleep, WELL, {"suspend": "Workload"}, {})
    assert ("Normal", "Paused") in told(WELL, WELL, {}, {"suspend": "Reconcile"})
    assert ("Normal", "Resumed") in told(WELL, WELL, {"suspend": "Reconcile"}, {})


def test_the_first_status_tells_only_what_is_so() -> None:
    assert list(news(Status(), status(counter(), Settings(), Observed(), NOW))) == []
    first = status(counter(), Settings(), WELL, NOW)
    assert list(news(Status(), first)) == [Happening("Normal", "Ready", "the counter serves as the resource asks for")]


def test_of_a_redis_that_is_alone_the_service_knows_more_than_whoever_looks_at_it() -> None:
    unseen = StoreReading(servers=(Server(name="hits-redis-0", role="Unreachable"),))
    assert conditions(replace(WELL, store=unseen))["RedisReady"] == ("True", "StoreAnswers")
