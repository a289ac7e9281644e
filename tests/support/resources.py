"""RequestCounters for the tests of the whole, and how to reach them."""

from http import HTTPStatus
from typing import Any

import aiohttp

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl

GATE = "http://127.0.0.1:8080"
"""Where the local cluster's Ingress answers; names below ``localhost`` are sent as the Host header."""

READY_WITHIN_S = 120
BACK_WITHIN_S = 5


def resource(kubectl: Kubectl, spec: dict[str, Any] | None = None, name: str = "hits") -> dict[str, Any]:
    """Return a RequestCounter behind the Ingress, with two small pods unless ``spec`` says otherwise."""
    return {
        "apiVersion": "requestcounter.io/v1",
        "kind": "RequestCounter",
        "metadata": {"name": name, "namespace": kubectl.namespace},
        "spec": {
            "resources": {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"memory": "256Mi"}},
            "exposure": {"type": "Ingress", "host": host(kubectl, name)},
            **(spec or {}),
        },
    }


def host(kubectl: Kubectl, name: str = "hits") -> str:
    """Return the host name of a counter: unique, so that tests do not meet at the Ingress."""
    return f"{name}.{kubectl.namespace}.localhost"


def with_redis(redis: dict[str, Any], durability: str = "Replicated") -> dict[str, Any]:
    """Return a spec with this Redis."""
    return {"store": {"durability": durability, "redis": redis}}


async def store_status(kubectl: Kubectl) -> dict[str, Any]:
    """Return what the status of ``hits`` says of its store; empty when it says nothing."""
    status: dict[str, Any] = (await kubectl.get("requestcounter", "hits")).get("status", {}).get("store", {})
    return status


def redis_secret(mode: str, name: str = "hits") -> str:
    """Return the name of the Secret of a counter's own Redis."""
    return f"{name}-cluster" if mode == "Cluster" else f"{name}-redis"


async def acknowledged(ledger: Ledger, more: int, *, within_s: float = 60) -> None:
    """Return when so many more requests have been acknowledged."""
    enough = ledger.books.acknowledged + more
    await eventually(lambda: ledger.books.acknowledged >= enough, within_s=within_s)


async def start(kubectl: Kubectl, spec: dict[str, Any] | None = None, name: str = "hits") -> None:
    """Apply a RequestCounter, and wait until it is Ready and the Ingress leads to it."""
    await kubectl.apply(resource(kubectl, spec, name))
    await ready(kubectl, name)


async def ready(kubectl: Kubectl, name: str = "hits") -> None:
    """Wait until a RequestCounter is Ready and the Ingress leads to it."""
    await kubectl.wait(f"requestcounter/{name}", "condition=Ready", within_s=READY_WITHIN_S)
    await eventually(lambda: answers(kubectl, name), within_s=30)


async def is_replaced(kubectl: Kubectl, pod: dict[str, Any]) -> bool:
    """Return whether there is another pod of the same name."""
    found = await kubectl.find("pod", pod["metadata"]["name"])
    return found is not None and bool(found["metadata"]["uid"] != pod["metadata"]["uid"])


async def condition(kubectl: Kubectl, kind: str, name: str = "hits") -> dict[str, Any]:
    """Return a condition of a counter; an empty one when its status has none of this type."""
    status = (await kubectl.get("requestcounter", name)).get("status", {})
    found = [c for c in status.get("conditions", ()) if c["type"] == kind] or [{"status": None, "reason": None}]
    return dict(found[0])


async def answers(kubectl: Kubectl, name: str = "hits") -> bool:
    """Return whether the counter answers at the Ingress."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{GATE}/", headers={"Host": host(kubectl, name)}) as response,
    ):
        return response.status == HTTPStatus.OK


async def count(kubectl: Kubectl, method: str, path: str, name: str = "hits") -> int:
    """Send one request through the Ingress and return the count that it answers."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{GATE}{path}", headers={"Host": host(kubectl, name)}) as response,
    ):
        response.raise_for_status()
        return int((await response.json())["count"])
