"""A transfer that is killed, overtaken, kept waiting or disturbed, and what a repeat makes of it."""

import signal
from contextlib import aclosing

import pytest

from tests.support.eventually import eventually
from tests.support.redis_groups import ClusterServers
from tests.support.redis_server import RedisServer
from tests.support.transfers import (
    Servers,
    Transfer,
    books_of,
    check_shards,
    count,
    everything_in,
    fails,
    holds_some,
    open_store,
    transferred,
)

pytestmark = pytest.mark.long

COUNTS = {f"/{number}": number % 7 + 1 for number in range(20_000)}
# Slow enough to be interrupted.
SMALL_PACKETS = "--max-paths-per-packet=20"


async def started(source: RedisServer, target: Servers) -> Transfer:
    """Return a transfer that has copied some, and far from all."""
    await count(source.url, COUNTS)
    transfer = Transfer(source.url, target.url, SMALL_PACKETS)
    await transfer.start()
    await holds_some(target, 200)
    return transfer


@pytest.mark.parametrize("target", ["other_redis", "cluster_servers"])
async def test_killed_in_the_middle_and_repeated_is_exact(
    request: pytest.FixtureRequest, redis_server: RedisServer, target: str
) -> None:
    new: Servers = request.getfixturevalue(target)
    transfer = await started(redis_server, new)
    transfer.process.send_signal(signal.SIGKILL)
    assert await transfer.end() == -signal.SIGKILL
    copied = set((await books_of(new.url)).counts)
    assert 200 <= len(copied) < len(COUNTS)
    # The service counted again before the repeat: of what was copied, one path has grown, and one is gone.
    grown, gone = sorted(copied)[:2]
    async with aclosing(open_store(redis_server.url)) as store:
        await store.delete(gone)
    await count(redis_server.url, {grown: 100}, writer="v")
    expected = await books_of(redis_server.url)
    assert await transferred(redis_server.url, new.url) == (len(COUNTS) - 1, expected.total)
    assert await books_of(new.url) == expected
    check_shards(new)


async def test_counts_of_an_aborted_transfer_are_foreign_to_another(
    redis_server: RedisServer, cluster_servers: ClusterServers
) -> None:
    transfer = await started(redis_server, cluster_servers)
    transfer.process.kill()
    await transfer.end()
    held = everything_in(cluster_servers)
    await fails(redis_server.url, cluster_servers.url, "--id=8", status=3, reason="not brought there by transfer '8'")
    assert everything_in(cluster_servers) == held


async def test_attempt_that_was_overtaken_writes_nothing_more(
    redis_server: RedisServer, cluster_servers: ClusterServers
) -> None:
    slow = await started(redis_server, cluster_servers)
    slow.process.send_signal(signal.SIGSTOP)
    await transferred(redis_server.url, cluster_servers.url)
    await count(cluster_servers.url, dict.fromkeys(COUNTS, 1), writer="later")
    since = await books_of(cluster_servers.url)
    slow.process.send_signal(signal.SIGCONT)
    assert await slow.end() == 1
    assert "CHANGED" in slow.log[-1]["reason"]
    assert await books_of(cluster_servers.url) == since


async def test_source_that_is_counted_on_meanwhile_fails_and_can_be_repeated(
    redis_server: RedisServer, other_redis: RedisServer
) -> None:
    transfer = await started(redis_server, other_redis)
    await count(redis_server.url, {"/0": 1}, writer="v")
    assert await transfer.end() == 1
    assert "stop the counter's service first" in transfer.log[-1]["reason"]
    assert transfer.output == ""
    await transferred(redis_server.url, other_redis.url)
    assert await books_of(other_redis.url) == await books_of(redis_server.url)


async def test_target_that_is_counted_on_meanwhile_is_not_completed(
    redis_server: RedisServer, other_redis: RedisServer
) -> None:
    transfer = await started(redis_server, other_redis)
    await count(other_redis.url, {"/foreign": 1}, writer="v")
    assert await transfer.end() == 1
    reason = transfer.log[-1]["reason"]
    assert "20001 paths" in reason
    assert "20000 paths" in reason
    assert "completed" not in str(everything_in(other_redis)["{test/0}:transfer"])


async def test_counts_that_changed_under_the_same_total_are_found(
    redis_server: RedisServer, other_redis: RedisServer
) -> None:
    transfer = await started(redis_server, other_redis)
    with other_redis.client() as client, client.pipeline() as pipeline:
        for number, path in enumerate(sorted((await books_of(other_redis.url)).counts)[:200]):
            pipeline.hincrby("{test/0}:counts", path, 1 if number % 2 else -1)
        pipeline.execute()
    assert await transfer.end() == 1
    assert "the target has" in transfer.log[-1]["reason"]


async def test_server_that_hangs_is_waited_for_and_progress_is_told(
    redis_server: RedisServer, other_redis: RedisServer
) -> None:
    transfer = await started(redis_server, other_redis)
    other_redis.pause()
    await eventually(lambda: len(transfer.logged("copied so far")) >= 2, within_s=10)
    other_redis.resume()
    assert await transfer.end() == 0, transfer.log
    assert transfer.result() == (len(COUNTS), sum(COUNTS.values()))
    told = transfer.logged("copied so far")[1]
    assert 200 <= told["paths"] < told["of_paths"] == len(COUNTS)
    assert await books_of(other_redis.url) == await books_of(redis_server.url)


async def test_server_that_is_not_there_is_given_up_in_one_sentence(redis_server: RedisServer) -> None:
    await count(redis_server.url, {"/a": 1})
    nowhere = "redis://127.0.0.1:1"
    await fails(nowhere, redis_server.url, "--timeout-s=1", "--name=b", status=1, reason="source: Redis: ")
    await fails(redis_server.url, nowhere, "--timeout-s=1", status=1, reason="target: Redis: ")


async def test_total_that_is_not_the_sum_of_the_counts_is_not_passed_on(
    redis_server: RedisServer, other_redis: RedisServer
) -> None:
    await count(redis_server.url, {"/a": 1, "/b": 2})
    with redis_server.client() as client:
        client.incr("{test/0}:total")
    await fails(redis_server.url, other_redis.url, status=1, reason="2 paths with a total of 3, and the source has 2")
