"""A counter's own Redis that takes TLS only: real servers and sentinels, and a certificate that is replaced."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis
import trustme

from request_counter_operator.errors import RedisSilentError
from request_counter_operator.names import counter_key
from request_counter_operator.redis_admin import sentinel_group
from request_counter_operator.redis_admin.certificate_proof import fault_of
from request_counter_operator.redis_admin.certificate_renewal import KUBELET_S, renew
from request_counter_operator.redis_admin.connection import asking
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.redis_admin.trust import Trust
from request_counter_operator.redis_admin.users import tend
from request_counter_operator.render.certificate import Certificate
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.topology import group
from tests.integration.test_credential_rotation import flawless_ledger
from tests.support.certificates import NAME, files, secret, shown_at, trust_in
from tests.support.counters import TLS, counter
from tests.support.eventually import eventually
from tests.support.guarded_redis import OwnRedis
from tests.support.secret_volume import SecretVolume
from tests.support.service_process import ServiceProcess

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

CREDENTIALS = Credentials("r" * 64)
COUNTER = counter(TLS)
NOT_NEW_S = KUBELET_S + 1


class Group:
    """A primary, two replicas and three sentinels, and what their Secret holds."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.held = files(self.authority)
        self.volume = SecretVolume(folder / "certificates", self.held)
        self.own = OwnRedis(COUNTER, CREDENTIALS, self.volume.folder)

    @property
    def trust(self) -> Trust:
        """The operator's, in what the Secret holds, which it has known for long."""
        return trust_in(self.held)

    def replace(self, held: dict[str, bytes], *, is_brought: bool = True) -> None:
        """Put others into the Secret; the kubelet brings them to the pods, or does not yet."""
        self.held = held
        if is_brought:
            self.volume.replace(held)

    async def look(self) -> StoreReading:
        """Ask all servers and sentinels how they do."""
        return await sentinel_group.look(COUNTER, self.own.members(CREDENTIALS, self.trust))

    async def renew(self, now_s: float = NOT_NEW_S) -> tuple[str, ...]:
        """Do what a look does about certificates; return whose is another than the Secret's."""
        members = self.own.members(CREDENTIALS, self.trust)
        found = await tend(COUNTER, CREDENTIALS, members, lambda: True)
        return (await renew(members.servers, found, now_s, lambda: True))[0]


@pytest.fixture(scope="module")
def group_with_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    made = Group(tmp_path_factory.mktemp("group"))
    with made.own:
        yield made


@asynccontextmanager
async def counting(made: Group, folder: Path) -> AsyncIterator[ServiceProcess]:
    """Run the service on the group, as its Deployment does."""
    user = SecretVolume(
        folder / "user",
        {"username": CREDENTIALS.user("service").encode(), "password": CREDENTIALS.password("service").encode()},
    )
    sentinels = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in made.own.sentinels)
    flags = (
        f"--store=rediss+sentinel://{sentinels}/{group(COUNTER)}",
        f"--store-username-file={user / 'username'}",
        f"--store-password-file={user / 'password'}",
        f"--store-ca-file={made.volume / 'ca.crt'}",
        f"--store-tls-name={NAME}",
        f"--name={counter_key(COUNTER)}",
    )
    async with ServiceProcess(folder, *flags) as service:
        yield service


async def test_all_of_them_and_the_operator_speak_tls_with_each_other(group_with_tls: Group) -> None:
    async def is_whole() -> bool:
        reading = await group_with_tls.look()
        return reading.is_whole and reading.fault is None

    await eventually(is_whole, within_s=60, every_s=1)
    assert await group_with_tls.renew() == ()


def test_a_plaintext_connection_is_refused(group_with_tls: Group) -> None:
    for server in (*group_with_tls.own.servers, *group_with_tls.own.sentinels):
        with redis.Redis(port=server.port, socket_timeout=2) as client, pytest.raises(redis.RedisError):
            client.ping()


