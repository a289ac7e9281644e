"""Nodes are drained, one after the other, as for an upgrade: nothing is lost, and no drain waits for long."""

import time
from typing import Any

import pytest

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.nodes import CONTROL_PLANE
from tests.support.resources import GATE, acknowledged, host, ready, start, with_redis
from tests.survival.report import Report
from tests.survival.test_redis import ENOUGH, GROUPS, WRITES_AGAIN_WITHIN_S, is_whole

DRAINED_WITHIN_S = 120
DRAIN = ("--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={DRAINED_WITHIN_S}s")

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("mode", GROUPS)
async def test_nothing_acknowledged_is_lost_when_nodes_are_drained(
    namespace: Kubectl, report: Report, mode: str
) -> None:
    """Of the node that all else depends on here, only the counter's pods are taken away: Ingress and DNS stay."""
    row = report.fault(mode, "Each node is drained in turn.", "there")
    await start(namespace, with_redis(GROUPS[mode]))
    longest_s = 0.0
    async with Ledger(GATE, host=host(namespace), paths=200, rate_per_s=300) as ledger:
        for node in await nodes(namespace):
            await acknowledged(ledger, ENOUGH)
            longest_s = max(longest_s, await drained(namespace, node))
            await eventually(lambda: is_whole(namespace), within_s=240, every_s=1)
        await acknowledged(ledger, ENOUGH)
    await ready(namespace)
    books = await ledger.verify()
    assert longest_s <= DRAINED_WITHIN_S
    assert books.longest_gap_s <= WRITES_AGAIN_WITHIN_S, str(books)
    row.passed_with(books)


async def nodes(kubectl: Kubectl) -> list[str]:
    found: list[dict[str, Any]] = (await kubectl.get("nodes"))["items"]
    return [node["metadata"]["name"] for node in found]


async def drained(kubectl: Kubectl, node: str) -> float:
    """Drain a node and give it back; return how long the drain took, seconds."""
    own = ("--pod-selector=app.kubernetes.io/part-of=request-counter",) if node == CONTROL_PLANE else ()
    began_s = time.monotonic()
    try:
        await kubectl("drain", node, *DRAIN, *own)
        return time.monotonic() - began_s
    finally:
        await kubectl("uncordon", node)
