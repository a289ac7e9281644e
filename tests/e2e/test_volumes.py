"""A larger volume is asked for where none can grow: it is told, and nothing that works is touched."""

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.resources import GATE, condition, host, resource, start

LARGER = {"store": {"redis": {"persistence": {"size": "2Gi", "retain": False}}}}
SMALL = {"store": {"redis": {"persistence": {"size": "1Gi", "retain": False}}}}


async def uids(kubectl: Kubectl) -> dict[str, str]:
    """Return all that is not to be made anew: the pods and their StatefulSet, by name."""
    pods = (await kubectl.get("pods", "--selector=app.kubernetes.io/instance=hits"))["items"]
    found = [*pods, await kubectl.get("statefulset", "hits-redis")]
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in found}


async def test_a_volume_that_cannot_grow_is_told_and_counting_goes_on(namespace: Kubectl) -> None:
    await start(namespace, SMALL)
    before = await uids(namespace)
    async with Ledger(GATE, host=host(namespace), rate_per_s=50) as ledger:
        await namespace.apply(resource(namespace, LARGER))
        await namespace.wait("requestcounter/hits", "condition=Degraded", within_s=30)
        acknowledged = ledger.books.acknowledged

        async def goes_on() -> bool:
            return ledger.books.acknowledged > acknowledged + 100

        await eventually(goes_on, within_s=30)
    books = await ledger.verify()
    assert books.errors == {}
    degraded = await condition(namespace, "Degraded")
    assert degraded["reason"] == "VolumeNotGrown"
    assert degraded["message"].startswith("PersistentVolumeClaim data-hits-redis-0: ")
    assert await uids(namespace) == before
    claim = await namespace.get("persistentvolumeclaim", "data-hits-redis-0")
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
    # A size cannot be taken back; but a resource like that can be deleted like any other.
    await namespace("delete", "requestcounter/hits", "--timeout=60s")
