"""The chart installs what kustomize installs: the same objects with the same fields, but for what is listed here.

The list is what Helm's conventions ask for (labels), and what Helm cannot do: the release's namespace is there, or made
by `--create-namespace`, before the chart is rendered.
"""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.delivery import places
from tests.support.charts import NAMESPACE, Helm, Manifest, Rendered, kustomize

HELMS_LABELS = (
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "helm.sh/chart",
)
KEEP = {"helm.sh/resource-policy": "keep"}
NOT_THE_CHARTS = ("Namespace", "", NAMESPACE)


@pytest.fixture(autouse=True)
def needs_kubectl() -> None:
    """Skip where kustomize is not to be had."""
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl: `make up` gets it")


def without_helms_own(rendered: Rendered) -> Rendered:
    """Return the objects without the labels of HELMS_LABELS, each of which every object must have."""
    plain = copy.deepcopy(rendered)
    for manifest in plain.values():
        for label in HELMS_LABELS:
            del manifest["metadata"]["labels"][label]
    definition = next(manifest for (kind, *_), manifest in plain.items() if kind == "CustomResourceDefinition")
    assert definition["metadata"].pop("annotations") == KEEP
    return plain


def differences(left: Any, right: Any, path: str = "") -> list[str]:
    """Return where two values differ, field by field."""
    if isinstance(left, dict) and isinstance(right, dict):
        return [
            difference
            for key in sorted({*left, *right}, key=str)
            for difference in differences(left.get(key, "<absent>"), right.get(key, "<absent>"), f"{path}.{key}")
        ]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [found for number, pair in pairs for found in differences(*pair, f"{path}[{number}]")]
    return [] if left == right and type(left) is type(right) else [f"{path}: {left!r} is not {right!r}"]


def test_a_difference_is_found_wherever_it_is() -> None:
    left = {"a": [{"b": 1}], "c": "x"}
    assert differences(left, left) == []
    assert differences(left, {"a": [{"b": "1"}]}) == [".a[0].b: 1 is not '1'", ".c: 'x' is not '<absent>'"]


def test_the_defaults_are_the_base(helm: Helm) -> None:
    base = kustomize(places.BASE)
    assert base.pop(NOT_THE_CHARTS)["metadata"]["name"] == NAMESPACE
    assert differences(without_helms_own(helm.template()), base) == []


def namespaced(folder: Path) -> Rendered:
    """Render the base with the component `namespaced`."""
    # kustomize takes no absolute paths, and nothing outside of what it can reach by relative ones.
    below = folder / "checkout"
    shutil.copytree(places.CHECKOUT / "deploy", below / "deploy", symlinks=True)
    shutil.copytree(places.CHECKOUT / "crds", below / "crds")
    kustomization = {"resources": ["../base"], "components": ["../components/namespaced"]}
    (below / "deploy" / "namespaced").mkdir()
    (below / "deploy" / "namespaced" / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return kustomize(below / "deploy" / "namespaced")


def test_a_namespaced_operator_is_the_component(helm: Helm, tmp_path: Path) -> None:
    component = namespaced(tmp_path)
    del component[NOT_THE_CHARTS]
    assert differences(without_helms_own(helm.template({"watch": {"clusterWide": False}})), component) == []


def test_both_helms_find_no_fault(helm: Helm) -> None:
    for values in ((), (places.CHART / "ci" / "everything-values.yaml",)):
        assert "1 chart(s) linted, 0 chart(s) failed" in helm.lint(*values)


def test_pods_are_not_replaced_by_a_new_version_of_the_chart_alone(helm: Helm) -> None:
    deployment: Manifest = helm.template()["Deployment", NAMESPACE, "request-counter-operator"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels == {"app": "request-counter-operator"} == deployment["spec"]["selector"]["matchLabels"]
