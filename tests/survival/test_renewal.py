"""Passwords are renewed under load: no request fails, no pod restarts, and the old ones are refused afterwards."""

from typing import Any

import pytest

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.operators import Operators
from tests.support.resources import GATE, host, resource, start

pytestmark = pytest.mark.timeout(1200)

ROTATED_WITHIN_S = 420


def spec(mode: str, rotate: str) -> dict[str, Any]:
    durability = "Persisted" if mode == "Standalone" else "Replicated"
    return {"store": {"durability": durability, "redis": {"mode": mode, "auth": {"rotate": rotate}}}}


async def auth(kubectl: Kubectl) -> dict[str, Any]:
    found: dict[str, Any] = (await kubectl.get("requestcounter", "hits"))["status"]["store"]["auth"]
    return found


async def pods(kubectl: Kubectl) -> dict[str, int]:
    """Return how often each pod's containers were restarted, by the pod's UID."""
    found = (await kubectl.get("pods", "--selector=app.kubernetes.io/instance=hits"))["items"]
    return {p["metadata"]["uid"]: sum(s["restartCount"] for s in p["status"]["containerStatuses"]) for p in found}


@pytest.mark.parametrize("mode", ["Standalone", "Sentinel", "Cluster"])
async def test_no_request_fails_and_no_pod_restarts(namespace: Kubectl, operators: Operators, mode: str) -> None:
    await start(namespace, spec(mode, ""))
    before = await pods(namespace)
    async with Ledger(GATE, host=host(namespace), paths=50, rate_per_s=100) as ledger:
        await namespace.apply(resource(namespace, spec(mode, "once")))
        await eventually(lambda: is_begun(namespace), within_s=60)
        # Whoever leads next goes on where this one stopped.
        await operators.signal(await operators.leader(), "KILL")
        await eventually(lambda: is_done(namespace), within_s=ROTATED_WITHIN_S, every_s=2)
    books = await ledger.verify()
    assert books.errors == {}
    assert await pods(namespace) == before
    users = await namespace("get", "secret", secret_name(mode), "--output=jsonpath={.data.username}")
    assert users == "c2VydmljZS0x"  # service-1


async def is_begun(kubectl: Kubectl) -> bool:
    return len((await auth(kubectl))["accepted"]) > 1


async def is_done(kubectl: Kubectl) -> bool:
    return bool((await auth(kubectl))["accepted"] == [1])


def secret_name(mode: str) -> str:
    return "hits-cluster" if mode == "Cluster" else "hits-redis"
