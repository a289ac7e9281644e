"""A counter copied from one Redis to another, whatever the two are, and counted on there."""

from contextlib import aclosing
from pathlib import Path

import aiohttp
import pytest

from tests.support.redis_groups import ClusterServers
from tests.support.redis_server import RedisServer
from tests.support.service_process import ServiceProcess
from tests.support.tls_redis import TlsRedis
from tests.support.transfers import (
    Books,
    Servers,
    books_of,
    check_shards,
    count,
    data_servers,
    everything_in,
    fails,
    open_store,
    run_transfer,
    transferred,
)

# Some that Redis's patterns, JSON or UTF-8 could trip over; and counts where doubles end.
COUNTS = {f"/{number}": number % 7 + 1 for number in range(3000)} | {
    "/": 1,
    "/a[*?\\]^-": 3,
    "/%C3%A9/é/\n": 2,
    "/long/" + "x" * 2000: 5,
    "/large": 2**53 - 1,
}
TOTAL = sum(COUNTS.values())
NOWHERE = "redis://127.0.0.1:1"


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("redis_server", "cluster_servers"),
        pytest.param("sentinel_servers", "cluster_servers", marks=pytest.mark.long),
        pytest.param("cluster_servers", "redis_server", marks=pytest.mark.long),
        pytest.param("cluster_servers", "sentinel_servers", marks=pytest.mark.long),
        ("redis_server", "other_redis"),
    ],
)
async def test_counts_and_answers_are_copied_and_the_source_stays(
    request: pytest.FixtureRequest, source: str, target: str
) -> None:
    old: Servers = request.getfixturevalue(source)
    new: Servers = request.getfixturevalue(target)
    await count(old.url, COUNTS)
    # A counter whose name begins likewise is none of ours.
    await count(old.url, {"/b": 3}, name="test/0")
    async with aclosing(open_store(old.url)) as store:
        answers = [await store.increment_once(f"/{number}", "key") for number in range(150)]
    before, held = await books_of(old.url), everything_in(old)
    assert await transferred(old.url, new.url, "--max-paths-per-packet=100") == (len(COUNTS), TOTAL + 150)
    assert await books_of(new.url) == before == Books(before.counts, TOTAL + 150)
    check_shards(new)
    assert everything_in(old) == held
    assert (await books_of(new.url, "test/0")).total == 0
    async with aclosing(open_store(new.url)) as store:
        assert [await store.increment_once(f"/{number}", "key") for number in range(150)] == answers
        assert await store.total() == before.total


async def test_answers_are_forgotten_when_they_would_have_been(
    redis_server: RedisServer, cluster_servers: ClusterServers
) -> None:
    async with aclosing(open_store(redis_server.url)) as store:
        await store.increment_once("/a", "key")
        await store.increment_once("/b", "key")
    with redis_server.client() as client:
        first, second = sorted(client.scan_iter("*:once:*"))
        client.pexpireat(first, 4_000_000_000_000)
        client.pexpireat(second, 1)
    await transferred(redis_server.url, cluster_servers.url)
    copied = [key for key in everything_in(cluster_servers) if ":once:" in key]
    assert [key.partition(":")[2] for key in copied] == [first.partition(":")[2]]
    expiries = [
        client.pexpiretime(copied[0])
        for server in cluster_servers.primaries()
        for client in [server.client()]
        if copied[0] in client.scan_iter("*")
    ]
    assert expiries == [4_000_000_000_000]


async def test_nothing_is_copied_as_exactly(redis_server: RedisServer, other_redis: RedisServer) -> None:
    assert await transferred(redis_server.url, other_redis.url) == (0, 0)
    await count(redis_server.url, {"/late": 1})
    assert await transferred(redis_server.url, other_redis.url) == (0, 0)
    assert await books_of(other_redis.url) == Books({}, 0)


@pytest.mark.parametrize("target", ["other_redis", "cluster_servers"])
async def test_foreign_counts_are_refused_and_not_touched(
    request: pytest.FixtureRequest, redis_server: RedisServer, target: str
) -> None:
    new: Servers = request.getfixturevalue(target)
    await count(redis_server.url, COUNTS)
    await count(new.url, {"/a": 1, "/b": 2})
    held = everything_in(new)
    await fails(redis_server.url, new.url, status=3, reason="holds 2 paths of this counter, with a total of 3")
    await fails(redis_server.url, new.url, "--merge", status=3, reason="its first part is copied without --merge")
    assert everything_in(new) == held


