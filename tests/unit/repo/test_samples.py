"""The samples are resources that the operator takes, and `full.yaml` has every field."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from counter_service.store.redis_address import parse_address
from request_counter_operator.api import RequestCounter, Spec
from tests.unit.repo.test_crd import SCHEMA, nodes_of

SAMPLES_FOLDER = Path(__file__).parents[3] / "deploy" / "samples"
SAMPLES = sorted(SAMPLES_FOLDER.rglob("*.yaml"))
FULL = SAMPLES_FOLDER / "full.yaml"


def body_of(sample: Path) -> dict[str, Any]:
    (body,) = [one for one in yaml.safe_load_all(sample.read_text()) if one["kind"] == "RequestCounter"]
    return dict(body)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_samples_have_no_field_that_the_resource_does_not(sample: Path) -> None:
    body = body_of(sample)
    known = {path for path, _ in nodes_of(SCHEMA["spec"])}

    def paths(node: object, prefix: str = "") -> set[str]:
        if not isinstance(node, dict) or prefix.endswith(".annotations"):
            return {prefix}
        return {
            path for name, inner in node.items() for path in (f"{prefix}.{name}", *paths(inner, f"{prefix}.{name}"))
        }

    assert paths(body["spec"]) - {""} <= known
    body["metadata"] |= {"namespace": "default", "uid": "11111111-2222-3333-4444-555555555555"}
    assert isinstance(RequestCounter.from_body(body).spec, Spec)


def test_the_full_sample_names_every_field() -> None:
    """Or in a comment, where it would contradict others: so only names are compared, not where they are."""
    named = set(re.findall(r"\b(\w+):", FULL.read_text()))
    assert {path for path, _ in nodes_of(SCHEMA["spec"]) if path.rpartition(".")[2] not in named} == set()


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ("external", "server"),
        ("eks/elasticache-cluster", "server"),
        ("eks/elasticache-sharded", "cluster"),
        ("eks/elasticache-serverless", "cluster"),
        ("eks/memorydb", "cluster"),
    ],
)
def test_samples_of_managed_stores_reach_them_by_tls_and_wait_for_no_append_only_file(sample: str, kind: str) -> None:
    store = body_of(SAMPLES_FOLDER / f"{sample}.yaml")["spec"]["store"]
    address = parse_address(store["redis"]["external"]["url"])
    assert (address.kind, address.tls, store["durability"]) == (kind, True, "None")
