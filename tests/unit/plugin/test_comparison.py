"""What a difference shows: everything that a person means, nothing that only the API server does, no secret."""

import copy
from typing import Any

import pytest
import yaml

from kubectl_requestcounter.comparison import Change

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "hits",
        "namespace": "default",
        "uid": "1",
        "resourceVersion": "10",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [
            {
                "manager": "request-counter-operator",
                "operation": "Apply",
                "time": "2026-01-01T00:00:00Z",
                "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {"f:x": {}}}},
            }
        ],
    },
    "spec": {"replicas": 2, "template": {"x": "one"}},
    "status": {"replicas": 2},
}


def edited(**edits: Any) -> dict[str, Any]:
    """Return the Deployment with values at dotted paths (``__`` for the dots) replaced."""
    body = copy.deepcopy(DEPLOYMENT)
    for path, value in edits.items():
        *above, last = path.split("__")
        target = body
        for name in above:
            target = target[name]
        target[last] = value
    return body


def change(after: dict[str, Any] | None, before: dict[str, Any] | None = DEPLOYMENT) -> Change:
    return Change("Deployment", "hits", before, after)


def test_bookkeeping_is_no_difference() -> None:
    after = edited(metadata__resourceVersion="11", metadata__generation=2, metadata__uid="2", status={"replicas": 0})
    after["metadata"]["managedFields"][0]["time"] = "2026-02-02T00:00:00Z"
    after["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    assert change(after).effect is None
    assert list(change(after).lines()) == []


def test_a_changed_value_is_a_unified_diff() -> None:
    lines = list(change(edited(spec__replicas=3)).lines())
    assert lines[:2] == ["--- Deployment/hits (now)", "+++ Deployment/hits (then)"]
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-  replicas: 2", "+  replicas: 3"]


def test_a_changed_template_replaces_pods() -> None:
    assert change(edited(spec__template={"x": "two"})).replaces_pods
    assert not change(edited(spec__replicas=3)).replaces_pods
    assert not change(DEPLOYMENT, None).replaces_pods


def test_a_field_that_the_operator_would_only_come_to_own_is_a_difference() -> None:
    """The API server counts that as a change of the object, so to the operator it is a write."""
    after = copy.deepcopy(DEPLOYMENT)
    after["metadata"]["managedFields"][0]["fieldsV1"] = {"f:spec": {"f:template": {"f:x": {}}}}
    assert change(after).effect == "changed"
    assert "-spec.replicas: owned by the operator" in list(change(after).lines())


def test_other_managers_fields_are_nobodys_business() -> None:
    after = copy.deepcopy(DEPLOYMENT)
    after["metadata"]["managedFields"].append({"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:x": {}}})
    assert change(after).effect is None


def test_new_and_removed_objects_are_shown_whole() -> None:
    new, removed = change(DEPLOYMENT, None), change(None)
    assert (new.effect, removed.effect) == ("new", "removed")
    shown = "\n".join(line[1:] for line in list(new.lines())[3:])
    expected = {key: value for key, value in DEPLOYMENT.items() if key != "status"}
    assert yaml.safe_load(shown) == expected | {"metadata": {"name": "hits", "namespace": "default"}}
    assert next(removed.lines()) == "--- Deployment/hits (now)"
    assert all(line.startswith("-") for line in list(removed.lines())[3:])


def test_what_the_server_makes_up_at_a_creation_is_not_shown() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hits"}, "spec": {"clusterIP": "10.0.0.1"}}
    assert "clusterIP" not in "\n".join(Change("Service", "hits", None, service).lines())
    owned = edited(metadata__ownerReferences=[{"name": "hits", "uid": "random"}])
    assert "random" not in "\n".join(Change("Deployment", "hits", None, owned, owner_is_new=True).lines())


def secret(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data}


def test_secret_values_are_masked_and_only_whether_they_differ_is_told() -> None:
    before, after = secret(same="c2FtZQ==", password="b2xk"), secret(same="c2FtZQ==", password="bmV3", more="bW9yZQ==")
    text = "\n".join(Change("Secret", "s", before, after).lines())
    assert not any(value in text for value in ("c2FtZQ==", "b2xk", "bmV3", "bW9yZQ=="))
    assert "-  password: '*** (before)'" in text
    assert "+  password: '*** (after)'" in text
    assert "+  more: '***'" in text


@pytest.mark.parametrize("sides", [(None, secret(password="bmV3")), (secret(password="bmV3"), None)])
def test_secret_values_are_masked_in_new_and_removed_secrets(sides: tuple[Any, Any]) -> None:
    assert "bmV3" not in "\n".join(Change("Secret", "s", *sides).lines())


def test_text_of_several_lines_differs_by_line() -> None:
    before, after = ({"kind": "ConfigMap", "metadata": {}, "data": {"redis.conf": f"port 1\n{x}\n"}} for x in "ab")
    lines = list(Change("ConfigMap", "c", before, after).lines())
    assert [line.strip() for line in lines[3:] if line[0] in "+-"] == ["-    a", "+    b"]