async def test_completed_transfer_is_left_alone_also_when_its_source_is_gone(
    redis_server: RedisServer, cluster_servers: ClusterServers
) -> None:
    await count(redis_server.url, COUNTS)
    first = await transferred(redis_server.url, cluster_servers.url)
    await count(cluster_servers.url, {"/1": 5, "/new": 1}, writer="later")
    since = everything_in(cluster_servers)
    assert await transferred(redis_server.url, cluster_servers.url) == first == (len(COUNTS), TOTAL)
    assert await transferred(NOWHERE, cluster_servers.url) == first
    assert everything_in(cluster_servers) == since
    await fails(redis_server.url, cluster_servers.url, "--id=8", status=3, reason="by transfer '8'")
    assert everything_in(cluster_servers) == since


async def test_service_counts_on_from_there(
    redis_server: RedisServer, cluster_servers: ClusterServers, tmp_path: Path
) -> None:
    await count(redis_server.url, {f"/{number}": number + 1 for number in range(500)})
    async with ServiceProcess(tmp_path, f"--store={redis_server.url}", "--name=test") as service:
        assert await service.count("PUT", "/7") == 9
        await service.stop()
    await transferred(redis_server.url, cluster_servers.url)
    async with ServiceProcess(tmp_path, f"--store={cluster_servers.url}", "--name=test") as service:
        assert [await service.count("PUT", f"/{number}") for number in range(20)] == [
            number + (3 if number == 7 else 2) for number in range(20)
        ]
        assert await service.count("PUT", "/new") == 1
        assert await service.count("GET", "/499") == 500
        assert await service.count("GET", "/") == sum(range(501)) + 1 + 20 + 1
    check_shards(cluster_servers)


@pytest.mark.long
async def test_service_lets_in_no_more_paths_than_it_may_have(
    cluster_servers: ClusterServers, other_redis: RedisServer, tmp_path: Path
) -> None:
    await count(cluster_servers.url, {f"/{number}": 1 for number in range(64)})
    await transferred(cluster_servers.url, other_redis.url)
    flags = (f"--store={other_redis.url}", "--name=test", "--durability=None", "--max-paths=65")
    async with ServiceProcess(tmp_path, *flags) as service:
        assert await service.count("PUT", "/one-more") == 1
        assert await service.count("PUT", "/0") == 2
        with pytest.raises(aiohttp.ClientResponseError, match="507"):
            await service.count("PUT", "/too-many")
        assert await service.count("GET", "/") == 66


async def test_user_with_few_rights_and_tls_are_enough_on_both_sides(tls_redis: TlsRedis, tmp_path: Path) -> None:
    with tls_redis.client() as client:
        client.hset("{test/0}:counts", mapping=COUNTS)
        client.set("{test/0}:total", TOTAL)
        client.set("{test/0}:once:" + "0" * 40, "1", px=3_600_000)
    (tmp_path / "username").write_text("counter\n")
    url = f"rediss://127.0.0.1:{tls_redis.port}"
    files = {
        "password-file": tls_redis.password_file,
        "username-file": tmp_path / "username",
        "ca-file": tls_redis.tls_files.ca,
        "cert-file": tls_redis.tls_files.certificate,
        "key-file": tls_redis.tls_files.key,
    }
    flags = [f"--{side}-{name}={file}" for side in ("source", "target") for name, file in files.items()]
    flags += ["--name=test/new", "--source-name=test"]
    assert await transferred(url, url, *flags) == (len(COUNTS), TOTAL)
    check_shards(tls_redis, "test/new")
    # Begun again from nothing: that needs no more rights.
    with tls_redis.client() as client:
        mark = str(client.get("{test/new/0}:transfer"))
        client.set("{test/new/0}:transfer", mark.replace("completed", "begun"))
    assert await transferred(url, url, *flags) == (len(COUNTS), TOTAL)
    check_shards(tls_redis, "test/new")


@pytest.mark.parametrize("target", ["sentinel_servers", "cluster_servers"])
async def test_completed_means_on_disk_and_on_a_replica(
    request: pytest.FixtureRequest, redis_server: RedisServer, target: str
) -> None:
    new: Servers = request.getfixturevalue(target)
    await count(redis_server.url, COUNTS)
    for server in data_servers(new):
        with server.client() as client:
            client.config_resetstat()
    await transferred(redis_server.url, new.url)
    for server in data_servers(new):
        with server.client() as client:
            calls = client.info("commandstats")
            assert int(calls["cmdstat_wait"]["calls"]) >= 2
            assert int(calls["cmdstat_waitaof"]["calls"]) >= 2


@pytest.mark.long
async def test_hundred_thousand_paths_are_a_matter_of_seconds(
    redis_server: RedisServer, cluster_servers: ClusterServers
) -> None:
    await count(redis_server.url, {f"/some/longer/path/{number}": 1 for number in range(100_000)})
    status, transfer = await run_transfer(redis_server.url, cluster_servers.url)
    assert (status, transfer.result()) == (0, (100_000, 100_000)), transfer.log
    check_shards(cluster_servers)