@pytest.mark.parametrize("case", ["authority", "name"])
async def test_whoever_cannot_prove_the_name_is_refused(group_with_tls: Group, case: str) -> None:
    other_ca = {"ca.crt": trustme.CA().cert_pem.bytes()}
    trusts = {
        "authority": trust_in(group_with_tls.held | other_ca),
        "name": trust_in(group_with_tls.held, "hits-redis.other.svc"),
    }
    members = group_with_tls.own.members(CREDENTIALS, trusts[case])
    for door in (*members.servers, *members.sentinels):
        with pytest.raises(RedisSilentError, match="certificate verify failed"):
            async with asking(door) as ask:
                await ask("PING")
    assert {server.role for server in (await sentinel_group.look(COUNTER, members)).servers} == {"Unreachable"}


async def test_a_new_certificate_is_read_under_load(group_with_tls: Group, tmp_path: Path) -> None:
    async with counting(group_with_tls, tmp_path) as service, flawless_ledger(service):
        links = await connections(group_with_tls)
        before = await shown(group_with_tls)
        group_with_tls.replace(files(group_with_tls.authority), is_brought=False)
        servers = ("redis-0", "redis-1", "redis-2")
        sentinels = ("sentinel-0", "sentinel-1", "sentinel-2")
        assert await group_with_tls.renew() == (*servers, *sentinels)
        assert await shown(group_with_tls) == before
        group_with_tls.replace(group_with_tls.held)
        assert await group_with_tls.renew() == sentinels
        leaf = group_with_tls.trust.leaf
        assert [shown_by == leaf for shown_by in await shown(group_with_tls)] == [True] * 3 + [False] * 3
        # Replicas and sentinels are connected as before: nobody had to begin anew.
        assert await connections(group_with_tls) >= links
    # A sentinel reads its files when it starts; the operator has its pod replaced for that.
    for sentinel in group_with_tls.own.sentinels:
        sentinel.kill()
        sentinel.start_again()
    assert set(await shown(group_with_tls)) == {leaf}


async def test_a_new_authority_comes_without_an_interruption(group_with_tls: Group, tmp_path: Path) -> None:
    old, new = group_with_tls.authority, trustme.CA()
    async with counting(group_with_tls, tmp_path) as service, flawless_ledger(service):
        # First both are trusted by everybody, which shows in no handshake: servers are told while that is new.
        both = {"ca.crt": old.cert_pem.bytes() + new.cert_pem.bytes()}
        group_with_tls.replace(group_with_tls.held | both)
        assert await group_with_tls.renew(now_s=0) == ()
        for sentinel in group_with_tls.own.sentinels:
            sentinel.kill()
            sentinel.start_again()
        # Then the new one signs.
        group_with_tls.replace(files(new, trusted=(old, new)))
        assert fault_of(Certificate.of(secret(group_with_tls.held)), NAME) is None
        await eventually(lambda: has_renewed_servers(group_with_tls), within_s=30, every_s=1)
    # A replica that has to connect anew is let in by a primary whose certificate the new authority has signed.
    replica = group_with_tls.own.servers[2]
    replica.kill()
    replica.start_again()
    await eventually(lambda: follows(group_with_tls), within_s=30, every_s=1)


async def has_renewed_servers(made: Group) -> bool:
    return not [name for name in await made.renew() if name.startswith("redis")]


async def follows(made: Group) -> bool:
    servers = (await made.look()).servers
    return [server.linked for server in servers if server.role == "Replica"] == [True, True]


async def shown(made: Group) -> list[bytes]:
    """Return what each server and then each sentinel shows, in a handshake of our own."""
    authority = made.held["ca.crt"]
    return [await shown_at("127.0.0.1", server.port, authority) for server in (*made.own.servers, *made.own.sentinels)]


async def connections(made: Group) -> set[tuple[int, str]]:
    """Return the connections of replicas and sentinels at all servers, which are older than a second."""
    await asyncio.sleep(1.1)
    found = set()
    for server in made.own.servers:
        with server.client() as client:
            listed = client.client_list()
        kept = [one for one in listed if one["user"].startswith(("replication", "sentinel")) and int(one["age"]) > 0]
        found |= {(server.port, one["id"]) for one in kept}
    return found
