"""What kopf watches, and how: RequestCounters, and never a mark on one."""

from typing import Any

import aiohttp
import kopf
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


def test_kopf_watches_request_counters_only_and_leaves_no_mark_on_them() -> None:
    queue = WorkQueue(nothing, workers=1, metrics=OperatorMetrics())
    registry = build_registry(Cache(), {}, queue, aiohttp.TraceConfig())
    kinds = [*CHILD_KINDS, REQUEST_COUNTER]
    assert not any(registry._changing.has_handlers(resource(kind)) for kind in kinds)
    assert not any(registry._spawning.has_handlers(resource(kind)) for kind in kinds)
    assert [kind for kind in kinds if registry._watching.has_handlers(resource(kind))] == [REQUEST_COUNTER]
    assert [kind for kind in kinds if registry._indexing.has_handlers(resource(kind))] == [REQUEST_COUNTER]


def test_kopf_is_not_filtered() -> None:
    settings = kopf.OperatorSettings()
    configure(settings)
    assert list(settings.watching.label_selectors.collect(resource(REQUEST_COUNTER))) == []


async def test_the_index_of_counters_leaves_out_managed_fields() -> None:
    body: dict[str, Any] = {"metadata": {"name": "hits", "namespace": "default", "managedFields": [{}]}, "spec": {}}
    expected = {Key("default", "hits"): {"metadata": {"name": "hits", "namespace": "default"}, "spec": {}}}
    assert await index_counter(kopf.Body(body)) == expected  # type: ignore[arg-type]
