"""What is watched, and how: every kind, nothing that is not ours, and never a mark on an object."""

from typing import Any

import aiohttp
import kopf
import pytest
from kopf._cogs.structs.references import Resource

from request_counter_operator.cache import Cache, Key
from request_counter_operator.handlers import build_registry, configure, index_counter
from request_counter_operator.kinds import CHILD_KINDS, REQUEST_COUNTER, Kind
from request_counter_operator.metrics import OperatorMetrics
from request_counter_operator.workqueue import WorkQueue


async def nothing(_key: Key) -> float | None:
    return None


def resource(kind: Kind) -> Resource:
    return Resource(kind.group, kind.version, kind.plural, kind=kind.kind, namespaced=True, preferred=True)


@pytest.mark.parametrize("kind", CHILD_KINDS, ids=lambda kind: kind.plural)
def test_children_are_filtered_by_the_api_server(kind: Kind) -> None:
    settings = kopf.OperatorSettings()
    configure(settings)
    expected = ["app.kubernetes.io/managed-by=request-counter-operator"]
    assert list(settings.watching.label_selectors.collect(resource(kind))) == expected


def test_request_counters_are_not_filtered() -> None:
    settings = kopf.OperatorSettings()
    configure(settings)
    assert list(settings.watching.label_selectors.collect(resource(REQUEST_COUNTER))) == []


def test_no_handler_leaves_a_mark_on_an_object() -> None:
    registry = build_registry(Cache(), WorkQueue(nothing, workers=1, metrics=OperatorMetrics()), aiohttp.TraceConfig())
    kinds = [*CHILD_KINDS, REQUEST_COUNTER]
    assert not any(registry._changing.has_handlers(resource(kind)) for kind in kinds)
    assert not any(registry._spawning.has_handlers(resource(kind)) for kind in kinds)
    assert all(registry._watching.has_handlers(resource(kind)) for kind in kinds)
    assert all(registry._indexing.has_handlers(resource(kind)) for kind in kinds)


async def test_the_index_of_counters_leaves_out_managed_fields() -> None:
    body: dict[str, Any] = {"metadata": {"name": "hits", "namespace": "default", "managedFields": [{}]}, "spec": {}}
    expected = {Key("default", "hits"): {"metadata": {"name": "hits", "namespace": "default"}, "spec": {}}}
    assert await index_counter(kopf.Body(body)) == expected  # type: ignore[arg-type]
