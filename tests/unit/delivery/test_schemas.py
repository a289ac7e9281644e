"""The schemas that manifests are held to: strict, of Kubernetes' own document and of our definition."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.delivery import places
from infra.delivery.programs import find_program
from infra.delivery.schemas import LOCATION, Kind, custom_schemas, kubernetes_schemas, write_schemas

SAMPLE = places.CHECKOUT / "deploy" / "samples" / "hits.yaml"
OURS = Kind("requestcounter.io/v1", "RequestCounter")
SWAGGER: dict[str, Any] = {
    "definitions": {
        "io.k8s.api.apps.v1.Thing": {
            "properties": {
                "spec": {"$ref": "#/definitions/io.k8s.api.apps.v1.ThingSpec"},
                "size": {"$ref": "#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity"},
            },
            "x-kubernetes-group-version-kind": [{"group": "apps", "kind": "Thing", "version": "v1"}],
        },
        "io.k8s.api.apps.v1.ThingSpec": {
            "type": "object",
            "properties": {
                "again": {"$ref": "#/definitions/io.k8s.api.apps.v1.ThingSpec"},
                "port": {"$ref": "#/definitions/IntOrString"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
        "IntOrString": {"type": "string", "format": "int-or-string"},
        "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
        "Elsewhere": {"type": "object"},
    }
}


def test_a_schema_holds_what_it_refers_to_and_nothing_else() -> None:
    (schema,) = kubernetes_schemas(SWAGGER, [Kind("apps/v1", "Thing"), Kind("v1", "Unknown")]).values()
    definitions = schema["definitions"]
    assert schema["$ref"] == "#/definitions/io.k8s.api.apps.v1.Thing"
    assert definitions.keys() == SWAGGER["definitions"].keys() - {"Elsewhere"}
    assert definitions["io.k8s.api.apps.v1.ThingSpec"]["additionalProperties"] is False
    assert definitions["io.k8s.api.apps.v1.ThingSpec"]["properties"]["labels"] == {
        "type": "object",
        "additionalProperties": {"type": "string"},
    }
    assert definitions["IntOrString"] == {"type": ["string", "integer"]}
    assert definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] == {"type": ["string", "number"]}


def test_a_schema_is_where_kubeconform_looks_for_it() -> None:
    assert Kind("apps/v1", "Deployment").file == "apps/v1/deployment.json"
    assert Kind("v1", "Service").file == "v1/v1/service.json"
    assert LOCATION == "{{.Group}}/{{.ResourceAPIVersion}}/{{.ResourceKind}}.json"


def verdict(folder: Path, manifest: dict[str, Any]) -> str:
    """Return what kubeconform says of a RequestCounter."""
    kubeconform = find_program("kubeconform")
    if kubeconform is None:
        pytest.skip("there is no kubeconform: `make manifests` gets it")
    write_schemas(folder, custom_schemas(yaml.safe_load(places.CRD.read_text())))
    command = [str(kubeconform), "-strict", "-output", "json", "-schema-location", f"{folder}/{LOCATION}"]
    done = subprocess.run(command, input=json.dumps(manifest), capture_output=True, text=True, check=False)
    return "ok" if done.returncode == 0 else done.stdout


def test_a_sample_is_accepted_and_a_misspelled_one_refused(tmp_path: Path) -> None:
    sample = yaml.safe_load(SAMPLE.read_text())
    assert verdict(tmp_path, sample) == "ok"
    sample["spec"]["replica"] = 2
    assert "replica" in verdict(tmp_path, sample)
    del sample["spec"]["replica"]
    sample["spec"]["exposure"]["type"] = "Door"
    assert "/spec/exposure/type" in verdict(tmp_path, sample)
