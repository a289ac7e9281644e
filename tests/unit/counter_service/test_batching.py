"""Group commit: counts in order, exactly once under every fault, deadlines, bounds, withdrawal, drain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counter_service.batching import TOTAL, IncrementQueue, ReadQueue
from counter_service.errors import StaleBatchError, StoreUnavailableError, TooManyPathsError
from counter_service.grouping import GroupLimits, GroupQueue
from counter_service.metrics import ServiceMetrics
from counter_service.store.base import Batch
from counter_service.waiting import FutureWaiter
from tests.support.eventually import eventually
from tests.support.faulty_store import Fault, FaultyStore

# Generous where time is not the point: a test must not fail because the machine is busy.
LIMITS = GroupLimits(request_timeout_s=60.0, attempt_timeout_s=60.0, longest_pause_s=0.0)
QUICK_ATTEMPTS = replace(LIMITS, attempt_timeout_s=0.02)
IMPATIENT = GroupLimits(request_timeout_s=0.1, attempt_timeout_s=0.02)


@asynccontextmanager
async def running(
    store: FaultyStore, limits: GroupLimits = LIMITS, kind: type[GroupQueue] = IncrementQueue
) -> AsyncIterator[GroupQueue]:
    queue = kind(store, limits, ServiceMetrics())
    task = asyncio.create_task(queue.run())
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_requests_that_arrive_together_are_one_batch_and_count_in_order() -> None:
    store = FaultyStore()
    async with running(store) as queue:
        counts = await asyncio.gather(*map(queue.request, ["/a", "/b", "/a", "/a"]))
    assert counts == [1, 1, 2, 3]
    assert [batch.increments for batch in store.attempts] == [{"/a": 3, "/b": 1}]


async def test_requests_that_arrive_meanwhile_are_the_next_batch() -> None:
    store = FaultyStore()
    store.open.clear()
    async with running(store) as queue:
        first = asyncio.create_task(queue.request("/a"))
        await eventually(lambda: store.attempts)
        others = [asyncio.create_task(queue.request("/a")) for _ in range(3)]
        await asyncio.sleep(0)
        store.open.set()
        assert await asyncio.gather(first, *others) == [1, 2, 3, 4]
    assert [(batch.sequence, batch.increments) for batch in store.attempts] == [(1, {"/a": 1}), (2, {"/a": 3})]


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.REPLY_LOST, Fault.HANGS, Fault.APPLIED_THEN_HANGS])
async def test_same_batch_is_sent_again_until_it_is_answered(fault: Fault) -> None:
    store = FaultyStore(fault, fault, fault)
    async with running(store, QUICK_ATTEMPTS) as queue:
        assert await asyncio.gather(*map(queue.request, ["/a", "/a"])) == [1, 2]
    assert store.attempts == [store.attempts[0]] * 4
    assert await store.read(["/a"]) == [2]


@settings(deadline=None)  # an event loop's time is the machine's
@given(
    faults=st.lists(st.sampled_from([fault for fault in Fault if "HANGS" not in fault.name]), max_size=20),
    rounds=st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=6), min_size=1, max_size=6),
)
def test_every_request_is_counted_once_and_told_its_own_count(faults: list[Fault], rounds: list[list[str]]) -> None:
    async def count() -> None:
        store = FaultyStore(*faults)
        answers: dict[str, list[int]] = {}
        async with running(store) as queue:
            for paths in rounds:
                for path, answer in zip(paths, await asyncio.gather(*map(queue.request, paths)), strict=True):
                    answers.setdefault(path, []).append(answer)
                # What arrives after its repeat was answered is a repeat, or stale: never counted again.
                with suppress(StaleBatchError):
                    await store.deliver_late()
        for path, told in answers.items():
            assert told == list(range(1, len(told) + 1))
            assert await store.read([path]) == [len(told)]

    asyncio.run(count())


async def test_request_past_its_deadline_is_refused_and_its_batch_cannot_overtake_the_next() -> None:
    store = FaultyStore(*[Fault.LATE] * 1000)
    async with running(store, IMPATIENT) as queue:
        with pytest.raises(StoreUnavailableError):
            await queue.request("/a")
        store.faults.clear()
        assert await queue.request("/a") == 1
        with pytest.raises(StaleBatchError):
            await store.deliver_late()
    assert await store.read(["/a"]) == [1]


async def test_request_still_queued_at_its_deadline_is_never_sent() -> None:
    store = FaultyStore()
    queue = IncrementQueue(store, IMPATIENT, ServiceMetrics())
    request = asyncio.create_task(queue.request("/a"))
    deadline_s = asyncio.get_running_loop().time() + IMPATIENT.request_timeout_s
    await eventually(lambda: asyncio.get_running_loop().time() > deadline_s + 0.01)
    run = asyncio.create_task(queue.run())
    with pytest.raises(StoreUnavailableError):
        await request
    assert await queue.aclose(5.0)
    await run
    assert store.attempts == []


async def test_who_has_no_clock_is_told_as_well_that_the_time_is_over() -> None:
    queue = IncrementQueue(FaultyStore(), LIMITS, ServiceMetrics())
    waiter = FutureWaiter(asyncio.get_running_loop().create_future())
    queue.submit("/a", waiter)
    queue._queue[0].deadline_s = 0.0
    run = asyncio.create_task(queue.run())
    with pytest.raises(StoreUnavailableError, match="did not acknowledge in time"):
        await waiter.future
    assert await queue.aclose(5.0)
    await run


async def test_withdrawn_request_is_not_counted() -> None:
    store = FaultyStore()
    store.open.clear()
    async with running(store) as queue:
        first = asyncio.create_task(queue.request("/a"))
        await eventually(lambda: store.attempts)
        withdrawn = asyncio.create_task(queue.request("/a"))
        await asyncio.sleep(0)
        withdrawn.cancel()
        await asyncio.wait([withdrawn])
        store.open.set()
        assert await first == 1
        assert await queue.request("/a") == 2
    assert [batch.increments for batch in store.attempts] == [{"/a": 1}, {"/a": 1}]
    assert (queue._waiting_requests, queue._waiting_bytes) == (0, 0)


async def test_batches_are_bounded_in_paths_and_bytes() -> None:
    store = FaultyStore()
    limits = replace(LIMITS, max_group_paths=2, max_group_bytes=8)
    async with running(store, limits) as queue:
        await asyncio.gather(*map(queue.request, ["/a", "/b", "/c", "/a", "/long-one", "/d"]))
    sent = [list(batch.increments) for batch in store.attempts]
    assert all(len(paths) <= 2 for paths in sent)
    assert all(sum(map(len, paths)) <= 8 or len(paths) == 1 for paths in sent)
    assert await store.total() == 6


async def test_full_queue_refuses_who_cannot_wait_and_holds_back_who_can() -> None:
    store = FaultyStore()
    store.open.clear()
    limits = replace(LIMITS, max_waiting_requests=2)
    async with running(store, limits) as queue:
        requests = [asyncio.create_task(queue.request("/a")) for _ in range(5)]
        await eventually(lambda: not queue.has_room)
        with pytest.raises(StoreUnavailableError):
            queue.submit("/a", None)  # type: ignore[arg-type]
        store.open.set()
        assert sorted(await asyncio.gather(*requests)) == [1, 2, 3, 4, 5]
        assert queue.has_room


async def test_queue_is_bounded_in_bytes_of_path() -> None:
    store = FaultyStore()
    store.open.clear()
    async with running(store, replace(LIMITS, max_waiting_bytes=8)) as queue:
        first = asyncio.create_task(queue.request("/long-one"))
        await eventually(lambda: store.attempts)
        assert not queue.has_room
        store.open.set()
        assert await first == 1
        assert queue.has_room


async def test_waiting_for_room_ends_with_the_time_limit() -> None:
    queue = IncrementQueue(FaultyStore(), replace(IMPATIENT, max_waiting_requests=1), ServiceMetrics())
    first = asyncio.create_task(queue.request("/a"))
    await eventually(lambda: not queue.has_room)
    with pytest.raises(StoreUnavailableError):
        await queue.request("/b")
    first.cancel()
    await asyncio.wait([first])
    assert queue.has_room


async def test_too_many_paths_refuses_the_new_path_only() -> None:
    store = FaultyStore(max_paths=1)
    async with running(store) as queue:
        assert await queue.request("/a") == 1
        results = await asyncio.gather(queue.request("/b"), queue.request("/a"), return_exceptions=True)
    assert isinstance(results[0], TooManyPathsError)
    assert results[1] == 2


async def test_stale_batch_is_refused_and_the_queue_goes_on_under_another_name() -> None:
    store = FaultyStore()
    async with running(store) as queue:
        await queue.request("/a")
        await store.increment(Batch(store.attempts[0].writer_id, 1000, {"/x": 1}))
        with pytest.raises(StaleBatchError):
            await queue.request("/a")
        assert await queue.request("/a") == 2


async def test_close_answers_who_waits_and_refuses_who_comes_later() -> None:
    store = FaultyStore()
    store.open.clear()
    async with running(store) as queue:
        waiting = [asyncio.create_task(queue.request("/a")) for _ in range(3)]
        await eventually(lambda: store.attempts)
        closing = asyncio.create_task(queue.aclose(5.0))
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailableError):
            await queue.request("/a")
        store.open.set()
        assert await closing
        assert await asyncio.gather(*waiting) == [1, 2, 3]


async def test_close_ends_the_run_of_a_queue_that_has_nothing_to_do() -> None:
    queue = IncrementQueue(FaultyStore(), LIMITS, ServiceMetrics())
    run = asyncio.create_task(queue.run())
    assert await queue.request("/a") == 1
    assert await queue.aclose(5.0)
    await run


async def test_close_gives_up_at_its_time_limit_and_nobody_is_left_waiting() -> None:
    store = FaultyStore()
    store.open.clear()
    async with running(store) as queue:
        waiting = asyncio.create_task(queue.request("/a"))
        await eventually(lambda: store.attempts)
        assert not await queue.aclose(0.05)
    with pytest.raises(StoreUnavailableError):
        await waiting


async def test_reads_are_grouped_and_see_what_was_acknowledged() -> None:
    store = FaultyStore()
    async with running(store) as increments, running(store, kind=ReadQueue) as reads:
        await increments.request("/a")
        await increments.request("/b")
        assert await asyncio.gather(*map(reads.request, ["/a", TOTAL, "/never", "/a"])) == [1, 2, 0, 1]


async def test_group_admits_for_a_part_of_its_time_only() -> None:
    store = FaultyStore()
    store.open.clear()
    async with running(store) as queue:
        requests = [asyncio.create_task(queue.request("/a"))]
        await eventually(lambda: store.attempts)
        requests.append(asyncio.create_task(queue.request("/a")))
        await eventually(lambda: queue._queue)
        assert 7.0 < queue._queue[0].admits_until_s - asyncio.get_running_loop().time() <= 7.5
        queue._queue[0].admits_until_s = 0.0
        requests += [asyncio.create_task(queue.request("/a")) for _ in range(2)]
        await eventually(lambda: len(queue._queue) == 2)
        store.open.set()
        assert await asyncio.gather(*requests) == [1, 2, 3, 4]
    assert [batch.increments["/a"] for batch in store.attempts] == [1, 1, 2]


async def test_queue_that_was_never_used_ends_at_once() -> None:
    assert await IncrementQueue(FaultyStore(), LIMITS, ServiceMetrics()).aclose(0.1)


async def test_queue_that_is_cut_off_tells_everybody_and_takes_no_more() -> None:
    store = FaultyStore()
    store.open.clear()
    queue = IncrementQueue(store, LIMITS, ServiceMetrics())
    run = asyncio.create_task(queue.run())
    requests = [asyncio.create_task(queue.request("/a"))]
    await eventually(lambda: store.attempts)
    requests += [asyncio.create_task(queue.request("/b")) for _ in range(2)]
    await eventually(lambda: queue._waiting_requests == 3)
    run.cancel()
    for outcome in await asyncio.gather(*requests, return_exceptions=True):
        assert isinstance(outcome, StoreUnavailableError)
        assert str(outcome) == "The service is stopping."
    assert (queue._waiting_requests, queue._waiting_bytes) == (0, 0)
    with pytest.raises(StoreUnavailableError):
        await queue.request("/a")
    assert await queue.aclose(0.1)
    await asyncio.wait([run])
