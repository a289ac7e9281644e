"""The CustomResourceDefinition and the operator's types say the same, and everything in it has a bound."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from request_counter_operator.api import Spec, Status

ROOT = Path(__file__).parents[3]
CRD = yaml.safe_load((ROOT / "crds" / "requestcounters.requestcounter.io.yaml").read_text())
(VERSION,) = CRD["spec"]["versions"]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]["properties"]


def model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as ``Model``, ``Model | None`` or ``tuple[Model, ...]``."""
    candidates = [annotation, *get_args(annotation)]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def fields_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for field in model.model_fields.values():
        path = f"{prefix}.{field.alias}"
        yield path
        inner = model_of(field.annotation)
        if inner is not None:
            yield from fields_of(inner, path)


def nodes_of(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, node in schema.get("properties", {}).items():
        yield f"{prefix}.{name}", node
        yield from nodes_of(node.get("items", node), f"{prefix}.{name}")


@pytest.mark.parametrize(("part", "model"), [("spec", Spec), ("status", Status)])
def test_the_types_have_the_fields_of_the_schema(part: str, model: type[BaseModel]) -> None:
    assert sorted(fields_of(model)) == sorted(path for path, _ in nodes_of(SCHEMA[part]))


def defaulted(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what the API server makes of an empty object of this schema."""
    value: dict[str, Any] = dict(schema.get("default", {}))
    for name, node in schema.get("properties", {}).items():
        if "default" in node and name not in value:
            value[name] = node["default"]
        if name in value and node.get("type") == "object":
            value[name] = {**defaulted(node), **value[name]}
    return value


def test_the_types_have_the_defaults_of_the_schema() -> None:
    by_server = Spec.model_validate(defaulted(SCHEMA["spec"]))
    assert by_server == Spec()


def test_every_string_list_and_map_of_the_spec_is_bounded() -> None:
    unbounded = [
        path
        for path, node in nodes_of(SCHEMA["spec"])
        if (node.get("type") == "string" and not {"maxLength", "enum"} & node.keys())
        or (node.get("type") == "array" and "maxItems" not in node)
        or ("additionalProperties" in node and "maxProperties" not in node)
        or (node.get("type") == "integer" and not {"minimum", "maximum"} <= node.keys())
        or (node.get("x-kubernetes-int-or-string") and "maxLength" not in node)
    ]
    assert unbounded == []


def rules_of(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from schema.get("x-kubernetes-validations", ())
    for node in schema.get("properties", {}).values():
        yield from rules_of(node)


def test_every_rule_has_a_message_that_names_a_field() -> None:
    rules = [*rules_of({"properties": SCHEMA}), *rules_of(VERSION["schema"]["openAPIV3Schema"])]
    assert len(rules) > 15
    prefixes = ("spec.", "metadata.", "resources.")
    assert [rule["rule"] for rule in rules if not rule.get("message", "").startswith(prefixes)] == []


def test_names_and_subresources() -> None:
    assert CRD["spec"]["names"]["shortNames"] == ["rqc"]
    assert VERSION["subresources"].keys() == {"status", "scale"}
    assert [column["name"] for column in VERSION["additionalPrinterColumns"] if not column.get("priority")] == [
        "Ready",
        "Replicas",
        "Total",
        "URL",
        "Store",
        "Age",
    ]
