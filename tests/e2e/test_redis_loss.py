"""Redis's pod dies while a client keeps books: nothing acknowledged is lost, nothing is counted twice.

The control does the same to a counter without persistence: its books must not balance, or the test proves nothing.
"""

import pytest

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.nodes import process_of_pod
from tests.support.resources import GATE, acknowledged, host, is_replaced, ready, start

IN_MEMORY = {"store": {"durability": "None", "redis": {"persistence": {"enabled": False}}}}


async def kill_redis_under_load(kubectl: Kubectl) -> Ledger:
    """Keep 200 PUT/s on 50 paths going while Redis's pod is killed and comes back; return the closed books."""
    async with Ledger(GATE, host=host(kubectl), paths=50, rate_per_s=200) as ledger:
        await acknowledged(ledger, 1000)
        pod = await kubectl.get("pod", "hits-redis-0")
        await kubectl("delete", "pod", "hits-redis-0", "--grace-period=0", "--force")
        await eventually(lambda: is_replaced(kubectl, pod), within_s=60)
        await kubectl.wait("pod/hits-redis-0", "condition=Ready", within_s=120)
        await acknowledged(ledger, 1000)
    await ready(kubectl)
    return ledger


async def test_persisted_counts_survive_the_loss_of_redis_exactly(namespace: Kubectl) -> None:
    await start(namespace)
    books = await (await kill_redis_under_load(namespace)).verify()
    assert set(books.errors) <= {"503"}


async def test_the_next_pod_leaves_the_volume_alone_until_the_one_before_it_has_ended(namespace: Kubectl) -> None:
    await start(namespace)
    before = await namespace.get("pod", "hits-redis-0")
    process = await process_of_pod(before, "redis-server")
    await process.signal("STOP")  # it hears nobody, and lives until the kubelet loses patience
    await namespace("delete", "pod", "hits-redis-0", "--grace-period=0", "--force")
    looks: list[bool] = []

    async def next_is_ready() -> bool:
        pod = await namespace.find("pod", "hits-redis-0")
        if pod is None or pod["metadata"]["uid"] == before["metadata"]["uid"]:
            return False
        (container,) = pod["status"].get("containerStatuses") or [{"ready": False}]
        if await process.is_alive():
            looks.append(container["ready"])
        return bool(container["ready"])

    await eventually(next_is_ready, within_s=90)
    assert looks
    assert not any(looks)


async def test_without_persistence_the_same_loss_shows(namespace: Kubectl) -> None:
    await start(namespace, IN_MEMORY)
    ledger = await kill_redis_under_load(namespace)
    with pytest.raises(AssertionError, match="discrepancies"):
        await ledger.verify()
