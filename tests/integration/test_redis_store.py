"""What only Redis can do to a batch: lose the script or the connection, do half of it, refuse, ask for a password."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis

from counter_service.batching import IncrementQueue
from counter_service.errors import StoreMisconfiguredError, StoreUnavailableError
from counter_service.grouping import GroupLimits
from counter_service.metrics import ServiceMetrics
from counter_service.store.base import WRITER_EXPIRY_S, Batch
from counter_service.store.redis_address import parse_address
from counter_service.store.redis_store import RedisStore
from tests.support.redis_server import FORGETFUL, RedisServer

LIMITS = GroupLimits(request_timeout_s=20.0, attempt_timeout_s=2.0)


def open_store(url: str, *, persisted: bool = True, password_file: Path | None = None) -> RedisStore:
    return RedisStore(
        parse_address(url, password_file),
        counter="test",
        max_paths=1000,
        durability="Persisted" if persisted else "None",
    )


@pytest.fixture
async def store(redis_server: RedisServer) -> AsyncIterator[RedisStore]:
    opened = open_store(redis_server.url)
    yield opened
    await opened.aclose()


async def test_keys_are_grouped_by_counter_and_shard_and_writers_expire(
    store: RedisStore, redis_server: RedisServer
) -> None:
    await store.increment(Batch("w", 1, {"/a": 2}))
    with redis_server.client() as client:
        assert set(client.keys("*")) == {"{test/0}:counts", "{test/0}:total", "{test/0}:writer:w"}
        assert client.hgetall("{test/0}:counts") == {"/a": "2"}
        assert client.get("{test/0}:total") == "2"
        assert 0 < int(str(client.ttl("{test/0}:writer:w"))) <= WRITER_EXPIRY_S


async def test_lost_script_is_sent_again(store: RedisStore, redis_server: RedisServer) -> None:
    await store.increment(Batch("w", 1, {"/a": 1}))
    with redis_server.client() as client:
        client.script_flush()
    assert list(await store.increment(Batch("w", 2, {"/a": 1}))) == [2]


async def test_script_that_failed_half_way_is_never_applied_again(store: RedisStore, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.hset("{test/0}:counts", "/b", "no number")
    batch = Batch("w", 1, {"/a": 1, "/b": 1})
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            await store.increment(batch)
    assert list(await store.read(["/a"])) == [1]


async def test_cut_connections_under_load_lose_and_double_nothing(store: RedisStore, redis_server: RedisServer) -> None:
    queue = IncrementQueue(store, LIMITS, ServiceMetrics())
    run = asyncio.create_task(queue.run())
    requests: list[asyncio.Task[int]] = []
    with redis_server.client() as client:
        for _ in range(50):
            requests += [asyncio.create_task(queue.request("/a")) for _ in range(10)]
            await asyncio.sleep(0)
            client.client_kill_filter(_type="normal", skipme=True)
    counts = await asyncio.gather(*requests)
    assert sorted(counts) == list(range(1, 501))
    assert list(await store.read(["/a"])) == [500]
    assert await queue.aclose(5.0)
    await run


async def test_paused_server_is_waited_for_and_the_batch_counted_once(
    store: RedisStore, redis_server: RedisServer
) -> None:
    queue = IncrementQueue(store, GroupLimits(request_timeout_s=20.0, attempt_timeout_s=0.1), ServiceMetrics())
    run = asyncio.create_task(queue.run())
    assert await queue.request("/a") == 1
    redis_server.pause()
    request = asyncio.create_task(queue.request("/a"))
    # Several attempts, each on its own connection, all of which the server finds when it goes on.
    done, _ = await asyncio.wait([request], timeout=0.5)
    redis_server.resume()
    assert not done
    assert await request == 2
    assert list(await store.read(["/a"])) == [2]
    assert await queue.aclose(5.0)
    await run


async def test_without_append_only_file_persisted_is_refused_in_one_sentence() -> None:
    with RedisServer(*FORGETFUL) as server:
        store = open_store(server.url)
        with pytest.raises(
            StoreMisconfiguredError, match="--durability Persisted and Replicated need Redis with appendonly yes"
        ):
            await store.ping()
        with pytest.raises(StoreMisconfiguredError):
            await store.increment(Batch("w", 1, {"/a": 1}))
        await store.aclose()


async def test_full_memory_is_unavailability_and_counts_nothing(store: RedisStore, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.config_set("maxmemory", "1")
        with pytest.raises(StoreUnavailableError, match="maxmemory"):
            await store.increment(Batch("w", 1, {"/a": 1}))
        client.config_set("maxmemory", "0")
    assert list(await store.increment(Batch("w", 1, {"/a": 1}))) == [1]


async def test_replica_is_no_place_to_count(store: RedisStore, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.replicaof("127.0.0.1", "1")
        with pytest.raises(StoreUnavailableError):
            await store.increment(Batch("w", 1, {"/a": 1}))
        client.replicaof("NO", "ONE")
    assert list(await store.increment(Batch("w", 1, {"/a": 1}))) == [1]


async def test_password_file_is_read_for_each_connection(redis_server: RedisServer, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    url = redis_server.url.replace("redis://", "redis://counter@")
    with redis_server.client() as client:
        client.acl_setuser("counter", enabled=True, passwords=["+first"], keys=["{test/*"], commands=["+@all"])
        store = open_store(url, password_file=file)
        await store.ping()
        client.acl_setuser("counter", enabled=True, reset_passwords=True, passwords=["+second"])
        client.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(StoreUnavailableError):
            await store.ping()
        file.write_text("second\n")
        await store.ping()
        assert list(await store.increment(Batch("w", 1, {"/a": 1}))) == [1]
        client.acl_deluser("counter")
    await store.aclose()


async def test_missing_password_file_and_dead_server_are_unavailability(tmp_path: Path) -> None:
    store = open_store("redis://127.0.0.1:1", password_file=tmp_path / "none")
    with pytest.raises(StoreUnavailableError):
        await store.ping()
    await store.aclose()


def test_test_server_is_the_version_the_store_needs(redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        info = client.info("server")
    assert isinstance(client, redis.Redis)
    assert int(str(info["redis_version"]).partition(".")[0]) >= 8
