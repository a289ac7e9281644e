"""A Redis Cluster that takes TLS only, with the scripts and the configuration that are rendered for its pods."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
import trustme

from request_counter_operator.errors import RedisSilentError
from request_counter_operator.redis_admin.certificate_renewal import KUBELET_S, renew
from request_counter_operator.redis_admin.connection import asking
from request_counter_operator.redis_admin.users import Found
from request_counter_operator.render.certificate import Certificate
from tests.support.certificates import files, secret, shown_at, trust_in
from tests.support.cluster_pods import ClusterPods
from tests.support.operated_cluster import at_once

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def _pods() -> Iterator[ClusterPods]:
    with ClusterPods(files(AUTHORITY)) as pods:
        yield pods


@pytest.fixture
async def pods(_pods: ClusterPods) -> ClusterPods:
    """A cluster that has come together, on a bus with TLS."""
    await _pods.whole()
    _pods.latch()
    return _pods


async def test_scripts_speak_tls_when_a_primary_is_stopped_and_started(pods: ClusterPods) -> None:
    primary = (await pods.whole()).primaries[0]
    await at_once(lambda: pods.stop(primary))
    assert (await pods.look()).primaries[0] not in {"", primary}
    await at_once(lambda: pods.start(primary))
    reading = await pods.whole()
    assert {server.name: server.role for server in reading.servers}[primary] == "Replica"


async def test_who_says_nothing_of_tls_is_refused(pods: ClusterPods) -> None:
    for door in pods.doors.values():
        reader, writer = await asyncio.open_connection(door.host, door.port)
        writer.write(b"PING\r\n")
        with suppress(ConnectionResetError):
            assert b"PONG" not in await reader.read(100)
        writer.close()


async def test_a_new_certificate_is_read_and_the_cluster_stays_whole(pods: ClusterPods) -> None:
    assert pods.tls
    new = files(AUTHORITY)
    leaf = Certificate.of(secret(new)).leaf
    trust = trust_in(new)
    doors = list(pods.doors.values())
    before = [await shown_at(door.host, door.port, new["ca.crt"]) for door in doors]
    assert leaf not in before
    pods.tls.replace(new)
    found = [Found(door.name, "8", frozenset({0}), presented=shown) for door, shown in zip(doors, before, strict=True)]
    renewing = [replace(door, trust=trust) for door in doors]
    outdated, happenings = await renew(renewing, found, KUBELET_S + 1, lambda: True)
    assert (outdated, len(happenings)) == ((), 6)
    assert {await shown_at(door.host, door.port, new["ca.crt"]) for door in doors} == {leaf}
    assert (await pods.look()).is_whole
    # Whoever begins anew is let in by all others, on the bus too.
    replica = next(server.name for server in (await pods.look()).servers if server.role == "Replica")
    await at_once(lambda: pods.stop(replica))
    await at_once(lambda: pods.start(replica))
    await pods.whole()


async def test_whoever_cannot_prove_the_name_is_refused(pods: ClusterPods) -> None:
    other = files(AUTHORITY) | {"ca.crt": trustme.CA().cert_pem.bytes()}
    for trust in (trust_in(other), trust_in(files(AUTHORITY), "hits-redis.other.svc")):
        door = next(iter(pods.doors.values()))
        with pytest.raises(RedisSilentError, match="certificate verify failed"):
            async with asking(replace(door, trust=trust)) as ask:
                await ask("PING")
