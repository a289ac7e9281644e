"""The work queue: a key once in the queue, once in work, again after a change, later after a failure."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from request_counter_operator.errors import ApiError, InvalidResourceError, NotLeadingError
from request_counter_operator.metrics import OperatorMetrics
from request_counter_operator.workqueue import Backoff, KeyRate, WorkQueue

DEADLINE_S = 10
QUICK = Backoff(first_s=0.001, most_s=0.002)


class Work:
    """Work that tells what it was called with, and can be held up, or made to fail so many times."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.running: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()
        self.held: set[str] = set()
        self.failures: dict[str, list[Exception]] = {}
        self.again_s: dict[str, float] = {}
        self.changed = asyncio.Condition()

    async def __call__(self, key: str) -> float | None:
        """Do the work that this test has prepared for ``key``."""
        await self._note(self.calls, key, 1)
        await self._note(self.running, key, 1)
        assert self.running[key] == 1, "a key must not be in work twice at a time"
        try:
            if key in self.held:
                await self.gate.wait()
            if self.failures.get(key):
                raise self.failures[key].pop(0)
            return self.again_s.pop(key, None)
        finally:
            await self._note(self.running, key, -1)

    async def _note(self, tally: Counter[str], key: str, amount: int) -> None:
        async with self.changed:
            tally[key] += amount
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds, or fail at the deadline."""
        async with asyncio.timeout(DEADLINE_S), self.changed:
            await self.changed.wait_for(condition)


@asynccontextmanager
async def running(work: Work, workers: int = 2, rate: KeyRate | None = None) -> AsyncIterator[WorkQueue[str]]:
    queue = WorkQueue(work, workers=workers, metrics=OperatorMetrics(), backoff=QUICK, rate=rate)
    task = asyncio.create_task(queue.run())
    try:
        yield queue
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_key_added_often_before_its_turn_is_done_once() -> None:
    work = Work()
    work.gate.clear()
    work.held = {"first"}
    async with running(work, workers=1) as queue:
        queue.add("first")
        await work.until(lambda: work.running["first"] == 1)
        for _ in range(10):
            queue.add("second")
        queue.add("last")
        work.gate.set()
        await work.until(lambda: work.calls["last"] == 1)
    assert work.calls == {"first": 1, "second": 1, "last": 1}


async def test_what_is_added_during_the_work_is_done_once_more_after_it() -> None:
    work = Work()
    work.gate.clear()
    work.held = {"key"}
    async with running(work) as queue:
        queue.add("key")
        await work.until(lambda: work.running["key"] == 1)
        for _ in range(5):
            queue.add("key")
        work.gate.set()
        await work.until(lambda: work.calls["key"] == 2 and work.running["key"] == 0)
        queue.add("end")
        await work.until(lambda: work.calls["end"] == 1)
    assert work.calls["key"] == 2


async def test_a_key_that_hangs_does_not_keep_others_waiting() -> None:
    work = Work()
    work.gate.clear()
    work.held = {"stuck"}
    async with running(work) as queue:
        queue.add("stuck")
        for number in range(20):
            queue.add(f"key-{number}")
        await work.until(lambda: all(work.calls[f"key-{number}"] == 1 for number in range(20)))
        assert work.running["stuck"] == 1
        work.gate.set()


@pytest.mark.parametrize(
    "error",
    [ApiError("refused", status=500), ExceptionGroup("several", [ApiError("refused")]), ZeroDivisionError("a bug")],
)
async def test_what_failed_is_tried_again_until_it_succeeds(error: Exception) -> None:
    work = Work()
    work.failures = {"key": [error] * 3}
    async with running(work) as queue:
        queue.add("key")
        await work.until(lambda: work.calls["key"] == 4)


async def test_a_resource_that_cannot_be_read_waits_for_a_change() -> None:
    work = Work()
    work.failures = {"key": [InvalidResourceError("spec.replicas: not a number")]}
    async with running(work) as queue:
        queue.add("key")
        await work.until(lambda: work.calls["key"] == 1 and work.running["key"] == 0)
        queue.add("other")
        await work.until(lambda: work.calls["other"] == 1)
        assert work.calls["key"] == 1
        queue.add("key")
        await work.until(lambda: work.calls["key"] == 2)


async def test_who_stands_by_does_not_try_again() -> None:
    work = Work()
    work.failures = {"key": [NotLeadingError("standing by")]}
    async with running(work) as queue:
        queue.add("key")
        await work.until(lambda: work.calls["key"] == 1 and work.running["key"] == 0)
        queue.add("other")
        await work.until(lambda: work.calls["other"] == 1)
        assert (work.calls["key"], queue.depth, queue.oldest_s) == (1, 0, 0.0)


async def test_what_is_urgent_overtakes_what_is_not_and_is_done_once() -> None:
    work = Work()
    work.gate.clear()
    work.held = {"first"}
    order: list[str] = []

    async def noted(key: str) -> float | None:
        order.append(key)
        return await work(key)

    queue = WorkQueue(noted, workers=1, metrics=OperatorMetrics(), backoff=QUICK)
    task = asyncio.create_task(queue.run())
    queue.add("first")
    await work.until(lambda: work.running["first"] == 1)
    for number in range(3):
        queue.add(f"listed-{number}", urgent=False)
    queue.add("changed")
    queue.add("listed-2")
    assert queue.depth == 4
    work.gate.set()
    await work.until(lambda: work.calls["listed-1"] == 1)
    task.cancel()
    assert order == ["first", "changed", "listed-2", "listed-0", "listed-1"]


async def test_a_key_that_keeps_being_added_is_worked_on_at_its_rate_and_does_not_get_lost() -> None:
    work = Work()
    async with running(work, rate=KeyRate(per_s=1000, burst=3)) as queue:
        begun_at_s = asyncio.get_running_loop().time()
        while work.calls["hot"] < 50:
            queue.add("hot")
            await asyncio.sleep(0)
        # Three at once, and one a thousandth of a second from then on.
        assert asyncio.get_running_loop().time() - begun_at_s >= 0.046
        queue.add("hot")
        seen = work.calls["hot"]
        await work.until(lambda: work.calls["hot"] > seen)


async def test_outcomes_are_counted() -> None:
    work, metrics = Work(), OperatorMetrics()
    work.failures = {
        "key": [InvalidResourceError("x")],
        "other": [ApiError("x")],
        "third": [ZeroDivisionError()],
    }
    queue = WorkQueue(work, workers=1, metrics=metrics, backoff=QUICK)
    task = asyncio.create_task(queue.run())
    for key in work.failures:
        queue.add(key)
    await work.until(lambda: work.calls["third"] == 2 and work.calls["other"] == 2 and not +work.running)
    queue.add("end")
    await work.until(lambda: work.calls["end"] == 1)
    task.cancel()
    counted = {
        outcome: metrics.registry.get_sample_value("request_counter_operator_reconciles_total", {"outcome": outcome})
        for outcome in ("ok", "invalid", "error", "bug")
    }
    assert counted == {"ok": 3, "invalid": 1, "error": 1, "bug": 1}


async def test_work_comes_back_when_it_asked_to() -> None:
    work = Work()
    work.again_s = {"key": 0.001}
    async with running(work) as queue:
        queue.add("key")
        await work.until(lambda: work.calls["key"] == 2)


async def test_an_event_overtakes_the_delay() -> None:
    work = Work()
    work.again_s = {"key": 3600}
    async with running(work) as queue:
        queue.add("key")
        await work.until(lambda: work.calls["key"] == 1 and work.running["key"] == 0)
        queue.add("key")
        await work.until(lambda: work.calls["key"] == 2)


def test_backoff_doubles_up_to_a_bound_with_jitter() -> None:
    backoff = Backoff(first_s=1, most_s=60)
    for failures, ceiling in [(1, 1), (2, 2), (4, 8), (7, 60), (10_000, 60)]:
        delays = {backoff.delay_s(failures) for _ in range(50)}
        assert all(ceiling / 2 <= delay <= ceiling for delay in delays)
        assert len(delays) > 1
