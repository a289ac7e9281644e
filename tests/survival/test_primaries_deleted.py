"""A primary is deleted again and again, by force or not: who is primary next has every count, itself or another."""

import pytest

from kubectl_requestcounter.ledger import Books, Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.resources import GATE, acknowledged, host, is_replaced, start, with_redis
from tests.survival.faults import NOW, primary
from tests.survival.report import Report
from tests.survival.test_redis import GROUPS, WRITES_AGAIN_WITHIN_S, is_whole

TIMES = 40
SOME = 300
"""Acknowledged before the deletion, and after all is well again: a second's worth."""

pytestmark = pytest.mark.timeout(2_400)


@pytest.mark.parametrize("mode", GROUPS)
async def test_no_deletion_of_a_primary_loses_a_count(namespace: Kubectl, report: Report, mode: str) -> None:
    """The books are closed after each, so that it is known which one has lost something."""
    row = report.deletions(mode)
    await start(namespace, with_redis(GROUPS[mode]))
    books = [await deleted(namespace, by_force=number % 2 == 0) for number in range(TIMES)]
    gaps_s = sorted(one.longest_gap_s for one in books)
    assert gaps_s[-1] <= WRITES_AGAIN_WITHIN_S
    refused = sum(one.errors.total() for one in books)
    row.passed(
        str(TIMES),
        f"{sum(one.acknowledged for one in books):,}",
        f"{refused:,}",
        f"{gaps_s[TIMES // 2]:.1f} s",
        f"{gaps_s[-1]:.1f} s",
    )


async def deleted(kubectl: Kubectl, *, by_force: bool) -> Books:
    """Delete a primary under load, and return the books when all is well again.

    Raises:
        DiscrepancyError: They do not agree with the counts.
    """
    async with Ledger(GATE, host=host(kubectl), paths=200, rate_per_s=300) as ledger:
        await acknowledged(ledger, SOME)
        pod = await kubectl.get("pod", await primary(kubectl))
        await kubectl("delete", "pod", pod["metadata"]["name"], *(NOW if by_force else ("--wait=false",)))
        await eventually(lambda: is_replaced(kubectl, pod), within_s=60, every_s=1)
        await eventually(lambda: is_whole(kubectl), within_s=150, every_s=1)
        await acknowledged(ledger, SOME)
    return await ledger.verify()
