"""A Redis with replicas on the cluster: made from one without, replaced under load, and telling how it does."""

import pytest

from kubectl_requestcounter.ledger import Ledger
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

SENTINEL = with_redis({"mode": "Sentinel"})
ENOUGH = 1000

pytestmark = pytest.mark.timeout(600)


async def test_one_server_becomes_a_group_with_all_its_counts(namespace: Kubectl) -> None:
    await start(namespace)
    async with Ledger(GATE, host=host(namespace), paths=200, rate_per_s=300) as ledger:
        await acknowledged(ledger, ENOUGH)
        await namespace.apply(resource(namespace, SENTINEL))
        await eventually(lambda: is_whole(namespace), within_s=240, every_s=1)
        await acknowledged(ledger, ENOUGH)
    await ready(namespace)
    await ledger.verify()
    assert len((await store_status(namespace))["servers"]) == 3


async def is_whole(kubectl: Kubectl) -> bool:
    status = await kubectl.get("requestcounter", "hits")
    conditions = {c["type"]: c for c in status["status"]["conditions"]}
    is_told = conditions["Ready"]["observedGeneration"] == status["metadata"]["generation"]
    return bool(is_told and conditions["Ready"]["status"] == "True")


@pytest.mark.long
@pytest.mark.parametrize(("mode", "primaries"), [("Sentinel", 1), ("Cluster", 3)])
async def test_a_new_template_moves_a_primary_at_most_once_and_loses_nothing(
    namespace: Kubectl, mode: str, primaries: int
) -> None:
    await start(namespace, with_redis({"mode": mode}))
    before = await pods(namespace)
    changed = with_redis({"mode": mode, "resources": MORE})
    async with Ledger(GATE, host=host(namespace), paths=200, rate_per_s=300) as ledger:
        await acknowledged(ledger, ENOUGH)
        await namespace.apply(resource(namespace, changed))
        await eventually(lambda: all_replaced(namespace, before), within_s=300, every_s=1)
        await eventually(lambda: is_whole(namespace), within_s=120, every_s=1)
        await acknowledged(ledger, ENOUGH)
    books = await ledger.verify()
    events = (await namespace.get("events", "--field-selector=reason=FailedOver"))["items"]
    assert sum(event.get("count", 1) for event in events) == primaries
    assert books.longest_gap_s <= 2


MORE = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "300Mi"}}


async def pods(kubectl: Kubectl) -> set[str]:
    found = (await kubectl.get("pods", "--selector=app.kubernetes.io/component in (redis,cluster)"))["items"]
    return {pod["metadata"]["uid"] for pod in found if "deletionTimestamp" not in pod["metadata"]}


async def all_replaced(kubectl: Kubectl, before: set[str]) -> bool:
    now = await pods(kubectl)
    return len(now) == len(before) and not now & before


async def test_the_status_tells_of_a_lost_primary_and_of_the_next_one(namespace: Kubectl) -> None:
    await start(namespace, SENTINEL)
    assert await count(namespace, "PUT", "/a") == 1
    first = (await store_status(namespace))["primary"]
    await namespace("delete", "pod", first, "--grace-period=0", "--force", "--wait=false")

    async def is_told() -> bool:
        return str((await condition(namespace, "RedisReady"))["status"]) == "False"

    await eventually(is_told, within_s=10)

    async def is_back() -> bool:
        return str((await condition(namespace, "RedisReady"))["status"]) == "True"

    await eventually(is_back, within_s=120)
    assert await count(namespace, "GET", "/a") == 1
