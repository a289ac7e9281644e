"""Certificates for a counter's own Redis, and the Secrets that hold them."""

import asyncio
import base64
import datetime as dt
import ssl
from collections.abc import Mapping
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from request_counter_operator.redis_admin.trust import Trust
from request_counter_operator.render.certificate import Certificate

NAME = "hits-redis.default.svc"
SECRET = "hits-redis-tls"


def files(
    authority: trustme.CA, *, name: str = NAME, expires: dt.datetime | None = None, trusted: tuple[trustme.CA, ...] = ()
) -> dict[str, bytes]:
    """Return a new certificate with its key and who is to be trusted, as a Secret of type kubernetes.io/tls has them.

    Args:
        authority: signs it.
        name: whom it names.
        expires: when it runs out.
        trusted: the authorities in ``ca.crt``; the one that signs it by default.
    """
    leaf = authority.issue_cert(name, not_after=expires)
    return {
        "tls.crt": b"".join(pem.bytes() for pem in leaf.cert_chain_pems),
        "tls.key": leaf.private_key_pem.bytes(),
        "ca.crt": b"".join(one.cert_pem.bytes() for one in trusted or (authority,)),
    }


def server_only(authority: trustme.CA) -> dict[str, bytes]:
    """Return likewise a certificate that says it is good for servers, and so for no clients."""
    key, issuer = ec.generate_private_key(ec.SECP256R1()), x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    issuer_key = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    issuer_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(issuer_key, hashes.SHA256())  # type: ignore[arg-type]  # it is of one of the kinds that sign
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return {
        "tls.crt": certificate.public_bytes(pem),
        "tls.key": key.private_bytes(pem, pkcs8, serialization.NoEncryption()),
        "ca.crt": authority.cert_pem.bytes(),
    }


def secret(held: Mapping[str, bytes], name: str = SECRET, **metadata: Any) -> dict[str, Any]:
    """Return the Secret with these files."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, **metadata},
        "data": {key: base64.b64encode(value).decode() for key, value in held.items()},
    }


def trust_in(held: Mapping[str, bytes], name: str = NAME) -> Trust:
    """Return the operator's trust in a certificate, which it knows since 0."""
    return Trust.in_certificate(Certificate.of(secret(held)), name, 0.0)


async def shown_at(host: str, port: int, authority: bytes) -> bytes:
    """Return what a server shows (DER), by a handshake that the operator's code has no part in."""
    context = ssl.create_default_context(cadata=authority.decode())
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=NAME)
    leaf: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return leaf
