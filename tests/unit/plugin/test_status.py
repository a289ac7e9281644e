"""The summary tells what belongs to a counter and nothing of others, to programs and to people."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kubectl_requestcounter.status import _age, render
from kubectl_requestcounter.summary import MAX_EVENTS, selector_of, summarize

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MADE = "2026-01-01T11:55:00Z"


def body(kind: str, name: str, instance: str = "hits", **parts: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/instance": instance}
    metadata = {"name": name, "namespace": "default", "uid": f"{kind}/{name}", "labels": labels}
    return {"kind": kind, "metadata": metadata | {"creationTimestamp": MADE}, "spec": {}, **parts}


def event(involved: dict[str, Any], at: str = "2026-01-01T11:59:00Z", **parts: Any) -> dict[str, Any]:
    reference = {"kind": involved["kind"], "name": involved["metadata"]["name"], "uid": involved["metadata"]["uid"]}
    return {"metadata": {"creationTimestamp": at}, "involvedObject": reference, "type": "Normal", **parts}


COUNTER = body(
    "RequestCounter",
    "hits",
    status={
        "observedGeneration": 1,
        "url": "http://hits.localhost",
        "total": 1234,
        "requestsPerSecond": 12,
        "store": {"mode": "Standalone", "primary": "hits-redis-0"},
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "reason": "RedisNotRunning",
                "message": "the pod hits-redis-0 is not ready",
                "lastTransitionTime": "2026-01-01T11:59:30Z",
            }
        ],
    },
)
COUNTER["metadata"]["generation"] = 1
CRASHING = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "False"}],
    "containerStatuses": [{"restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
}
POD = body("Pod", "hits-1", spec={"nodeName": "worker"}, status=CRASHING)
SCALER = body(
    "HorizontalPodAutoscaler",
    "hits",
    spec={
        "minReplicas": 2,
        "maxReplicas": 8,
        "metrics": [{"resource": {"name": "cpu", "target": {"averageUtilization": 70}}}],
    },
    status={"currentReplicas": 3, "currentMetrics": [{"resource": {"current": {"averageUtilization": 41}}}]},
)
OBJECTS = [
    body("Deployment", "hits", spec={"replicas": 2}, status={"replicas": 2, "readyReplicas": 1, "updatedReplicas": 2}),
    SCALER,
    POD,
    body("PersistentVolumeClaim", "data-hits-redis-0", status={"phase": "Bound", "capacity": {"storage": "1Gi"}}),
]


def text(summary: dict[str, Any]) -> str:
    return "\n".join(line.plain for line in render(summary, NOW))


def test_a_counter_is_told_with_all_that_belongs_to_it() -> None:
    shown = text(summarize(COUNTER, OBJECTS, [event(POD, reason="BackOff", message="back-off\n", count=4)]))
    for expected in (
        "default/hits  http://hits.localhost",
        "total 1234, 12/s of late; store Standalone, primary hits-redis-0",
        "Ready       False    RedisNotRunning   30s   the pod hits-redis-0 is not ready",
        "Deployment/hits                           1/2",
        "HorizontalPodAutoscaler/hits              3 (2 to 8)   CPU 41% of 70%",
        "Pod/hits-1                                no           CrashLoopBackOff",
        "PersistentVolumeClaim/data-hits-redis-0   Bound        1Gi, -",
        "Normal   BackOff   Pod/hits-1   60s (x4)   back-off",
    ):
        assert expected in shown


def test_what_belongs_to_others_is_left_out() -> None:
    foreign = [
        body("Pod", "more-1", "more"),
        body("Pod", "hits-2") | {"metadata": POD["metadata"] | {"namespace": "x"}},
    ]
    summary = summarize(COUNTER, [POD, *foreign], [event(body("Pod", "more-1", "more")), event(COUNTER)])
    assert [pod["name"] for pod in summary["pods"]] == ["hits-1"]
    assert [happened["object"] for happened in summary["events"]] == ["RequestCounter/hits"]


def test_a_counter_that_nobody_has_seen_yet_is_told_as_such() -> None:
    fresh = body("RequestCounter", "hits")
    fresh["metadata"]["generation"] = 1
    shown = text(summarize(fresh, [], []))
    assert shown.splitlines() == [
        "default/hits  -",
        "total -; store -",
        "the operator has not seen the newest specification yet: is it running?",
    ]


def test_a_suspended_counter_says_so() -> None:
    assert "suspended: Workload" in text(summarize(COUNTER | {"spec": {"suspend": "Workload"}}, [], []))


def test_the_newest_events_are_told_whichever_form_they_have() -> None:
    old = [event(POD, at=f"2026-01-01T10:00:{second:02}Z") for second in range(MAX_EVENTS)]
    series = event(POD, series={"lastObservedTime": "2026-01-01T11:00:00.000000Z", "count": 7})
    told = summarize(COUNTER, OBJECTS, [series, *old])["events"]
    assert len(told) == MAX_EVENTS
    assert (told[-1]["at"], told[-1]["count"]) == ("2026-01-01T11:00:00.000000Z", 7)
    assert told[0]["at"] == "2026-01-01T10:00:01Z"


@pytest.mark.parametrize(
    ("since", "age"),
    [
        ("2026-01-01T11:58:01Z", "119s"),
        ("2026-01-01T11:55:00Z", "5m0s"),
        ("2026-01-01T11:00:00Z", "60m"),
        ("2026-01-01T02:00:00Z", "10h"),
        ("2025-12-20T12:00:00Z", "12d"),
        ("2026-01-01T12:00:05Z", "0s"),
    ],
)
def test_ages_have_the_fewer_digits_the_older_they_are(since: str, age: str) -> None:
    assert _age(since, NOW) == age


def test_one_counters_objects_are_selected_by_its_name() -> None:
    assert selector_of("hits") == "app.kubernetes.io/name=request-counter,app.kubernetes.io/instance=hits"
    assert selector_of(None) == "app.kubernetes.io/name=request-counter"
