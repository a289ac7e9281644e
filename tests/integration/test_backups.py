"""Backups of each kind of Redis, made by the script while counts come in, and brought back by the service's program."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from counter_service.store.base import Batch
from tests.support.backups import Volume
from tests.support.eventually import eventually
from tests.support.redis_groups import SentinelServers
from tests.support.redis_server import RedisServer
from tests.support.transfers import Books, Servers, books_of, count, open_store

NAME = "test/hits"
COUNTS = {f"/{number}": number % 7 + 1 for number in range(2000)}


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    """An empty volume."""
    return Volume(tmp_path, NAME)


class Load:
    """Counts on a few hundred paths, and keeps books.

    Attributes:
        attempted: requests by path, sent or about to be.
        acknowledged: those that were answered.
    """

    def __init__(self) -> None:
        self.attempted: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()

    @asynccontextmanager
    async def on(self, url: str) -> AsyncIterator[None]:
        """Count until the block ends."""
        counting = asyncio.create_task(self._count(url))
        yield
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)

    async def _count(self, url: str) -> None:
        async with aclosing(open_store(url, NAME)) as store:
            number = 0
            while True:
                number += 1
                batch = Counter({f"/load/{(number * 37 + path) % 300}": 1 for path in range(50)})
                self.attempted += batch
                await store.increment(Batch("load", number, dict(batch)))
                self.acknowledged += batch


@pytest.mark.parametrize("kind", ["redis_server", "sentinel_servers", "cluster_servers"])
async def test_backup_under_load_has_what_was_acknowledged_before_and_nothing_that_was_not_asked_for(
    request: pytest.FixtureRequest, volume: Volume, other_redis: RedisServer, kind: str
) -> None:
    servers: Servers = request.getfixturevalue(kind)
    volume.let_in(servers)
    await count(servers.url, COUNTS, name=NAME)
    load = Load()
    async with load.on(servers.url):
        await eventually(lambda: load.acknowledged.total() > 1000, within_s=20)
        before = load.acknowledged.copy()
        ended = await volume.back_up(servers)
        assert ended.status == 0, ended.said
        after = load.attempted.copy()
    (name,) = volume.backups()
    shards = 3 if kind == "cluster_servers" else 1
    assert {path.name for path in (volume.folder / name).iterdir()} == {
        "complete",
        *(f"{shard}.rdb" for shard in range(shards)),
    }
    if kind == "sentinel_servers":
        primary = servers.primary().port  # type: ignore[union-attr]
        assert f"shard 0 from 127.0.0.1:{primary}\n" not in ended.said
    assert list(volume.work.iterdir()) == []
    assert (await volume.fetch()).status == 0
    assert (volume.work / "picked").read_text() == name
    restored = await volume.restore(other_redis)
    assert restored.status == 0, restored.said
    books = await books_of(other_redis.url, NAME)
    assert {path: books.counts[path] for path in COUNTS} == COUNTS
    loaded = {path: number for path, number in books.counts.items() if path not in COUNTS}
    wrong = {path: n for path, n in loaded.items() if not before[path] <= n <= after[path]}
    assert (wrong, before.keys() - loaded.keys()) == ({}, set())
    assert books.total == sum(books.counts.values())


async def test_backup_is_the_primary_s_when_no_replica_answers(
    volume: Volume, sentinel_servers: SentinelServers, other_redis: RedisServer
) -> None:
    volume.let_in(sentinel_servers)
    await count(sentinel_servers.url, COUNTS, name=NAME)
    primary = sentinel_servers.primary()
    replicas = [server for server in sentinel_servers.servers if server is not primary]
    for replica in replicas:
        replica.pause()
    try:
        ended = await volume.back_up(sentinel_servers)
    finally:
        for replica in replicas:
            replica.resume()
    assert ended.status == 0, ended.said
    assert f"shard 0 from 127.0.0.1:{primary.port}\n" in ended.said
    assert (await volume.fetch()).status == 0
    assert (await volume.restore(other_redis)).status == 0
    assert await books_of(other_redis.url, NAME) == Books(COUNTS, sum(COUNTS.values()))


@pytest.mark.parametrize(
    ("source", "target"), [("redis_server", "cluster_servers"), ("cluster_servers", "other_redis")]
)
async def test_restored_is_exactly_what_was_there_and_only_once(
    request: pytest.FixtureRequest, volume: Volume, source: str, target: str
) -> None:
    old: Servers = request.getfixturevalue(source)
    volume.let_in(old)
    await count(old.url, COUNTS, name=NAME)
    assert (await volume.back_up(old)).status == 0
    new: Servers = request.getfixturevalue(target)
    assert (await volume.fetch()).status == 0
    for _ in range(2):
        restored = await volume.restore(new, "--name=new/hits", f"--source-name={NAME}")
        assert restored.status == 0, restored.said
    assert await books_of(new.url, "new/hits") == Books(COUNTS, sum(COUNTS.values()))


async def test_backup_without_the_counter_and_a_target_that_has_counted_are_refused(
    volume: Volume, redis_server: RedisServer, other_redis: RedisServer
) -> None:
    volume.let_in(redis_server)
    await count(redis_server.url, COUNTS, name=NAME)
    assert (await volume.back_up(redis_server)).status == 0
    assert (await volume.fetch()).status == 0
    restored = await volume.restore(other_redis, "--source-name=another/hits")
    assert restored.status == 3
    assert "the backup holds no path of a counter another/hits" in restored.said
    with other_redis.client() as client:
        assert client.dbsize() == 0
    await count(other_redis.url, {"/a": 1}, name=NAME)
    restored = await volume.restore(other_redis)
    assert (restored.status, "the target holds 1 paths" in restored.said) == (3, True), restored.said
    assert await books_of(other_redis.url, NAME) == Books({"/a": 1}, 1)


COMPLETE = '{"counter":"test/hits","backup":"x","shards":["0"]}\n'


async def test_only_so_many_are_kept_and_what_was_broken_off_is_removed(
    volume: Volume, redis_server: RedisServer
) -> None:
    volume.let_in(redis_server)
    await count(redis_server.url, {"/a": 1}, name=NAME)
    for day in range(1, 6):
        volume.add(f"2026110{day}T030000Z", COMPLETE, "0")
    volume.add("20261103T020000Z", None, "0")
    volume.add("20261103T010000Z", '{"counter":"test/hits","back', "0")
    volume.add("29991231T000000Z", None)  # newer than any complete one: somebody may be writing it
    volume.add("notes", None)
    ended = await volume.back_up(redis_server, keep=3)
    assert ended.status == 0, ended.said
    *_, new, newest, other = volume.backups()
    assert volume.backups() == ["20261104T030000Z", "20261105T030000Z", new, newest, other]
    assert (newest, other) == ("29991231T000000Z", "notes")
    assert (volume.folder / new / "complete").exists()


async def test_latest_is_the_latest_that_is_complete_and_a_name_is_that_one(volume: Volume) -> None:
    volume.add("20261101T030000Z", COMPLETE)
    volume.add("20261102T030000Z", None)
    volume.add("20261103T030000Z", "")
    # Of what is picked here there are no files: that is told, and not taken for an empty counter.
    for backup, expected in (("latest", 1), ("20261101T030000Z", 1), ("20261102T030000Z", 3), ("20260101T000000Z", 3)):
        ended = await volume.fetch(backup)
        assert ended.status == expected, ended.said
        named = "copies shard 0 of test/hits/20261101T030000Z" if expected == 1 else f"no complete backup {backup}"
        assert named in ended.said
    assert not (volume.work / "picked").exists()


async def test_backup_that_fails_says_so_and_leaves_nothing(volume: Volume, redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.acl_deluser("backup-0")
    ended = await volume.back_up(redis_server)
    assert ended.status != 0
    assert "WRONGPASS" in ended.said
    assert volume.backups() == []


async def test_file_that_was_damaged_on_the_volume_is_not_restored(volume: Volume, redis_server: RedisServer) -> None:
    volume.let_in(redis_server)
    await count(redis_server.url, COUNTS, name=NAME)
    assert (await volume.back_up(redis_server)).status == 0
    file = next(volume.folder.glob("*/0.rdb"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.chmod(0o666)
    file.write_bytes(content)
    ended = await volume.fetch()
    assert ended.status not in {0, 3}, ended.said
    assert not (volume.work / "picked").exists()
