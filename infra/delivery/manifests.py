"""All that is delivered as YAML, held by kubeconform to the schemas of each Kubernetes version that we promise."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

from infra.delivery import places
from infra.delivery.chart import HELMS, stage_chart
from infra.delivery.names import Released
from infra.delivery.programs import get_program
from infra.delivery.schemas import LOCATION, Kind, custom_schemas, kubernetes_schemas, write_schemas
from infra.kind import pins
from infra.kind.process import capture

KUBERNETES = ("v1.34.4", "v1.35.4", pins.KUBERNETES)
"""The versions whose schemas are compared with; the last is the one that the local cluster has."""

FOREIGN = (
    "Certificate",  # cert-manager
    "ClusterSecretStore",  # the External Secrets operator
    "ExternalSecret",  # likewise
    "IngressClassParams",  # EKS
    "Issuer",  # cert-manager
    "Policy",  # of an audit log: a file of the API server's, no resource
    "ServiceMonitor",  # the Prometheus operator
)
"""Kinds that neither Kubernetes nor we define, and so are not checked here."""

_KUSTOMIZATIONS = ("base", "overlays/*")
_FILES = ("deploy/samples/**/*.yaml", "infra/kind/manifests/*.yaml", "tests/unit/operator/golden/*/*.yaml")


def check_manifests(names: Released, note: Callable[[str], None]) -> None:
    """Render everything, and hold it to the schemas.

    Raises:
        CommandError: Something does not render, or is not what a schema says; the output names file and field.
    """
    rendered = places.BUILD / "manifests"
    shutil.rmtree(rendered, ignore_errors=True)
    rendered.mkdir(parents=True)
    _render(rendered, names, note)
    files = [path for pattern in _FILES for path in sorted(places.CHECKOUT.glob(pattern))]
    kinds = _kinds([*rendered.glob("*.yaml"), *files])
    kubeconform = get_program("kubeconform", note)
    for version in KUBERNETES:
        folder = _schemas(version, kinds, note)
        command = [str(kubeconform), "-strict", "-summary", "-skip", ",".join(FOREIGN)]
        location = f"{folder}/{LOCATION}"
        summary = capture([*command, "-schema-location", location, str(rendered), *map(str, files)])
        note(f"{version}: {summary}")


def everything_file() -> Path:
    """Return the chart's values that turn everything on."""
    return places.CHART / "ci" / "everything-values.yaml"


def _render(folder: Path, names: Released, note: Callable[[str], None]) -> None:
    deploy = places.CHECKOUT / "deploy"
    for directory in sorted(path for pattern in _KUSTOMIZATIONS for path in deploy.glob(pattern)):
        name = str(directory.relative_to(deploy)).replace("/", "-")
        (folder / f"{name}.yaml").write_text(capture(["kubectl", "kustomize", str(directory)]))
    chart = stage_chart(places.BUILD / "chart", names)
    for helm in HELMS:
        command = [str(get_program(helm, note)), "template", "release", str(chart), "--kube-version", pins.KUBERNETES]
        (folder / f"{helm}.yaml").write_text(capture(command))
        everything = capture([*command, "--values", str(everything_file())])
        (folder / f"{helm}-everything.yaml").write_text(everything)


def _kinds(files: list[Path]) -> set[Kind]:
    documents = [document for file in files for document in yaml.safe_load_all(file.read_text()) if document]
    return {Kind(document["apiVersion"], document["kind"]) for document in documents}


def _schemas(version: str, kinds: set[Kind], note: Callable[[str], None]) -> Path:
    note(f"getting the schemas of Kubernetes {version}")
    module = json.loads(capture(["go", "mod", "download", "-json", f"k8s.io/kubernetes@{version}"]))
    swagger = json.loads((Path(module["Dir"]) / "api" / "openapi-spec" / "swagger.json").read_text())
    folder = places.BUILD / "schemas" / version
    shutil.rmtree(folder, ignore_errors=True)
    write_schemas(folder, kubernetes_schemas(swagger, kinds))
    write_schemas(folder, custom_schemas(yaml.safe_load(places.CRD.read_text())))
    return folder
