"""What a resource stands for: the golden manifests, and what holds of any resource that the API server admits."""

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from request_counter_operator.desired import children
from request_counter_operator.kinds import KIND_OF
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.settings import Settings
from tests.support import golden
from tests.support.counters import BACKED_UP, FULL, HIBERNATING, MINIMAL, RESTORED, SPECS, UID, counter

PASSWORD = "p" * 64
WORKLOADS = {"Deployment", "StatefulSet"}
BACKUPS = [{}, {"backup": {"schedule": "@daily"}}, BACKED_UP["store"]]

autoscaling = st.none() | st.fixed_dictionaries({"minReplicas": st.integers(1, 5), "maxReplicas": st.integers(5, 1000)})
exposure = st.sampled_from([{"type": "None"}, FULL["exposure"]])
redis = st.sampled_from([spec.get("store", {}).get("redis", {}) for spec in SPECS.values()])
specs = st.fixed_dictionaries(
    {
        "replicas": st.integers(0, 1000),
        "autoscaling": autoscaling,
        "exposure": exposure,
        "store": st.fixed_dictionaries(
            {"durability": st.sampled_from(["None", "Persisted", "Replicated"]), "redis": redis}
        ),
        "limits": st.fixed_dictionaries({"maxPathBytes": st.integers(16, 8192)}),
    }
)
own_specs = st.builds(
    lambda spec, backup, restore: {**spec, "store": {"durability": "None", **backup}, **restore},
    specs,
    st.sampled_from(BACKUPS),
    st.sampled_from([{}, {"restoreFrom": RESTORED["restoreFrom"]}]),
)


def desired(spec: dict[str, Any], *, exists: bool = True) -> list[dict[str, Any]]:
    facts = Facts(Credentials(PASSWORD), service_replicas=2 if exists else None, service_pods=2 if exists else 0)
    return children(counter(spec), Settings(), facts)


