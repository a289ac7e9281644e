"""A Redis with replicas loses servers, sentinels, volumes, a node, its network: no acknowledged count is lost.

Each fault is an incident that users of other operators have reported: docs/redis.md.
"""

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

import pytest

from kubectl_requestcounter.ledger import Books, Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.operators import Operators
from tests.support.resources import GATE, acknowledged, host, ready, start, with_redis
from tests.survival import faults
from tests.survival.report import Report

WRITES_AGAIN_WITHIN_S = 15.0
AFTER_A_BLACKOUT_WITHIN_S = 60.0
ENOUGH = 1500
"""Acknowledged before the fault, and after it: five seconds' worth."""

pytestmark = pytest.mark.timeout(600)

Fault = Callable[[Kubectl], Awaitable[None]]

GROUPS: dict[str, dict[str, Any]] = {
    "Sentinel": {"mode": "Sentinel"},
    "Cluster": {"mode": "Cluster"},
}

FAULTS: dict[Fault, float] = {
    faults.pod_deleted: WRITES_AGAIN_WITHIN_S,
    faults.process_killed: WRITES_AGAIN_WITHIN_S,
    faults.process_hung: WRITES_AGAIN_WITHIN_S,
    faults.partitioned: WRITES_AGAIN_WITHIN_S,
    faults.pod_and_volume_deleted: WRITES_AGAIN_WITHIN_S,
    faults.all_servers_deleted: AFTER_A_BLACKOUT_WITHIN_S,
    faults.all_deleted: AFTER_A_BLACKOUT_WITHIN_S,
    faults.sentinels_deleted: AFTER_A_BLACKOUT_WITHIN_S,
}


OF_SENTINELS = {faults.all_deleted, faults.sentinels_deleted}
RUNS = [(mode, fault) for mode in GROUPS for fault in FAULTS if mode == "Sentinel" or fault not in OF_SENTINELS]


async def under_load(kubectl: Kubectl, fault: Fault) -> Ledger:
    """Count at 300 PUT/s over 200 paths, while ``fault`` happens and until all has been well for five seconds."""
    async with Ledger(GATE, host=host(kubectl), paths=200, rate_per_s=300) as ledger:
        await acknowledged(ledger, ENOUGH)
        await fault(kubectl)
        await acknowledged(ledger, ENOUGH, within_s=150)
        await eventually(lambda: is_whole(kubectl), within_s=150, every_s=1)
        await acknowledged(ledger, ENOUGH)
    return ledger


async def is_whole(kubectl: Kubectl) -> bool:
    """Whether all pods of Redis are ready; the resource's status may have nobody to write it."""
    sets = (await kubectl.get("statefulsets"))["items"]
    return all(one["status"].get("readyReplicas", 0) == one["spec"]["replicas"] for one in sets)


def is_within(books: Books, limit_s: float) -> None:
    assert books.longest_gap_s <= limit_s, str(books)


@pytest.mark.parametrize("operator", ["there", "away"])
@pytest.mark.parametrize(("mode", "fault"), RUNS, ids=lambda part: part if isinstance(part, str) else part.__name__)
async def test_nothing_acknowledged_is_lost(
    namespace: Kubectl, operators: Operators, report: Report, mode: str, fault: Fault, operator: str
) -> None:
    row = report.fault(mode, str(fault.__doc__), operator)
    await start(namespace, with_redis(GROUPS[mode]))
    async with operators.away() if operator == "away" else nullcontext():
        ledger = await under_load(namespace, fault)
    await ready(namespace)
    books = await ledger.verify()
    is_within(books, FAULTS[fault])
    row.passed_with(books)


@pytest.mark.parametrize("operator", ["there", "away"])
@pytest.mark.parametrize("mode", GROUPS)
async def test_nothing_acknowledged_is_lost_with_a_node(
    namespace: Kubectl, operators: Operators, report: Report, mode: str, operator: str
) -> None:
    row = report.fault(mode, str(faults.node_stopped.__doc__), operator)
    await start(namespace, with_redis(GROUPS[mode]))
    await faults.move_to_a_worker(namespace)
    # Otherwise most primaries may be lost with it, and nobody but the operator can help.
    await eventually(lambda: faults.are_apart(namespace), within_s=240, every_s=1)

    async with (
        operators.away() if operator == "away" else nullcontext(),
        Ledger(GATE, host=host(namespace), paths=200, rate_per_s=300) as ledger,
    ):
        await acknowledged(ledger, ENOUGH)
        async with faults.node_stopped(namespace):
            await acknowledged(ledger, ENOUGH)
        await eventually(lambda: is_whole(namespace), within_s=200, every_s=1)
    await ready(namespace)
    books = await ledger.verify()
    is_within(books, WRITES_AGAIN_WITHIN_S)
    row.passed_with(books)


async def test_without_replicas_and_persistence_the_same_loss_shows(namespace: Kubectl, report: Report) -> None:
    row = report.control("Standalone, `None`", str(faults.pod_deleted.__doc__))
    alone = {"mode": "Standalone", "persistence": {"enabled": False}}
    await start(namespace, with_redis(alone, durability="None"))

    async def killed(kubectl: Kubectl) -> None:
        await kubectl("delete", "pod", "hits-redis-0", *faults.NOW)

    ledger = await under_load(namespace, killed)
    await ready(namespace)
    with pytest.raises(AssertionError, match="discrepancies") as found:
        await ledger.verify()
    row.passed(str(found.value).partition(";")[0])
