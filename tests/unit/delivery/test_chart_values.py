"""Each value of the chart does what it says, a wrong one is refused, and the README's table has them all."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.delivery import places
from request_counter_operator.settings import Settings
from tests.support.charts import NAMESPACE, Helm, HelmError, Manifest, Rendered

OPERATOR = "request-counter-operator"
SCHEMA: dict[str, Any] = json.loads((places.CHART / "values.schema.json").read_text())
DEFAULTS: dict[str, Any] = yaml.safe_load((places.CHART / "values.yaml").read_text())
DIGEST = f"sha256:{'ab' * 32}"

WRONG: dict[str, dict[str, Any]] = {
    "an unknown value": {"replica": 1},
    "an unknown inner value": {"image": {"name": "x"}},
    "no number": {"replicas": "two"},
    "a negative number": {"replicas": -1},
    "a level that there is not": {"log": {"level": "trace"}},
    "a format that there is not": {"log": {"format": "xml"}},
    "a port out of range": {"ingress": {"httpPort": 70_000}},
    "too many workers": {"reconcile": {"workers": 65}},
    "an interval too short": {"reconcile": {"totalIntervalSeconds": 1}},
    "a digest that is none": {"image": {"digest": "sha256:abc"}},
    "a tag with a blank": {"serviceImage": {"tag": "a b"}},
    "a pull policy that there is not": {"image": {"pullPolicy": "Sometimes"}},
    "a registry with a scheme": {"registry": "https://ghcr.io"},
    "namespaces of a cluster-wide operator": {"watch": {"namespaces": ["web"]}},
    "a namespace that cannot be": {"watch": {"clusterWide": False, "namespaces": ["Web"]}},
    "a namespace twice": {"watch": {"clusterWide": False, "namespaces": ["web", "web"]}},
    "somebody's account without its name": {"serviceAccount": {"create": False}},
    "a label that is the chart's": {"commonLabels": {"app.kubernetes.io/name": "x"}},
    "a label that selects": {"podLabels": {"app": "x"}},
    "a variable that is the chart's": {"extraEnv": [{"name": "OPERATOR_NAMESPACE", "value": "x"}]},
    "a variable without a name": {"extraEnv": [{"value": "x"}]},
    "a variable that is a number": {"extraEnv": [{"name": "X", "value": 1}]},
    "no pod may be away": {"podDisruptionBudget": {"maxUnavailable": 0}},
    "a monitor of no service": {"metrics": {"serviceMonitor": {"enabled": True}}},
    "a pull secret as a string": {"imagePullSecrets": ["registry"]},
    "a spread without its key": {"topologySpreadConstraints": [{"maxSkew": 1}]},
    "limits at the wrong place": {"resources": {"memory": "1Gi"}},
}

SETTINGS: dict[str, tuple[dict[str, Any], str, str]] = {
    "log.level": ({"log": {"level": "debug"}}, "OPERATOR_LOG_LEVEL", "debug"),
    "log.format": ({"log": {"format": "console"}}, "OPERATOR_LOG_FORMAT", "console"),
    "ingress.httpPort": ({"ingress": {"httpPort": 8080}}, "OPERATOR_INGRESS_HTTP_PORT", "8080"),
    "ingress.httpsPort": ({"ingress": {"httpsPort": 8443}}, "OPERATOR_INGRESS_HTTPS_PORT", "8443"),
    "reconcile.workers": ({"reconcile": {"workers": 4}}, "OPERATOR_WORKERS", "4"),
    "reconcile.totalIntervalSeconds": (
        {"reconcile": {"totalIntervalSeconds": 60}},
        "OPERATOR_TOTAL_INTERVAL_S",
        "60",
    ),
    "reconcile.resyncIntervalSeconds": (
        {"reconcile": {"resyncIntervalSeconds": 2_000_000}},
        "OPERATOR_RESYNC_INTERVAL_S",
        "2000000",
    ),
    "redisImage": ({"redisImage": "example.com/redis:8"}, "OPERATOR_REDIS_IMAGE", "example.com/redis:8"),
    "serviceImage": (
        {"serviceImage": {"repository": "x/y", "tag": "1", "digest": DIGEST}},
        "OPERATOR_SERVICE_IMAGE",
        f"x/y:1@{DIGEST}",
    ),
    "registry": (
        {"registry": "ghcr.io/example"},
        "OPERATOR_SERVICE_IMAGE",
        f"ghcr.io/example/request-counter/service:{places.version()}",
    ),
    "extraEnv": ({"extraEnv": [{"name": "HTTPS_PROXY", "value": "http://p"}]}, "HTTPS_PROXY", "http://p"),
    "watch.namespaces": (
        {"watch": {"clusterWide": False, "namespaces": ["shop", "web"]}},
        "OPERATOR_WATCH_NAMESPACES",
        "shop,web",
    ),
}


def deployment(rendered: Rendered, name: str = OPERATOR) -> Manifest:
    return rendered["Deployment", NAMESPACE, name]


def pod(rendered: Rendered) -> dict[str, Any]:
    spec: dict[str, Any] = deployment(rendered)["spec"]["template"]["spec"]
    return spec


def environment(rendered: Rendered) -> dict[str, Any]:
    (container,) = pod(rendered)["containers"]
    names = [variable["name"] for variable in container["env"]]
    assert len(names) == len(set(names))
    return {variable["name"]: variable.get("value") for variable in container["env"]}


@pytest.mark.parametrize("values", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_value_is_refused(helm: Helm, values: dict[str, Any]) -> None:
    with pytest.raises(HelmError, match="values don't meet the specifications of the schema"):
        helm.template(values)


@pytest.mark.parametrize(("values", "variable", "value"), SETTINGS.values(), ids=SETTINGS.keys())
def test_a_setting_reaches_the_operator(helm: Helm, values: dict[str, Any], variable: str, value: str) -> None:
    assert environment(helm.template(values))[variable] == value


def test_what_the_chart_can_set_are_settings_of_the_operator_that_it_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    for _, variable, value in SETTINGS.values():
        if variable.startswith("OPERATOR_"):
            assert variable.removeprefix("OPERATOR_").lower() in Settings.model_fields
            monkeypatch.setenv(variable, value)
    Settings()


def test_the_defaults_in_the_schema_are_the_operator_s() -> None:
    properties = SCHEMA["properties"]
    documented = {
        "log_level": properties["log"]["properties"]["level"]["default"],
        "log_format": properties["log"]["properties"]["format"]["default"],
        "ingress_http_port": properties["ingress"]["properties"]["httpPort"]["default"],
        "ingress_https_port": properties["ingress"]["properties"]["httpsPort"]["default"],
        "workers": properties["reconcile"]["properties"]["workers"]["default"],
        "total_interval_s": properties["reconcile"]["properties"]["totalIntervalSeconds"]["default"],
        "resync_interval_s": properties["reconcile"]["properties"]["resyncIntervalSeconds"]["default"],
    }
    assert documented == {name: Settings.model_fields[name].default for name in documented}


def test_images_are_named_by_registry_tag_and_digest(helm: Helm) -> None:
    values = {"registry": "ghcr.io/example/", "image": {"tag": "1.2.3", "digest": DIGEST, "pullPolicy": "Always"}}
    (container,) = pod(helm.template(values))["containers"]
    assert container["image"] == f"ghcr.io/example/request-counter/operator:1.2.3@{DIGEST}"
    assert container["imagePullPolicy"] == "Always"


def test_what_places_pods_is_passed_on(helm: Helm) -> None:
    placing: dict[str, Any] = {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "priorityClassName": "system-cluster-critical",
        "imagePullSecrets": [{"name": "registry"}],
    }
    spread = {"maxSkew": 2, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
    spec = pod(helm.template({**placing, "topologySpreadConstraints": [spread]}))
    assert {name: spec[name] for name in placing} == placing
    assert spec["topologySpreadConstraints"] == [spread | {"labelSelector": {"matchLabels": {"app": OPERATOR}}}]
    assert "topologySpreadConstraints" not in pod(helm.template({"topologySpreadConstraints": []}))


def test_pods_can_be_shaped(helm: Helm) -> None:
    rendered = helm.template(
        {
            "replicas": 0,
            "resources": {"limits": {"memory": "1Gi"}},
            "podSecurityContext": {"runAsUser": None, "runAsGroup": None},
            "podLabels": {"team": "web"},
            "podAnnotations": {"note": "x"},
        }
    )
    (container,) = pod(rendered)["containers"]
    template = deployment(rendered)["spec"]["template"]["metadata"]
    assert deployment(rendered)["spec"]["replicas"] == 0
    assert container["resources"]["limits"] == {"memory": "1Gi"}
    assert pod(rendered)["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert template["labels"] == {"app": OPERATOR, "team": "web"}
    assert template["annotations"]["note"] == "x"


def test_an_operator_of_some_namespaces_has_rights_there_only(helm: Helm) -> None:
    rendered = helm.template({"watch": {"clusterWide": False, "namespaces": ["shop", "web"]}})
    assert [key for key in rendered if key[0] == "ClusterRoleBinding"] == []
    bindings = {namespace: rendered["RoleBinding", namespace, f"{OPERATOR}-counters"] for namespace in ("shop", "web")}
    for binding in bindings.values():
        assert binding["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": OPERATOR,
        }
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": NAMESPACE}]


def test_parts_can_be_left_out(helm: Helm) -> None:
    rendered = helm.template(
        {
            "crds": {"install": False},
            "rbac": {"create": False},
            "serviceAccount": {"create": False, "name": "mine"},
            "podDisruptionBudget": {"enabled": False},
        }
    )
    assert list(rendered) == [("Deployment", NAMESPACE, OPERATOR)]
    assert pod(rendered)["serviceAccountName"] == "mine"


def test_the_definition_is_kept_unless_told_otherwise(helm: Helm) -> None:
    key = ("CustomResourceDefinition", "", "requestcounters.requestcounter.io")
    assert "annotations" not in helm.template({"crds": {"keep": False}})[key]["metadata"]
    assert not (places.CHART / "crds").exists()


def test_metrics_are_found_by_prometheus(helm: Helm) -> None:
    monitor = {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}}
    service = {"enabled": True, "annotations": {"a": "b"}}
    rendered = helm.template({"metrics": {"service": service, "serviceMonitor": monitor}})
    exposed = rendered["Service", NAMESPACE, f"{OPERATOR}-metrics"]
    found = rendered["ServiceMonitor", NAMESPACE, f"{OPERATOR}-metrics"]
    assert exposed["spec"]["selector"] == {"app": OPERATOR}
    assert found["spec"]["selector"]["matchLabels"].items() <= exposed["metadata"]["labels"].items()
    assert found["metadata"]["labels"]["release"] == "prometheus"
    assert found["spec"]["endpoints"] == [{"port": "metrics", "path": "/metrics", "interval": "15s"}]
    assert [port["name"] for port in exposed["spec"]["ports"]] == ["metrics"]


def test_names_and_labels_can_be_chosen(helm: Helm) -> None:
    rendered = helm.template({"fullnameOverride": "counters", "commonLabels": {"team": "web"}})
    assert {name for _, _, name in rendered} == {"counters", "requestcounters.requestcounter.io"}
    assert all(manifest["metadata"]["labels"]["team"] == "web" for manifest in rendered.values())
    assert deployment(rendered, "counters")["spec"]["selector"]["matchLabels"] == {"app": "counters"}


def test_an_account_can_be_somebody_s_on_the_platform(helm: Helm) -> None:
    rendered = helm.template({"serviceAccount": {"annotations": {"example.com/role": "operator"}}})
    annotations = rendered["ServiceAccount", NAMESPACE, OPERATOR]["metadata"]["annotations"]
    assert annotations == {"example.com/role": "operator"}


def test_the_notes_warn_of_what_deletes_counters(helm: Helm, tmp_path: Path) -> None:
    assert "leaves counters running, and the definition" in helm.notes({}, tmp_path / "kept")
    assert "EVERY RequestCounter" in helm.notes({"crds": {"keep": False}}, tmp_path / "deleted")
    watch = {"watch": {"clusterWide": False, "namespaces": ["shop"]}}
    assert "of: shop" in helm.notes(watch, tmp_path / "watch")


def leaves(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, node in schema["properties"].items():
        path = f"{prefix}{name}"
        if "properties" in node and path != "resources":
            yield from leaves(node, f"{path}.")
        elif name != "global":
            yield path


def test_the_readme_has_every_value_and_no_other() -> None:
    table = re.findall(r"^\| `([A-Za-z.]+)`", (places.CHART / "README.md").read_text(), re.MULTILINE)
    assert sorted(table) == sorted(leaves(SCHEMA))


def test_the_values_and_the_schema_have_the_same_names() -> None:
    assert sorted(DEFAULTS) == sorted(SCHEMA["properties"].keys() - {"global"})
