"""Servers read a new certificate without a restart, and the operator talks to nobody who cannot prove who it is."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from request_counter_operator.api import Server
from request_counter_operator.errors import RedisSilentError
from request_counter_operator.redis_admin.certificate_renewal import KUBELET_S, renew
from request_counter_operator.redis_admin.connection import Door, asking, doors
from request_counter_operator.redis_admin.reading import Logins, StoreReading
from request_counter_operator.redis_admin.trust import Trust
from request_counter_operator.redis_admin.users import Found
from request_counter_operator.render.certificate import Certificate
from request_counter_operator.render.credentials import Credentials
from tests.support.certificates import files, secret, trust_in
from tests.support.counters import TLS, counter
from tests.support.tls_fake import FakeServer

AUTHORITY, OTHER = trustme.CA(), trustme.CA()
REREAD = (
    "CONFIG SET tls-cert-file /etc/request-counter/tls/tls.crt tls-key-file /etc/request-counter/tls/tls.key "
    "tls-ca-cert-file /etc/request-counter/tls/ca.crt"
)
LATER_S = KUBELET_S + 1


def found_at(door: Door, presented: bytes) -> Found:
    return Found(door.name, "8.0.0", frozenset({0}), presented=presented)


def rereads(server: FakeServer) -> int:
    return server.commands.count(REREAD)


async def shown_at(door: Door) -> bytes:
    async with asking(door) as ask:
        assert ask.presented == b""
        await ask("PING")
        return ask.presented


async def test_what_a_server_shows_is_what_it_has_read(tmp_path: Path) -> None:
    held = files(AUTHORITY)
    async with FakeServer(tmp_path, held).serving("hits-redis-0", trust_in(held)) as door:
        assert await shown_at(door) == Certificate.of(secret(held)).leaf


@pytest.mark.parametrize(
    ("trust", "reason"),
    [
        (lambda held: trust_in(held | {"ca.crt": OTHER.cert_pem.bytes()}), "certificate verify failed"),
        (lambda held: trust_in(held, "other-redis.default.svc"), "Hostname mismatch"),
    ],
    ids=["authority", "name"],
)
async def test_who_cannot_prove_the_name_is_not_even_asked(
    tmp_path: Path, trust: Callable[[dict[str, bytes]], Trust], reason: str
) -> None:
    held = files(AUTHORITY)
    server = FakeServer(tmp_path, held)
    async with server.serving("hits-redis-0", trust(held)) as door:
        with pytest.raises(RedisSilentError, match=reason):
            await shown_at(door)
    assert server.commands == []


async def test_one_that_has_run_out_can_still_be_brought_the_next(tmp_path: Path) -> None:
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    old, new = files(AUTHORITY, expires=yesterday), files(AUTHORITY)
    server, trust = FakeServer(tmp_path, old), trust_in(new)
    async with server.serving("hits-redis-0", trust) as door:
        server.write(new)
        await renew([door], [found_at(door, await shown_at(door))], LATER_S, lambda: True)
        assert await shown_at(door) == trust.leaf


async def test_a_server_is_told_until_it_shows_what_the_secret_has(tmp_path: Path) -> None:
    old, new = files(AUTHORITY), files(AUTHORITY)
    server, trust = FakeServer(tmp_path, old), trust_in(new)
    async with server.serving("hits-redis-0", trust) as door:
        found = [found_at(door, await shown_at(door))]
        # The kubelet has not brought the files yet.
        assert await renew([door], found, LATER_S, lambda: True) == (("hits-redis-0",), [])
        server.write(new)
        outdated, (happening,) = await renew([door], found, LATER_S, lambda: True)
        assert (outdated, happening.reason) == ((), "CertificateRenewed")
        assert await shown_at(door) == trust.leaf
        assert rereads(server) == 2
        # From then on there is nothing to be done.
        renewed = [found_at(door, await shown_at(door))]
        assert await renew([door], renewed, LATER_S, lambda: True) == ((), [])
        assert rereads(server) == 2


async def test_whom_servers_trust_is_read_anew_for_as_long_as_the_files_may_take(tmp_path: Path) -> None:
    held = files(AUTHORITY)
    server, trust = FakeServer(tmp_path, held), trust_in(held | {"ca.crt": held["ca.crt"] + OTHER.cert_pem.bytes()})
    async with server.serving("hits-redis-0", trust) as door:
        found = [found_at(door, trust.leaf)]
        for now_s, expected in ((0.0, 1), (KUBELET_S - 1, 2), (LATER_S, 2)):
            assert await renew([door], found, now_s, lambda: True) == ((), [])
            assert rereads(server) == expected
        assert await renew([door], [], 0.0, lambda: True) == ((), [])  # it was silent a moment ago
        assert rereads(server) == 2


async def test_nothing_is_changed_by_who_may_not(tmp_path: Path) -> None:
    server = FakeServer(tmp_path, files(AUTHORITY))
    async with server.serving("hits-redis-0", trust_in(files(AUTHORITY))) as door:
        found = [found_at(door, await shown_at(door))]
        assert await renew([door], found, 0.0, lambda: False) == (("hits-redis-0",), [])
    assert rereads(server) == 0


async def test_sentinels_are_told_of_and_not_told(tmp_path: Path) -> None:
    server, trust = FakeServer(tmp_path, files(AUTHORITY)), trust_in(files(AUTHORITY))
    async with server.serving("hits-redis-0", trust) as door:
        found = [found_at(door, trust.leaf), Found("hits-sentinel-0", "8", frozenset({0}), presented=b"x")]
        assert await renew([door], found, LATER_S, lambda: True) == (("hits-sentinel-0",), [])
    assert rereads(server) == 0


async def test_without_tls_there_is_nothing_to_renew() -> None:
    door = Door("hits-redis-0", "127.0.0.1", 1, Credentials("root"))
    assert await renew([door], [found_at(door, b"")], 0.0, lambda: True) == ((), [])


def test_all_doors_have_the_same_trust() -> None:
    trust = trust_in(files(AUTHORITY))
    servers, sentinels = doors(counter(TLS), Credentials("root"), trust)
    assert {door.trust for door in (*servers, *sentinels)} == {trust}
    assert len(servers) == len(sentinels) == 3


def test_a_redis_is_not_calm_while_somebody_shows_another_certificate() -> None:
    calm = StoreReading(servers=(Server(name="a", role="Primary"),), is_whole=True, logins=Logins((0,)))
    assert calm.is_calm
    assert not StoreReading(is_whole=True, logins=Logins((0,)), outdated=("a",)).is_calm
