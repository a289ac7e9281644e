"""The operator's settings are those of its Deployment, whatever the environment of the plugin's user holds."""

from typing import Any

import pytest

from kubectl_requestcounter.deployed_settings import DeployedSettings, settings_of
from kubectl_requestcounter.errors import PluginError
from request_counter_operator import __version__


def deployment(*env: dict[str, Any], image: str = f"request-counter/operator:{__version__}") -> dict[str, Any]:
    container = {"name": "operator", "image": image, "env": list(env)}
    return {"metadata": {"namespace": "system"}, "spec": {"template": {"spec": {"containers": [container]}}}}


def test_values_are_read_and_others_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_REDIS_IMAGE", "the-users:1")
    variables: list[dict[str, Any]] = [
        {"name": "OPERATOR_SERVICE_IMAGE", "value": "example.com/service:2"},
        {"name": "OPERATOR_INGRESS_HTTP_PORT", "value": "8080"},
        {"name": "OPERATOR_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "OPERATOR_OF_A_LATER_RELEASE", "value": "x"},
        {"name": "POD_ID", "value": "x"},
    ]
    settings, notes = settings_of(deployment(*variables))
    expected = DeployedSettings(
        namespace="system",
        service_image="example.com/service:2",
        ingress_http_port=8080,
        redis_image="redis:8.0-trixie",
    )
    assert settings == expected
    assert notes == []


def test_what_is_elsewhere_is_noted() -> None:
    reference = {"configMapKeyRef": {"name": "c", "key": "k"}}
    _, notes = settings_of(deployment({"name": "OPERATOR_REDIS_IMAGE", "valueFrom": reference}))
    assert notes == ["OPERATOR_REDIS_IMAGE of the operator is not in its Deployment itself: the default is taken"]


@pytest.mark.parametrize(
    ("image", "is_noted"),
    [
        ("request-counter/operator:0.0.9", True),
        ("registry.example.com:5000/operator:9.9.9@sha256:00", True),
        ("registry.example.com:5000/operator", False),
        ("operator:latest", False),
        ("operator@sha256:00", False),
        (f"operator:{__version__}", False),
    ],
)
def test_an_operator_of_another_release_is_noted(image: str, *, is_noted: bool) -> None:
    _, notes = settings_of(deployment(image=image))
    assert bool(notes) == is_noted


def test_a_value_that_is_none_is_named() -> None:
    with pytest.raises(PluginError, match="OPERATOR_INGRESS_HTTP_PORT"):
        settings_of(deployment({"name": "OPERATOR_INGRESS_HTTP_PORT", "value": "http"}))
