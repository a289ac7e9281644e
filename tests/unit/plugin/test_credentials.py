"""Redis's password in a diff: exact where the live Secret tells it, no difference where it cannot be known."""

import base64
from typing import Any

import pytest

from kubectl_requestcounter.children import facts_of
from kubectl_requestcounter.credentials import FINGERPRINT_ANNOTATION, UNKNOWN, Root, root_of, settle_certificate
from request_counter_operator.desired import children
from request_counter_operator.render.credentials import fingerprint
from request_counter_operator.settings import Settings
from tests.support.counters import EXTERNAL, MINIMAL, TLS, counter


def manifests(value: str, spec: dict[str, Any] = MINIMAL) -> dict[str, dict[str, Any]]:
    rendered = children(counter(spec), Settings(), facts_of(counter(spec), None, Root(value, is_known=True)))
    return {f"{manifest['kind']}/{manifest['metadata']['name']}": manifest for manifest in rendered}


def test_the_annotation_is_the_one_that_the_operator_renders() -> None:
    rendered = manifests("right")
    for name in ("Deployment/hits", "StatefulSet/hits-redis"):
        annotations = rendered[name]["spec"]["template"]["metadata"]["annotations"]
        assert annotations[FINGERPRINT_ANNOTATION] == fingerprint("right")


def test_the_live_secret_tells_the_password() -> None:
    live = manifests("right")
    workloads = [live["Deployment/hits"], live["StatefulSet/hits-redis"]]
    assert root_of(live["Secret/hits-redis"], workloads) == Root("right", is_known=True)


@pytest.mark.parametrize("data", [None, {}, {"password": "=broken"}, {"password": base64.b64encode(b"\xff").decode()}])
def test_a_secret_without_a_password_tells_nothing(data: dict[str, str] | None) -> None:
    assert not root_of({"data": data}, []).is_known
    assert not root_of(None, []).is_known


def test_a_secret_that_the_workloads_do_not_know_was_changed_by_hand() -> None:
    live = manifests("right")
    workloads = [live["Deployment/hits"], live["StatefulSet/hits-redis"]]
    assert not root_of(manifests("wrong")["Secret/hits-redis"], workloads).is_known


def test_workloads_that_disagree_among_themselves_do_not_speak_against_the_secret() -> None:
    live, other = manifests("right"), manifests("other")
    workloads = [live["Deployment/hits"], other["StatefulSet/hits-redis"]]
    assert root_of(live["Secret/hits-redis"], workloads).is_known


def test_an_unknown_password_is_no_difference_in_the_workloads() -> None:
    live, wanted = manifests("right"), manifests(UNKNOWN)
    for name in ("Deployment/hits", "StatefulSet/hits-redis"):
        Root(UNKNOWN, is_known=False).settle(wanted[name], live[name])
        assert wanted[name] == live[name]


def test_a_workload_that_is_not_there_yet_gets_words_in_its_place() -> None:
    wanted = manifests(UNKNOWN)["Deployment/hits"]
    Root(UNKNOWN, is_known=False).settle(wanted, None)
    assert wanted["spec"]["template"]["metadata"]["annotations"][FINGERPRINT_ANNOTATION] == UNKNOWN


def test_an_external_redis_has_nothing_of_the_kind() -> None:
    wanted, same = manifests(UNKNOWN, EXTERNAL), manifests("other", EXTERNAL)
    for name, manifest in wanted.items():
        Root(UNKNOWN, is_known=False).settle(manifest, None)
        assert manifest == same[name]


@pytest.mark.parametrize("found", ["digest", None])
def test_the_sentinels_certificate_is_taken_as_it_is(found: str | None) -> None:
    wanted, live = (manifests("right", TLS)["StatefulSet/hits-sentinel"] for _ in range(2))
    annotations = live["spec"]["template"]["metadata"]["annotations"]
    assert annotations.pop("requestcounter.io/certificate") == UNKNOWN
    if found:
        annotations["requestcounter.io/certificate"] = found
    settle_certificate(wanted, live)
    assert wanted == live


def test_without_a_live_one_the_certificate_has_words_in_its_place() -> None:
    wanted = manifests("right", TLS)["StatefulSet/hits-sentinel"]
    settle_certificate(wanted, None)
    assert wanted["spec"]["template"]["metadata"]["annotations"]["requestcounter.io/certificate"] == UNKNOWN
