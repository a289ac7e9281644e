"""Whom the certificate of a Redis has to name: the host, or what the settings say."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from counter_service.store.redis_address import Address, TlsFiles, parse_address

NAME = "hits-redis.default.svc"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Address]:
    """A server on an address, whose certificate has only a name; `ca.pem` says who has signed it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    serving = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with serving:
        yield serving.sockets[0].getsockname()[:2]


async def connect(to: Address, files: TlsFiles) -> None:
    """Connect as to a server with data and as to a sentinel, as far as TLS goes."""
    address = parse_address("rediss+sentinel://anybody/group", tls_files=files)
    for make_connection in (address.connection_to(to), address.connection_to_sentinel(to)):
        connection = make_connection()
        try:
            await connection._connect()  # type: ignore[no-untyped-call]
        finally:
            await connection.disconnect(nowait=True)


async def test_the_name_counts_wherever_the_server_is(server: Address, tmp_path: Path) -> None:
    await connect(server, TlsFiles(tmp_path / "ca.pem", name=NAME))


@pytest.mark.parametrize("name", ["other-redis.default.svc", None])
async def test_another_name_than_the_certificates_is_refused(server: Address, tmp_path: Path, name: str | None) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=name or "127.0.0.1"):
        await connect(server, TlsFiles(tmp_path / "ca.pem", name=name))


async def test_another_authority_is_refused_whatever_it_names(server: Address, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(server, TlsFiles(tmp_path / "other.pem", name=NAME))
