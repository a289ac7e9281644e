"""Counts move to a Redis of another mode when the field is changed, all of them, and come back."""

import pytest

from kubectl_requestcounter.ledger import Ledger
from tests.e2e.test_external_redis import EXTERNAL, their_redis
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.resources import (
    GATE,
    acknowledged,
    condition,
    count,
    host,
    ready,
    resource,
    start,
    store_status,
    with_redis,
)

ENOUGH = 1000

pytestmark = [pytest.mark.timeout(600), pytest.mark.long]


async def moved(kubectl: Kubectl, mode: str) -> None:
    """Return when the counts are in a Redis of this mode, and the counter is well."""

    async def is_there() -> bool:
        found = await store_status(kubectl)
        return found.get("mode") == mode and "move" not in found

    await eventually(is_there, within_s=240, every_s=1)
    await ready(kubectl)


async def test_from_a_group_to_a_cluster_and_to_somebody_elses(namespace: Kubectl) -> None:
    await start(namespace, with_redis({"mode": "Sentinel"}))
    await namespace.apply(*their_redis("right"))
    async with Ledger(GATE, host=host(namespace), paths=200, rate_per_s=300) as ledger:
        await acknowledged(ledger, ENOUGH, within_s=90)
        await namespace.apply(resource(namespace, with_redis({"mode": "Cluster", "replicas": 1})))
        await moved(namespace, "Cluster")
        await acknowledged(ledger, ENOUGH, within_s=90)
        await namespace.apply(resource(namespace, EXTERNAL))
        await moved(namespace, "External")
        await acknowledged(ledger, ENOUGH, within_s=90)
    await ledger.verify()
    ours = await namespace.get("statefulsets,configmaps,secrets", "--selector=app.kubernetes.io/instance=hits")
    assert ours["items"] == []


async def test_what_is_there_already_is_not_touched_and_the_way_back_is_open(namespace: Kubectl) -> None:
    await namespace.apply(*their_redis("right"))
    await start(namespace, EXTERNAL)
    assert await count(namespace, "PUT", "/theirs") == 1
    await namespace("delete", "requestcounter", "hits")
    await start(namespace)
    assert await count(namespace, "PUT", "/ours") == 1
    await namespace.apply(resource(namespace, EXTERNAL))

    async def is_refused() -> bool:
        return bool((await condition(namespace, "Degraded"))["reason"] == "MoveFailed")

    await eventually(is_refused, within_s=180, every_s=1)
    await namespace.apply(resource(namespace))
    await moved(namespace, "Standalone")
    assert [await count(namespace, "GET", path) for path in ("/ours", "/theirs")] == [1, 0]
    assert await count(namespace, "PUT", "/ours") == 2
