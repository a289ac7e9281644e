"""Passwords of real servers and sentinels are renewed: nobody is refused meanwhile, and the old ones are afterwards."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from request_counter_operator.api import AuthStatus, RequestCounter, Status, StoreStatus
from request_counter_operator.errors import RedisSilentError
from request_counter_operator.redis_admin.connection import asking
from request_counter_operator.redis_admin.reading import Logins
from request_counter_operator.redis_admin.users import Found, tend, together
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.topology import group
from request_counter_operator.renewal import next_auth
from tests.support.counters import counter
from tests.support.eventually import eventually
from tests.support.guarded_redis import OwnRedis
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.long

ROOT = "r" * 64
KEY = "{default/hits/a}:b"
BEGUN, SETTLED = "2026-01-01T00:00:00Z", "2026-01-01T00:03:00Z"
ALONE = counter({"store": {"redis": {"auth": {"rotate": "now"}}}})
GROUP = counter({"store": {"durability": "Replicated", "redis": {"mode": "Sentinel", "auth": {"rotate": "now"}}}})


class Operator:
    """What the operator does for one counter: looks, and writes down what follows. It may be replaced at any time."""

    def __init__(self, resource: RequestCounter, own: OwnRedis, auth: AuthStatus) -> None:
        self.own = own
        self.counter = resource
        self.write(auth)

    @property
    def auth(self) -> AuthStatus:
        """What the status says."""
        assert self.counter.auth
        return self.counter.auth

    @property
    def credentials(self) -> Credentials:
        """What is in the Secret."""
        return Credentials.of(ROOT, self.counter)

    def write(self, auth: AuthStatus | None) -> None:
        """Write the state of the passwords into the status."""
        self.counter = self.counter.model_copy(update={"status": Status(store=StoreStatus(auth=auth))})

    async def look(self, *, may_act: bool = True) -> tuple[list[Found], Logins]:
        """Tend all users; return what was found, and what that proves."""
        members = self.own.members(self.credentials)
        found = await tend(self.counter, self.credentials, members, lambda: may_act)
        return found, together(found, members)

    async def reach(self, wanted: AuthStatus, now: str = BEGUN) -> None:
        """Go on until the status says that, from the very first look after each word that was written."""

        async def is_reached() -> bool:
            if self.auth != wanted:
                self.write(next_auth(self.counter, (await self.look())[1], now))
            return self.auth == wanted

        await eventually(is_reached, within_s=30, every_s=0.2)


class Client:
    """Writes to a server again and again, as whoever the Secret names, and counts."""

    def __init__(self, operator: Operator, server: RedisServer) -> None:
        self.operator, self.port = operator, server.port
        self.written = 0
        self.is_to_stop = False

    async def run(self) -> None:
        """Write until told to stop; an error ends it."""
        while not self.is_to_stop:
            credentials = self.operator.credentials
            async with logged_in(self.port, credentials) as client:
                while self.operator.credentials.generation == credentials.generation and not self.is_to_stop:
                    assert await client.incr(KEY) == self.written + 1
                    self.written += 1
                    await asyncio.sleep(0.002)


def logged_in(port: int, credentials: Credentials, generation: int | None = None) -> "Redis":
    """Return a client that is the service, and tries once."""
    return Redis(
        port=port,
        username=credentials.user("service", generation),
        password=credentials.password("service", generation),
        retry=Retry(NoBackoff(), 0),
        single_connection_client=True,
    )


def info(server: RedisServer, section: str) -> dict[str, Any]:
    with server.client() as client:
        return dict(client.info(section))


@pytest.fixture(scope="module")
def alone() -> Iterator[OwnRedis]:
    """A server that stands alone, shared: each test uses generations of its own."""
    with OwnRedis(ALONE, Credentials(ROOT)) as own:
        yield own


async def test_of_a_group_every_link_goes_over_and_no_write_fails() -> None:
    with OwnRedis(GROUP, Credentials(ROOT)) as own:
        operator = Operator(GROUP, own, AuthStatus(since=BEGUN))
        before = [info(server, "stats")["sync_full"] for server in own.servers]
        client = Client(operator, own.servers[0])
        writing = asyncio.create_task(client.run())
        await eventually(lambda: client.written > 10)

        await operator.reach(AuthStatus(accepted=(0, 1), rotate="now", since=BEGUN))
        await operator.reach(AuthStatus(generation=1, accepted=(0, 1), rotate="now", since=BEGUN))

        async def nobody_uses_the_old() -> bool:
            return (await operator.look())[1] == Logins((0, 1), (1,))

        await eventually(nobody_uses_the_old, within_s=60, every_s=0.5)
        assert next_auth(operator.counter, Logins((0, 1), (1,)), BEGUN) == operator.auth  # too early
        await operator.reach(AuthStatus(generation=1, accepted=(1,), rotate="now", since=BEGUN), SETTLED)
        assert (await operator.look())[1] == Logins((1,))

        client.is_to_stop = True
        await writing
        members = own.members(Credentials(ROOT, 1, (1,)))
        for door in (*members.servers, *members.sentinels):
            with pytest.raises(RedisSilentError, match="invalid username-password"):
                async with asking(door, 0) as ask:
                    await ask("PING")
        for server, full in zip(own.servers, before, strict=True):
            server.credentials = Credentials(ROOT, 1, (1,))
            assert info(server, "stats")["sync_full"] == full
        stats, replication = info(own.servers[0], "stats"), info(own.servers[0], "replication")
        assert (stats["sync_partial_ok"], replication["role"], replication["connected_slaves"]) == (2, "master", 2)
        for door in members.sentinels:
            async with asking(door) as ask:
                known = await ask("SENTINEL", "MASTER", group(GROUP))
                assert (known["flags"], int(known["config-epoch"])) == ("master", 0)
                assert (int(known["num-slaves"]), int(known["num-other-sentinels"])) == (2, 2)
        async with logged_in(own.servers[0].port, operator.credentials) as reader:
            assert await reader.get(KEY) == str(client.written).encode()


async def test_a_server_and_a_sentinel_that_come_back_with_old_passwords_are_put_right() -> None:
    with OwnRedis(GROUP, Credentials(ROOT)) as own:
        operator = Operator(GROUP, own, _switched())
        await operator.look()
        own.servers[2].kill()
        found, logins = await operator.look()
        assert (len(found), logins) == (5, Logins())
        await asyncio.to_thread(own.servers[2].start_again)
        user, password = Credentials(ROOT).user("sentinel"), Credentials(ROOT).password("sentinel")
        async with asking(own.members(operator.credentials).sentinels[0]) as ask:
            await ask("SENTINEL", "SET", group(GROUP), "auth-user", user, "auth-pass", password)
            await ask("SENTINEL", "CONFIG", "SET", "sentinel-user", user, "sentinel-pass", password)
        assert (await operator.look(may_act=False))[1] == Logins((0,), (0, 1))

        async def all_are_right() -> bool:
            is_right = (await operator.look())[1] == Logins((0, 1), (1,))
            return is_right and info(own.servers[0], "replication")["connected_slaves"] == 2

        await eventually(all_are_right, within_s=60, every_s=0.5)


def _switched() -> AuthStatus:
    return AuthStatus(generation=1, accepted=(0, 1), rotate="now", since=BEGUN)


async def test_who_may_not_act_changes_nothing_and_proves_only_what_is(alone: OwnRedis) -> None:
    operator = Operator(ALONE, alone, AuthStatus(accepted=(0, 1), since=BEGUN))
    found, logins = await operator.look(may_act=False)
    assert logins == Logins((0,))
    with alone.servers[0].client() as client:
        assert sorted(client.acl_users()) == ["default", "operator-0", "probe", "service-0"]
    assert found[0].version == info(alone.servers[0], "server")["redis_version"]


async def test_users_are_as_they_should_be_whatever_was_done_to_them(alone: OwnRedis) -> None:
    operator = Operator(ALONE, alone, AuthStatus(accepted=(0,), since=BEGUN))
    with alone.servers[0].client() as client:
        wanted = client.acl_list()
        client.acl_setuser("service-0", enabled=True, commands=["+flushall"])
        client.acl_deluser("operator-7", "service-7")
        await operator.look()
        assert client.acl_list() == wanted
        before = client.info("commandstats")["cmdstat_acl|setuser"]["calls"]
        await operator.look()
        assert client.info("commandstats")["cmdstat_acl|setuser"]["calls"] == before  # it looks, and does no more


async def test_who_is_behind_removes_no_users_that_are_newer(alone: OwnRedis) -> None:
    newer = Operator(ALONE, alone, AuthStatus(accepted=(0, 1), since=BEGUN))
    assert (await newer.look())[1] == Logins((0, 1))
    await Operator(ALONE, alone, AuthStatus(accepted=(0,), since=BEGUN)).look()
    with alone.servers[0].client() as client:
        assert {"service-0", "service-1"} <= set(client.acl_users())
        client.acl_deluser("operator-1", "service-1")


async def test_a_user_of_a_role_that_is_not_wanted_any_more_is_removed(alone: OwnRedis) -> None:
    backed_up = counter({"store": {"backup": {"schedule": "@daily"}}})
    auth = AuthStatus(accepted=(0,), since=BEGUN)
    with alone.servers[0].client() as client:
        await Operator(backed_up, alone, auth).look()
        assert "backup-0" in client.acl_users()
        await Operator(ALONE, alone, auth).look()
        assert "backup-0" not in client.acl_users()


async def test_a_connection_with_an_old_password_is_seen_and_keeps_it_accepted(alone: OwnRedis) -> None:
    operator = Operator(ALONE, alone, _switched())
    async with logged_in(alone.servers[0].port, operator.credentials, 0) as old:
        await old.incr(KEY)
        assert (await operator.look())[1] == Logins((0, 1), (0,))
        assert next_auth(operator.counter, Logins((0, 1), (0,)), SETTLED) == operator.auth
    assert (await operator.look())[1] == Logins((0, 1))
    with alone.servers[0].client() as client:
        client.acl_deluser("operator-1", "service-1")