def of_kind(manifests: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (manifest,) = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"] in {"hits", "hits-admin"}]
    return manifest


@pytest.mark.parametrize("name", SPECS)
def test_manifests_are_those_on_file(name: str) -> None:
    assert golden.render(name) == (golden.DIRECTORY / f"{name}.yaml").read_text()


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("release", [folder.name for folder in golden.RELEASES.iterdir()])
def test_an_upgrade_from_any_release_rolls_no_pod(release: str, name: str) -> None:
    """Whoever pins the images, in the resource or the operator's settings, sees no pod restart by an upgrade."""
    file = golden.RELEASES / release / f"{name}.yaml"
    if file.exists():  # the sample was known then
        assert pod_templates(golden.render(name)) == pod_templates(file.read_text())


def pod_templates(manifests: str) -> list[dict[str, Any]]:
    templates = [m["spec"]["template"] for m in yaml.safe_load_all(manifests) if m["kind"] in WORKLOADS]
    for template in templates:
        for container in template["spec"]["containers"]:
            del container["image"]
    return templates


def pods_of(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the specification of the pods that come of a manifest."""
    spec = manifest.get("spec", {}).get("jobTemplate", manifest).get("spec", {})
    return [spec["template"]["spec"]] if "template" in spec else []


@given(spec=specs | own_specs, exists=st.booleans())
def test_any_resource_renders_the_same_twice_and_without_nulls(spec: dict[str, Any], *, exists: bool) -> None:
    first, second = desired(spec, exists=exists), desired(spec, exists=exists)
    assert first == second
    assert not re.search(r"[:,\[] ?null", json.dumps(first))


@given(spec=specs | own_specs)
def test_every_child_is_owned_named_and_of_a_known_kind(spec: dict[str, Any]) -> None:
    for manifest in desired(spec):
        metadata = manifest["metadata"]
        owners = [(o["uid"], o["controller"]) for o in metadata.get("ownerReferences", ())]
        # Backups are there for what happens to their RequestCounter.
        assert owners == ([] if manifest["kind"] == "PersistentVolumeClaim" else [(UID, True)])
        assert re.fullmatch(
            r"hits(-admin|-backup|-restore|-transfer|-(redis|sentinel)(-\d)?|-cluster(-\d(-\d)?)?)?", metadata["name"]
        )
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "request-counter-operator"
        assert manifest["apiVersion"] == KIND_OF[manifest["kind"]].api_version


@given(spec=specs)
def test_selectors_do_not_depend_on_the_spec(spec: dict[str, Any]) -> None:
    reference = {
        m["kind"]: m["spec"]["selector"]
        for m in desired(MINIMAL)
        if "selector" in m.get("spec", {}) and m["metadata"]["name"] == "hits"
    }
    for manifest in desired(spec):
        if manifest["kind"] in {"Deployment", "PodDisruptionBudget"} and manifest["metadata"]["name"] == "hits":
            assert manifest["spec"]["selector"] == reference[manifest["kind"]]


@given(spec=specs | own_specs)
def test_the_password_is_nowhere_but_in_the_secret(spec: dict[str, Any]) -> None:
    public = [manifest for manifest in desired(spec) if manifest["kind"] != "Secret"]
    assert PASSWORD not in json.dumps(public)


@given(spec=specs | own_specs)
def test_all_pods_meet_the_restricted_standard(spec: dict[str, Any]) -> None:
    for manifest in desired(spec):
        for pod in pods_of(manifest):
            assert pod["securityContext"]["runAsNonRoot"]
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert not pod["automountServiceAccountToken"]
            for container in [*pod["containers"], *pod.get("initContainers", ())]:
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


def test_a_hibernating_counter_has_no_pods_and_its_redis_goes_last() -> None:
    def replicas(pods: int) -> dict[str, int]:
        facts = Facts(Credentials(PASSWORD), service_replicas=pods, service_pods=pods)
        manifests = children(counter(HIBERNATING), Settings(), facts)
        assert "HorizontalPodAutoscaler" not in [manifest["kind"] for manifest in manifests]
        return {m["kind"]: m["spec"]["replicas"] for m in manifests if m["kind"] in WORKLOADS}

    assert replicas(2) == {"Deployment": 0, "StatefulSet": 1}
    assert replicas(0) == {"Deployment": 0, "StatefulSet": 0}


def test_a_counter_that_wakes_up_gets_the_autoscalers_minimum_to_begin_with() -> None:
    spec = {"autoscaling": {"minReplicas": 3, "maxReplicas": 9}}
    asleep = Facts(Credentials(PASSWORD), service_replicas=0)
    assert of_kind(children(counter(spec), Settings(), asleep), "Deployment")["spec"]["replicas"] == 3


@pytest.mark.parametrize(("replicas", "expected"), [(0, False), (1, False), (2, True)])
def test_a_disruption_budget_needs_two_pods(replicas: int, *, expected: bool) -> None:
    kinds = [manifest["kind"] for manifest in desired({"replicas": replicas})]
    assert ("PodDisruptionBudget" in kinds) is expected


def test_a_changed_password_or_configuration_starts_redis_anew() -> None:
    def annotations(spec: dict[str, Any], password: str) -> dict[str, str]:
        facts = Facts(Credentials(password))
        (redis,) = [m for m in children(counter(spec), Settings(), facts) if m["kind"] == "StatefulSet"]
        found: dict[str, str] = redis["spec"]["template"]["metadata"]["annotations"]
        return found

    before = annotations(MINIMAL, PASSWORD)
    assert annotations(MINIMAL, "q" * 64) != before
    assert annotations({"store": {"durability": "None"}}, PASSWORD) != before
    assert annotations({"replicas": 7}, PASSWORD) == before


@pytest.mark.parametrize("name", SPECS)
def test_renewing_passwords_changes_the_secret_and_no_pod(name: str) -> None:
    """Whatever generation is used and accepted, nothing but the Secret says so."""
    steps = [Credentials(PASSWORD, *step) for step in ((0, (0,)), (0, (0, 1)), (1, (0, 1)), (1, (1,)))]
    made = [children(counter(SPECS[name]), Settings(), Facts(step, service_pods=2)) for step in steps]
    rest = [[manifest for manifest in manifests if manifest["kind"] != "Secret"] for manifests in made]
    assert rest == [rest[0]] * 4
