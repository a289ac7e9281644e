"""Passwords are renewed under load: no request fails, no pod restarts, and the old ones are refused afterwards."""

from base64 import b64decode
from typing import Any

import pytest

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.operators import Operators
from tests.support.resources import GATE, host, redis_secret, resource, start
from tests.survival.report import Report

pytestmark = pytest.mark.timeout(5_400)

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


@pytest.mark.parametrize(("mode", "times"), [("Standalone", 1), ("Sentinel", 10), ("Cluster", 1)])
async def test_no_request_fails_and_no_pod_restarts(
    namespace: Kubectl, operators: Operators, report: Report, mode: str, times: int
) -> None:
    row = report.renewals(mode)
    await start(namespace, spec(mode, ""))
    before = await pods(namespace)
    async with Ledger(GATE, host=host(namespace), paths=50, rate_per_s=100) as ledger:
        for number in range(1, times + 1):
            await namespace.apply(resource(namespace, spec(mode, f"for the {number}. time")))
            await eventually(lambda: is_begun(namespace), within_s=60)
            if number == 1:
                # Whoever leads next goes on where this one stopped.
                await operators.signal(await operators.leader(), "KILL")
            await eventually(lambda number=number: is_done(namespace, number), within_s=ROTATED_WITHIN_S, every_s=2)  # type: ignore[misc]
    books = await ledger.verify()
    assert books.errors == {}
    assert await pods(namespace) == before
    users = await namespace("get", "secret", redis_secret(mode), "--output=jsonpath={.data.username}")
    assert b64decode(users).decode() == f"service-{times}"
    row.passed(str(times), f"{books.acknowledged:,}", "0", "0")


async def is_begun(kubectl: Kubectl) -> bool:
    return len((await auth(kubectl))["accepted"]) > 1


async def is_done(kubectl: Kubectl, generation: int) -> bool:
    return bool((await auth(kubectl))["accepted"] == [generation])
