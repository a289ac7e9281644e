"""What a resource stands for: the golden manifests, and what holds of any resource that the API server admits."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from request_counter_operator.desired import Facts, children
from request_counter_operator.kinds import KIND_OF
from request_counter_operator.settings import Settings
from tests.support import golden
from tests.support.counters import FULL, MINIMAL, SPECS, UID, counter

PASSWORD = "p" * 64

autoscaling = st.none() | st.fixed_dictionaries({"minReplicas": st.integers(1, 5), "maxReplicas": st.integers(5, 1000)})
exposure = st.sampled_from([{"type": "None"}, FULL["exposure"]])
redis = st.sampled_from([spec.get("store", {}).get("redis", {}) for spec in SPECS.values()])
specs = st.fixed_dictionaries(
    {
        "replicas": st.integers(0, 1000),
        "autoscaling": autoscaling,
        "exposure": exposure,
        "store": st.fixed_dictionaries({"durability": st.sampled_from(["None", "Persisted"]), "redis": redis}),
        "limits": st.fixed_dictionaries({"maxPathBytes": st.integers(16, 8192)}),
    }
)


def desired(spec: dict[str, Any], *, exists: bool = True) -> list[dict[str, Any]]:
    return children(counter(spec), Settings(), Facts(redis_password=PASSWORD, deployment_exists=exists))


def of_kind(manifests: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (manifest,) = [m for m in manifests if m["kind"] == kind and not m["metadata"]["name"].endswith("-redis")]
    return manifest


@pytest.mark.parametrize("name", SPECS)
def test_manifests_are_those_on_file(name: str) -> None:
    assert golden.render(name) == (golden.DIRECTORY / f"{name}.yaml").read_text()


@given(spec=specs, exists=st.booleans())
def test_any_resource_renders_the_same_twice_and_without_nulls(spec: dict[str, Any], *, exists: bool) -> None:
    first, second = desired(spec, exists=exists), desired(spec, exists=exists)
    assert first == second
    assert "null" not in json.dumps(first)


@given(spec=specs)
def test_every_child_is_owned_named_and_of_a_known_kind(spec: dict[str, Any]) -> None:
    for manifest in desired(spec):
        metadata = manifest["metadata"]
        assert [(o["uid"], o["controller"]) for o in metadata["ownerReferences"]] == [(UID, True)]
        assert metadata["name"] in {"hits", "hits-admin", "hits-redis"}
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "request-counter-operator"
        assert manifest["apiVersion"] == KIND_OF[manifest["kind"]].api_version


@given(spec=specs)
def test_selectors_do_not_depend_on_the_spec(spec: dict[str, Any]) -> None:
    reference = {m["kind"]: m["spec"]["selector"] for m in desired(MINIMAL) if "selector" in m.get("spec", {})}
    for manifest in desired(spec):
        if manifest["kind"] in {"Deployment", "PodDisruptionBudget"}:
            assert manifest["spec"]["selector"] == reference[manifest["kind"]]


@given(spec=specs)
def test_the_password_is_nowhere_but_in_the_secret(spec: dict[str, Any]) -> None:
    public = [manifest for manifest in desired(spec) if manifest["kind"] != "Secret"]
    assert PASSWORD not in json.dumps(public)


@given(spec=specs)
def test_all_pods_meet_the_restricted_standard(spec: dict[str, Any]) -> None:
    for manifest in desired(spec):
        if manifest["kind"] in {"Deployment", "StatefulSet"}:
            pod = manifest["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"]
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert not pod["automountServiceAccountToken"]
            for container in pod["containers"]:
                security = container["securityContext"]
                assert security["readOnlyRootFilesystem"]
                assert security["capabilities"] == {"drop": ["ALL"]}
                assert not security["allowPrivilegeEscalation"]


@pytest.mark.parametrize(
    ("spec", "exists", "expected"),
    [
        ({"replicas": 5}, False, 5),
        ({"replicas": 5}, True, 5),
        ({"autoscaling": {"minReplicas": 3, "maxReplicas": 9}}, False, 3),
        ({"autoscaling": {"minReplicas": 3, "maxReplicas": 9}}, True, None),
    ],
)
def test_replicas_are_the_autoscalers_once_the_deployment_exists(
    spec: dict[str, Any], *, exists: bool, expected: int | None
) -> None:
    deployment = of_kind(desired(spec, exists=exists), "Deployment")
    assert deployment["spec"].get("replicas") == expected


@pytest.mark.parametrize(("replicas", "expected"), [(0, False), (1, False), (2, True)])
def test_a_disruption_budget_needs_two_pods(replicas: int, *, expected: bool) -> None:
    kinds = [manifest["kind"] for manifest in desired({"replicas": replicas})]
    assert ("PodDisruptionBudget" in kinds) is expected


def test_a_changed_password_or_configuration_starts_redis_anew() -> None:
    def annotations(spec: dict[str, Any], password: str) -> dict[str, str]:
        facts = Facts(redis_password=password, deployment_exists=True)
        (redis,) = [m for m in children(counter(spec), Settings(), facts) if m["kind"] == "StatefulSet"]
        found: dict[str, str] = redis["spec"]["template"]["metadata"]["annotations"]
        return found

    before = annotations(MINIMAL, PASSWORD)
    assert annotations(MINIMAL, "q" * 64) != before
    assert annotations({"store": {"durability": "None"}}, PASSWORD) != before
    assert annotations({"replicas": 7}, PASSWORD) == before
