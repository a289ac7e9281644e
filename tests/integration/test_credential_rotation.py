"""Users, passwords and certificates are rotated while the service counts, and no request fails; a control fails."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.fast_ledger import FastLedger
from tests.support.redis_groups import ClusterServers, SentinelServers
from tests.support.redis_server import RedisServer
from tests.support.rotated_user import RotatedUser
from tests.support.service_process import ServiceProcess


def members(servers: RedisServer | SentinelServers | ClusterServers) -> Sequence[RedisServer]:
    return [servers] if isinstance(servers, RedisServer) else servers.servers


@pytest.fixture
def user(redis_server: RedisServer, tmp_path: Path) -> Iterator[RotatedUser]:
    with RotatedUser([redis_server], tmp_path / "secret") as user:
        yield user


@asynccontextmanager
async def flawless_ledger(service: ServiceProcess) -> AsyncIterator[FastLedger]:
    """Count during the block; then every request was acknowledged, and counted once, and the store never failed."""
    async with FastLedger(service.url, rate_per_s=300, connections=50) as ledger:
        await eventually(lambda: ledger.books.acknowledged > 100)
        yield ledger
        seen = ledger.books.acknowledged
        await eventually(lambda: ledger.books.acknowledged > seen + 100)
    books = await ledger.verify()
    assert books.errors == {}
    assert books.acknowledged == books.attempted.total()
    assert await store_errors(service) == []


async def store_errors(service: ServiceProcess) -> Sequence[str]:
    """Return the metrics that tell of failed exchanges with the store."""
    lines = (await service.admin("/metrics"))[1].splitlines()
    return [line for line in lines if line.startswith("counter_store_errors_total{") and not line.endswith(" 0.0")]


@pytest.mark.parametrize(
    ("kind", "rotations", "flags", "connected_servers"),
    [
        pytest.param("redis_server", 10, [], 1, marks=pytest.mark.long),
        ("redis_server", 2, ["--workers=2"], 1),
        ("sentinel_servers", 2, ["--read-from=Replica"], 2),
        pytest.param("cluster_servers", 2, ["--read-from=Replica"], 6, marks=pytest.mark.long),
    ],
)
async def test_users_are_rotated_under_load(
    kind: str,
    rotations: int,
    flags: Sequence[str],
    connected_servers: int,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    servers = request.getfixturevalue(kind)
    with RotatedUser(members(servers), tmp_path / "secret") as user:
        async with (
            ServiceProcess(tmp_path, f"--store={servers.url}", *flags, *user.flags) as service,
            flawless_ledger(service),
        ):
            for _ in range(rotations):
                assert await service.count("GET", "/") > 0
                assert len(user.servers_with(user.name)) >= connected_servers
                user.begin_rotation()
                await user.end_rotation()
    renewals = [line["user"] for line in service.log if line["event"] == "credentials renewed"]
    assert set(renewals) == {f"service-{generation}" for generation in range(2, rotations + 2)}
    assert "password-" not in str(service.log)


@pytest.mark.parametrize("kind", ["redis_server", "sentinel_servers", "cluster_servers"])
async def test_service_that_nobody_asks_leaves_the_old_user_too(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    servers = request.getfixturevalue(kind)
    with RotatedUser(members(servers), tmp_path / "secret") as user:
        async with ServiceProcess(tmp_path, f"--store={servers.url}", *user.flags) as service:
            assert await service.count("PUT", "/a") == 1
            for _ in range(2):
                user.begin_rotation()
                await user.end_rotation()
            assert await service.count("PUT", "/a") == 2
            assert await store_errors(service) == []


async def test_wrong_password_breaks_nothing_and_the_right_one_is_taken(
    user: RotatedUser, redis_server: RedisServer, tmp_path: Path
) -> None:
    async with ServiceProcess(tmp_path, f"--store={redis_server.url}", *user.flags) as service:
        async with flawless_ledger(service) as ledger:
            old = user.name
            user.begin_rotation(password_is_right=False)
            await eventually(lambda: service.logged("new credentials do not work yet"))
            seen = ledger.books.acknowledged
            await eventually(lambda: ledger.books.acknowledged > seen + 1000)  # several more attempts
            assert user.servers_with(old)
            assert not user.servers_with(user.name)
            user.correct_password()
            await user.end_rotation()
        refusals = [line for line in service.log if line["event"] == "new credentials do not work yet"]
        assert [(line["user"], "invalid username-password pair" in line["reason"]) for line in refusals] == [
            ("service-2", True)
        ]


async def test_user_that_does_not_exist_yet_is_waited_for(
    user: RotatedUser, redis_server: RedisServer, tmp_path: Path
) -> None:
    async with (
        ServiceProcess(tmp_path, f"--store={redis_server.url}", *user.flags) as service,
        flawless_ledger(service),
    ):
        user.begin_rotation(user_is_made=False)
        await eventually(lambda: service.logged("new credentials do not work yet"))
        user.make()
        await user.end_rotation()


async def test_without_files_the_deletion_of_the_user_breaks_requests(
    user: RotatedUser, redis_server: RedisServer, tmp_path: Path
) -> None:
    """The control: what a rotation does to a service that does not notice."""
    store = redis_server.url.replace("redis://", f"redis://{user.name}:{user.password}@")
    async with (
        ServiceProcess(tmp_path, f"--store={store}", "--request-timeout-s=1") as service,
        FastLedger(service.url, rate_per_s=300, connections=50) as ledger,
    ):
        await eventually(lambda: ledger.books.acknowledged > 100)
        old = user.name
        user.begin_rotation()
        with pytest.raises(AssertionError, match="not within"):
            await user.end_rotation()
        assert ledger.books.errors == {}
        user.delete(old)
        await eventually(lambda: ledger.books.errors["503"] > 0)
