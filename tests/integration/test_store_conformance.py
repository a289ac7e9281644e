"""What every CounterStore promises, asked of every store there is: counts, exactly once, limits, reads, totals."""

import asyncio

import pytest

from counter_service.errors import StaleBatchError
from counter_service.store.base import Batch, CounterStore
from tests.support.stores import OpenStore


async def test_empty_store_reads_zero(store: CounterStore) -> None:
    assert list(await store.read(["/a", "/b"])) == [0, 0]
    assert list(await store.read([])) == []
    assert await store.total() == 0
    await store.ping()


async def test_increment_returns_counts_with_the_batch_included_in_its_order(store: CounterStore) -> None:
    assert list(await store.increment(Batch("w", 1, {"/b": 2, "/a": 1}))) == [2, 1]
    assert list(await store.increment(Batch("w", 2, {"/a": 1, "/c": 5, "/b": 1}))) == [2, 5, 3]
    assert list(await store.read(["/a", "/b", "/c", "/d"])) == [2, 3, 5, 0]
    assert await store.total() == 10


async def test_same_batch_twice_is_counted_once_and_answered_alike(store: CounterStore) -> None:
    batch = Batch("w", 7, {"/a": 2, "/b": 1})
    first = list(await store.increment(batch))
    await store.increment(Batch("other", 1, {"/a": 10}))
    assert list(await store.increment(batch)) == first == [2, 1]
    assert await store.total() == 13


async def test_lower_number_is_refused_and_changes_nothing(store: CounterStore) -> None:
    await store.increment(Batch("w", 2, {"/a": 1}))
    with pytest.raises(StaleBatchError):
        await store.increment(Batch("w", 1, {"/a": 1}))
    assert await store.total() == 1


async def test_numbers_may_leave_gaps_and_belong_to_their_writer(store: CounterStore) -> None:
    await store.increment(Batch("w", 100, {"/a": 1}))
    assert list(await store.increment(Batch("v", 1, {"/a": 1}))) == [2]
    assert list(await store.increment(Batch("w", 102, {"/a": 1}))) == [3]


async def test_new_path_beyond_the_limit_is_refused_and_known_ones_go_on(open_store: OpenStore, shards: int) -> None:
    store = open_store(max_paths=64)
    batch = Batch("w", 1, {f"/{number}": 2 for number in range(1000)})
    first = list(await store.increment(batch))
    accepted = first.count(2)
    assert accepted == (64 if shards == 1 else shards * 5)  # one each, and four for an uneven spread
    assert first.count(None) == 1000 - accepted
    assert list(await store.increment(batch)) == first
    assert await store.total() == 2 * accepted
    known = next(path for path, count in zip(batch.increments, first, strict=True) if count)
    refused = next(path for path, count in zip(batch.increments, first, strict=True) if not count)
    assert list(await store.increment(Batch("w", 2, {refused: 1}))) == [None]
    assert list(await store.increment(Batch("w", 3, {refused: 1, known: 1}))) == [None, 3]
    assert await store.increment_once(refused, "key") is None
    assert list(await store.read([known, refused])) == [3, 0]
    assert await store.total() == 2 * accepted + 1


async def test_large_batch_and_large_counts_are_exact(store: CounterStore) -> None:
    amounts = {f"/{number}": number + 1 for number in range(1000)}
    assert list(await store.increment(Batch("w", 1, amounts))) == list(amounts.values())
    big = 2**53 - 2
    assert list(await store.increment(Batch("w", 2, {"/0": big}))) == [big + 1]
    assert list(await store.read(["/0"])) == [big + 1]
    assert await store.total() == sum(amounts.values()) + big


async def test_concurrent_writers_each_get_their_own_counts(store: CounterStore) -> None:
    batches = [Batch(f"w{number}", 1, {"/a": 1}) for number in range(20)]
    answers = await asyncio.gather(*map(store.increment, batches))
    assert sorted(count for counts in answers for count in counts if count) == list(range(1, 21))


async def test_cancelled_increment_can_be_repeated(store: CounterStore) -> None:
    batch = Batch("w", 1, {"/a": 1})
    await store.ping()
    attempt = asyncio.ensure_future(store.increment(batch))
    await asyncio.sleep(0)
    attempt.cancel()
    await asyncio.wait([attempt])
    assert list(await store.increment(batch)) == [1]
    assert await store.total() == 1


async def test_close_is_idempotent(store: CounterStore) -> None:
    await store.ping()
    await store.aclose()
    await store.aclose()


async def test_key_is_counted_once_and_always_answered_alike(store: CounterStore) -> None:
    assert await store.increment_once("/a", "key") == 1
    await store.increment(Batch("w", 1, {"/a": 5}))
    assert await store.increment_once("/a", "key") == 1
    assert await store.increment_once("/a", "other key") == 7
    assert await store.increment_once("/b", "key") == 1
    assert list(await store.read(["/a", "/b"])) == [7, 1]
    assert await store.total() == 8


async def test_refused_key_may_be_tried_again(open_store: OpenStore) -> None:
    store = open_store(max_paths=1)
    refused, path = "", ""
    for number in range(1000):
        path = f"/{number}"
        if await store.increment_once(path, "key") is None:
            refused = path
            break
    assert refused
    for number in range(1000):
        await store.delete(f"/{number}")
        if f"/{number + 1}" == refused:
            break
    assert await store.total() == 0
    assert await store.increment_once(refused, "key") == 1


async def test_deleted_path_is_gone_and_so_is_its_part_of_the_total(store: CounterStore) -> None:
    await store.increment(Batch("w", 1, {"/a": 5, "/b": 2}))
    assert await store.delete("/a") == 5
    assert await store.delete("/a") == 0
    assert list(await store.read(["/a", "/b"])) == [0, 2]
    assert await store.total() == 2
    assert list(await store.increment(Batch("w", 2, {"/a": 1}))) == [1]


async def test_scan_finds_every_path_with_its_count(open_store: OpenStore) -> None:
    store = open_store(max_paths=5000)
    counts = {f"/a/{number}": number + 1 for number in range(2500)} | {"/b": 7, "/a[*?\\]^-": 3}
    await store.increment(Batch("w", 1, counts))
    assert {item async for chunk in store.scan("") for item in chunk} == set(counts.items())
    expected = {item for item in counts.items() if item[0].startswith("/a/1")}
    assert {item async for chunk in store.scan("/a/1") for item in chunk} == expected
    assert [item async for chunk in store.scan("/a[*?\\]^-") for item in chunk] == [("/a[*?\\]^-", 3)]
    assert [item async for chunk in store.scan("/c") for item in chunk] == []
