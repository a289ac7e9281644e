"""A cluster's counter restored from the files of its primaries, one after the other."""

import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from tests.support.redis_groups import ClusterServers
from tests.support.redis_server import FORGETFUL, RedisServer
from tests.support.transfers import (
    Books,
    Servers,
    Transfer,
    books_of,
    check_shards,
    count,
    everything_in,
    fails,
    holds_some,
    transferred,
)

pytestmark = pytest.mark.long

COUNTS = {f"/{number}": number % 7 + 1 for number in range(3000)}
BOOKS = Books(COUNTS, sum(COUNTS.values()))


@pytest.fixture
async def parts(cluster_servers: ClusterServers) -> AsyncIterator[list[RedisServer]]:
    """Single servers, each with what one primary of the cluster has saved; the cluster itself is empty by now."""
    await count(cluster_servers.url, COUNTS)
    with ExitStack() as stack:
        loaded = [stack.enter_context(RedisServer(*FORGETFUL)) for _ in cluster_servers.primaries()]
        for server, primary in zip(loaded, cluster_servers.primaries(), strict=True):
            server.load(primary.saved())
        cluster_servers.flush()
        yield loaded


@pytest.mark.parametrize("target", ["other_redis", "cluster_servers"])
async def test_parts_make_the_whole_and_are_added_once(
    request: pytest.FixtureRequest, parts: list[RedisServer], target: str
) -> None:
    new: Servers = request.getfixturevalue(target)
    assert all(0 < sum(key.endswith(":counts") for key in everything_in(part)) < 64 for part in parts)
    flags = ("--name=restored", "--source-name=test")
    paths, _ = await transferred(parts[0].url, new.url, *flags)
    assert 0 < paths < len(COUNTS)
    for part in parts[1:]:
        last = await transferred(part.url, new.url, *flags, "--merge")
    assert last == (len(COUNTS), BOOKS.total)
    assert await books_of(new.url, "restored") == BOOKS
    check_shards(new, "restored")
    # All over again, when the service has counted: nothing is taken back.
    await count(new.url, {"/1": 5}, writer="later", name="restored")
    since = everything_in(new)
    assert await transferred(parts[0].url, new.url, *flags) == last
    for part in parts[1:]:
        assert await transferred(part.url, new.url, *flags, "--merge") == last
    assert everything_in(new) == since


async def test_part_that_was_killed_in_the_middle_is_repeated(
    parts: list[RedisServer], other_redis: RedisServer
) -> None:
    paths, _ = await transferred(parts[0].url, other_redis.url)
    killed = Transfer(parts[1].url, other_redis.url, "--merge", "--max-paths-per-packet=1")
    await killed.start()
    await holds_some(other_redis, paths + 10)
    killed.process.send_signal(signal.SIGKILL)
    await killed.end()
    held = everything_in(other_redis)
    await fails(parts[2].url, other_redis.url, "--merge", status=3, reason="another part of transfer '7' was begun")
    assert everything_in(other_redis) == held
    for part in parts[1:]:
        last = await transferred(part.url, other_redis.url, "--merge")
    assert last == (len(COUNTS), BOOKS.total)
    assert await books_of(other_redis.url) == BOOKS


async def test_part_is_not_added_to_what_it_does_not_belong_to(
    parts: list[RedisServer], other_redis: RedisServer, redis_server: RedisServer
) -> None:
    await fails(parts[0].url, other_redis.url, "--merge", status=3, reason="its first part is copied without --merge")
    await transferred(parts[0].url, other_redis.url)
    await count(redis_server.url, {"/1": 1, "/2": 1, "/3": 1})
    await fails(
        redis_server.url, other_redis.url, "--merge", status=3, reason="other counts of the source's shards [0]"
    )
    await count(other_redis.url, {"/1": 1}, writer="later")
    held = everything_in(other_redis)
    await fails(parts[1].url, other_redis.url, "--merge", status=3, reason="has been counted on since")
    assert everything_in(other_redis) == held


async def test_single_server_is_no_part_of_a_cluster(
    redis_server: RedisServer, other_redis: RedisServer, cluster_servers: ClusterServers
) -> None:
    await transferred(cluster_servers.url, other_redis.url)
    await count(redis_server.url, {"/1": 1, "/2": 1, "/3": 1})
    await fails(redis_server.url, other_redis.url, "--merge", status=1, reason="where no cluster would have it")
