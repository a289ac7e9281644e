"""Whose fields are whose: the digest of ours changes with our fields, and with nothing else."""

import copy
from typing import Any

import pytest

from request_counter_operator.ownership import (
    digest,
    manifest_digest,
    owned_digest,
    owned_fields,
    owns_replicas,
    takers,
)

DEPLOYMENT: dict[str, Any] = {
    "metadata": {
        "name": "hits",
        "resourceVersion": "1",
        "labels": {"ours": "1", "theirs": "2"},
        "finalizers": ["ours/f"],
        "managedFields": [
            {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:theirs": {}}}}},
            {
                "manager": "request-counter-operator",
                "operation": "Apply",
                "fieldsV1": {
                    "f:metadata": {"f:labels": {"f:ours": {}}, "f:finalizers": {'v:"ours/f"': {}}},
                    "f:spec": {
                        "f:replicas": {},
                        "f:template": {
                            "f:containers": {'k:{"name":"service"}': {".": {}, "f:name": {}, "f:image": {}}}
                        },
                    },
                },
            },
        ],
    },
    "spec": {
        "replicas": 2,
        "paused": False,
        "template": {"containers": [{"name": "other", "image": "x"}, {"name": "service", "image": "a", "tty": True}]},
    },
    "status": {"readyReplicas": 1},
}


def changed(*path: Any, to: Any) -> dict[str, Any]:
    body = copy.deepcopy(DEPLOYMENT)
    node: Any = body
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = to
    return body


@pytest.mark.parametrize(
    "body",
    [
        changed("status", "readyReplicas", to=2),
        changed("metadata", "resourceVersion", to="9"),
        changed("metadata", "labels", "theirs", to="x"),
        changed("spec", "paused", to=True),
        changed("spec", "template", "containers", 0, "image", to="y"),
        changed("spec", "template", "containers", 1, "tty", to=False),
    ],
)
def test_others_fields_do_not_count(body: dict[str, Any]) -> None:
    assert owned_digest(body) == owned_digest(DEPLOYMENT)


@pytest.mark.parametrize(
    "body",
    [
        changed("spec", "replicas", to=3),
        changed("metadata", "labels", "ours", to="x"),
        changed("metadata", "labels", to={}),
        changed("metadata", "finalizers", to=[]),
        changed("spec", "template", "containers", 1, "image", to="y"),
        changed("spec", "template", "containers", to=[]),
        # Another manager took a field over, with the same value: it is not ours any more.
        changed("metadata", "managedFields", 1, "fieldsV1", "f:spec", "f:replicas", to={"f:x": {}}),
        changed("metadata", "managedFields", to=[]),
    ],
)
def test_a_change_of_ours_shows(body: dict[str, Any]) -> None:
    assert owned_digest(body) != owned_digest(DEPLOYMENT)


def test_replicas_are_ours_when_our_entry_lists_them() -> None:
    assert owns_replicas(DEPLOYMENT)
    assert not owns_replicas(changed("metadata", "managedFields", 1, "fieldsV1", "f:spec", to={}))


def test_updates_and_subresources_of_the_same_manager_are_not_applies() -> None:
    for key, value in (("operation", "Update"), ("subresource", "status")):
        assert owned_fields(changed("metadata", "managedFields", 1, key, to=value)) == {}


def test_a_digest_ignores_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})


MANIFEST: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "hits", "namespace": "default", "labels": {"ours": "1"}, "finalizers": ["ours/f"]},
    "spec": {"replicas": 2, "template": {"containers": [{"name": "service", "image": "a"}]}},
}


def test_what_was_applied_has_the_digest_of_its_manifest() -> None:
    assert owned_digest(DEPLOYMENT) == manifest_digest(MANIFEST)
    assert manifest_digest(MANIFEST | {"spec": {}}) != manifest_digest(MANIFEST)
    assert manifest_digest(MANIFEST | {"metadata": {**MANIFEST["metadata"], "name": "other"}}) == manifest_digest(
        MANIFEST
    )


@pytest.mark.parametrize("empty", [{}, []])
def test_an_empty_map_or_list_of_ours_is_not_filled_by_others(empty: Any) -> None:
    body = changed("metadata", "managedFields", 1, "fieldsV1", to={"f:spec": {"f:volumes": {".": {}}}})
    body["spec"]["volumes"] = {"x": 1} if empty == {} else [1]
    assert owned_digest(body) == digest({"spec": {"volumes": empty}})


def test_list_items_are_in_the_order_that_they_have() -> None:
    keys: dict[str, Any] = {f'k:{{"name":"{name}"}}': {".": {}, "f:name": {}} for name in ("service", "other")}
    body = changed("metadata", "managedFields", 1, "fieldsV1", to={"f:spec": {"f:template": {"f:containers": keys}}})
    assert owned_digest(body) == digest(
        {"spec": {"template": {"containers": [{"name": "other"}, {"name": "service"}]}}}
    )


def test_who_took_a_field_of_ours_is_named_and_nobody_else() -> None:
    body = changed("metadata", "managedFields", 1, "fieldsV1", "f:spec", to={})
    body["metadata"]["managedFields"] += [
        entry("kubectl-edit", {"f:spec": {"f:replicas": {}}}, time="2026-01-01T00:00:02Z", subresource="scale"),
        entry("dashboard", {"f:spec": {"f:template": {"f:containers": {'k:{"name":"service"}': {"f:image": {}}}}}}),
        entry("kube-controller-manager", {"f:status": {"f:readyReplicas": {}}}, subresource="status"),
        entry("request-counter-operator-replicas", {"f:spec": {"f:replicas": {}}}, operation="Apply"),
        entry("neighbour", {"f:spec": {"f:paused": {}}, "f:metadata": {"f:labels": {"f:theirs": {}}}}),
    ]
    assert takers(body, MANIFEST) == ("kubectl-edit", "dashboard")
    assert takers(DEPLOYMENT, MANIFEST) == ()


def entry(manager: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    defaults = {"operation": "Update", "time": "2026-01-01T00:00:01Z"}
    return {"manager": manager, "fieldsV1": fields, **defaults, **more}
