"""JSON Schemas of Kubernetes' kinds and of ours, for kubeconform, in its strict form: an unknown field is a fault.

Kubernetes' come from the OpenAPI document in its own Go module, whose checksum the Go checksum database vouches for;
ours from the definition in crds/. Pure, but for reading and writing files.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
_REFERENCE = "#/definitions/"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"

LOCATION = "{{.Group}}/{{.ResourceAPIVersion}}/{{.ResourceKind}}.json"
"""Where kubeconform looks for a schema, below a folder; `schema_file` writes it there."""


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """A kind in one version of its group.

    Args:
        api_version: as manifests have it, such as apps/v1.
        kind: such as Deployment.
    """

    api_version: str
    kind: str

    @property
    def file(self) -> str:
        """Its schema's file, below a folder: LOCATION filled in."""
        return f"{self.api_version.partition('/')[0]}/{self.api_version.rpartition('/')[2]}/{self.kind.lower()}.json"


def kubernetes_schemas(swagger: Schema, kinds: Iterable[Kind]) -> dict[Kind, Schema]:
    """Return the schema of each of these kinds that this version of Kubernetes has.

    Args:
        swagger: api/openapi-spec/swagger.json.
        kinds: which ones.
    """
    definitions = {name: _strict(_as_written(name, schema)) for name, schema in swagger["definitions"].items()}
    names = {
        Kind("/".join(part for part in (gvk["group"], gvk["version"]) if part), gvk["kind"]): name
        for name, schema in swagger["definitions"].items()
        for gvk in schema.get("x-kubernetes-group-version-kind", ())
    }
    return {
        kind: {"$ref": _REFERENCE + names[kind], "definitions": _reachable(names[kind], definitions)}
        for kind in kinds
        if kind in names
    }


def custom_schemas(definition: Schema) -> dict[Kind, Schema]:
    """Return the schema of each version of a CustomResourceDefinition's kind; rules in CEL are not in it."""
    spec = definition["spec"]
    return {
        Kind(f"{spec['group']}/{version['name']}", spec["names"]["kind"]): _strict(version["schema"]["openAPIV3Schema"])
        for version in spec["versions"]
    }


def write_schemas(folder: Path, schemas: dict[Kind, Schema]) -> None:
    """Write schemas to where kubeconform looks for them below a folder."""
    for kind, schema in schemas.items():
        file = folder / kind.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(schema))


def _as_written(name: str, schema: Schema) -> Schema:
    """Return a definition as manifests may have it: the OpenAPI document knows only strings for what numbers may be."""
    if name == _QUANTITY:
        return {"type": ["string", "number"]}
    if schema.get("format") == "int-or-string":
        return {"type": ["string", "integer"]}
    return schema


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items()}
    closed = isinstance(schema.get("properties"), dict) and isinstance(schema.get("type", "object"), str)
    if closed and not schema.get("x-kubernetes-preserve-unknown-fields"):
        strict.setdefault("additionalProperties", False)
    return strict


def _reachable(name: str, definitions: dict[str, Schema]) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = definitions[name]
            waiting += _references(definitions[name])
    return found


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for item in schema for name in _references(item)]
    if not isinstance(schema, dict):
        return []
    reference = schema.get("$ref")
    own = [reference.removeprefix(_REFERENCE)] if isinstance(reference, str) else []
    return own + [name for value in schema.values() for name in _references(value)]
