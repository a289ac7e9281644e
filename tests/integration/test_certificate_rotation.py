"""The certificates of a Redis and of its clients, and who has signed them, are replaced while the service counts."""

from pathlib import Path
from typing import cast

import redis
import trustme

from tests.integration.test_credential_rotation import flawless_ledger
from tests.support.eventually import eventually
from tests.support.redis_server import DURABLE, RedisServer
from tests.support.secret_volume import SecretVolume
from tests.support.service_process import ServiceProcess

_PATHS = ("ca.pem", "server.pem", "server.key")


class Certificates:
    """An authority, and what it has signed.

    Attributes:
        client: the service's files, by name.
        server: Redis's files, by name.
    """

    def __init__(self) -> None:
        authority = trustme.CA()
        server, client = authority.issue_cert("127.0.0.1"), authority.issue_cert("counter@example.org")
        ca = authority.cert_pem.bytes()
        self.client = {
            "ca.pem": ca,
            "client.pem": client.cert_chain_pems[0].bytes(),
            "client.key": client.private_key_pem.bytes(),
        }
        self.server = {
            "ca.pem": ca,
            "server.pem": server.cert_chain_pems[0].bytes(),
            "server.key": server.private_key_pem.bytes(),
        }


def settings_of_redis(generation: str) -> dict[str, str]:
    names = ("tls-ca-cert-file", "tls-cert-file", "tls-key-file")
    return {name: f"/data/{generation}-{path}" for name, path in zip(names, _PATHS, strict=True)}


def service_connections(server: RedisServer) -> set[str]:
    """Return the ids of all connections but the test's own."""
    with server.client() as client:
        own = str(client.client_id())
        return {each["id"] for each in cast("list[dict[str, str]]", client.client_list())} - {own}


def is_let_in(server: RedisServer, volume: SecretVolume) -> bool:
    """Whether Redis and a client with these files take each other for what they say."""
    client = redis.Redis(
        host="127.0.0.1",
        port=server.port,
        ssl=True,
        ssl_ca_certs=str(volume / "ca.pem"),
        ssl_certfile=str(volume / "client.pem"),
        ssl_keyfile=str(volume / "client.key"),
    )
    with client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


async def test_certificates_are_replaced_under_load(tmp_path: Path) -> None:
    old, new = Certificates(), Certificates()
    files = {
        f"{name}-{path}": each.server[path].decode() for name, each in (("old", old), ("new", new)) for path in _PATHS
    }
    options = [word for name, file in settings_of_redis("old").items() for word in (f"--{name}", file)]
    volume, outdated = SecretVolume(tmp_path / "secret", old.client), SecretVolume(tmp_path / "outdated", old.client)
    flags = [f"--store-ca-file={volume / 'ca.pem'}", f"--store-cert-file={volume / 'client.pem'}"]
    flags.append(f"--store-key-file={volume / 'client.key'}")
    with RedisServer(*DURABLE, *options, "--tls-auth-clients", "optional", files=files, tls=True) as server:
        async with ServiceProcess(tmp_path, f"--store={server.url}", *flags) as service, flawless_ledger(service):
            assert await service.count("GET", "/") > 0
            before = service_connections(server)
            assert before
            assert is_let_in(server, outdated)
            with server.client() as client:
                client.config_set(*(word for setting in settings_of_redis("new").items() for word in setting))
            assert not is_let_in(server, outdated)
            volume.replace(new.client)
            assert is_let_in(server, volume)
            await eventually(lambda: not before & service_connections(server), within_s=6, every_s=0.1)
            assert len(service_connections(server)) == len(before)
    assert service.logged("credentials renewed")
