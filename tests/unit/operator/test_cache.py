"""What is kept of a child: whose it is, whether it is ours, how its rollout stands."""

from typing import Any

import pytest

from request_counter_operator.cache import Cache, Child, ChildKey, Key, Rollout, belongs_to, owner_key
from tests.support.counters import UID, counter

OURS = {"app.kubernetes.io/managed-by": "request-counter-operator", "app.kubernetes.io/instance": "hits"}


def body(kind: str = "Service", *, owner: str | None = UID, labels: dict[str, str] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": "hits",
        "namespace": "default",
        "uid": "u",
        "resourceVersion": "7",
        "labels": labels or {},
    }
    if owner is not None:
        metadata["ownerReferences"] = [
            {"kind": "Other", "name": "other", "uid": "x"},
            {"kind": "RequestCounter", "name": "hits", "uid": owner, "controller": True},
        ]
    return {"kind": kind, "metadata": metadata, "spec": {}}


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        (body(), Key("default", "hits")),
        (body(labels={"app.kubernetes.io/instance": "changed"}), Key("default", "hits")),
        (body(owner=None, labels=OURS), Key("default", "hits")),
        (body(owner=None), None),
    ],
)
def test_a_child_is_found_by_its_owner_or_else_its_label(child: dict[str, Any], expected: Key | None) -> None:
    assert owner_key(child) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (body(), True),
        (body(owner="another"), False),
        (body(owner="another", labels=OURS), False),
        (body(owner=None, labels=OURS), True),
        (body(owner=None, labels=OURS | {"app.kubernetes.io/instance": "other"}), False),
        (body(owner=None, labels={"app.kubernetes.io/instance": "hits"}), False),
        (body(owner=None), False),
    ],
)
def test_only_what_we_made_is_ours(found: dict[str, Any], *, expected: bool) -> None:
    assert belongs_to(found, counter()) is expected


def test_the_rollout_of_a_workload() -> None:
    deployment = body("Deployment") | {
        "spec": {"replicas": 3},
        "status": {
            "observedGeneration": 1,
            "replicas": 4,
            "updatedReplicas": 2,
            "readyReplicas": 3,
            "conditions": [
                {"type": "Available", "status": "False", "message": "not this"},
                {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"},
            ],
        },
    }
    expected = Rollout(observed=True, wanted=3, present=4, updated=2, ready=3, message="exceeded quota")
    assert Child.from_body(deployment).rollout == expected
    deployment["metadata"]["generation"] = 2
    assert Child.from_body(deployment).rollout == Rollout(
        observed=False, wanted=3, present=4, updated=2, ready=3, message="exceeded quota"
    )


def test_other_kinds_have_no_rollout() -> None:
    assert Child.from_body(body()).rollout is None


def test_a_cache_is_empty_until_the_watches_are_attached() -> None:
    cache, key = Cache(), Key("default", "hits")
    assert (cache.counter(key), cache.children(key)) == (None, {})
    child = Child.from_body(body())
    cache.attach({key: [{"kind": "RequestCounter"}]}, {key: [child]})
    assert cache.counter(key) == {"kind": "RequestCounter"}
    assert cache.children(key) == {ChildKey("Service", "hits"): child}
    assert (cache.keys(), child.resource_version) == ([key], 7)


def test_the_uids_of_a_namespace() -> None:
    cache = Cache()
    bodies = {Key(*name): [{"metadata": {"uid": uid}}] for name, uid in [("ab", "1"), ("ac", "2"), ("bb", "3")]}
    cache.attach({**bodies, Key("a", "gone"): []}, {})
    assert (cache.uids("a"), cache.uids("c")) == ({"1", "2"}, set())


def test_conditions_are_counted() -> None:
    cache = Cache()
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Degraded", "status": "False"}]}}
    cache.attach({Key("a", "1"): [ready], Key("a", "2"): [ready], Key("a", "3"): [{}]}, {})
    assert cache.conditions() == {("Ready", "True"): 2, ("Degraded", "False"): 2}
