"""Whether a certificate would do, before any server shows it: client and server shake hands in memory.

What is refused here would be refused by every client, and by servers among each other: once all had read it, nothing
could be counted until somebody put it right.
"""

import os
import ssl

from request_counter_operator.render.certificate import Certificate

_STEPS = 10
"""A handshake takes three; more of them lead nowhere."""


def fault_of(certificate: Certificate, name: str) -> str | None:
    """Return why a server with this certificate, and a client with it, would refuse each other; None if they would not.

    Args:
        certificate: what the Secret holds.
        name: whom it has to name.
    """
    try:
        server, client = _contexts(certificate)
    except (ssl.SSLError, ValueError) as error:
        return f"it cannot be read: {_words(error)}"
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    try:
        for _ in range(_STEPS):
            ends = [end for end in ends if not _has_finished(end)]
    except ssl.SSLError as error:
        return _words(error)
    return "they came to no end" if ends else None


def _has_finished(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _contexts(certificate: Certificate) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return both sides, each with the certificate, and as strict as the service's pods and Redis are."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=certificate.ca)
    # The servers of a cluster, and a replica and its primary, show each other certificates: it has to be good for both.
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cadata=certificate.ca)
    for side in (server, client):
        # With TLS 1.3 a client has finished before the server has looked at its certificate.
        side.maximum_version = ssl.TLSVersion.TLSv1_2
        _load(side, certificate)
    return server, client


def _load(context: ssl.SSLContext, certificate: Certificate) -> None:
    """Load the certificate with its key. Python takes them from files only: this one is never on a disk."""
    file = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(file, f"{certificate.private_key}\n{certificate.chain}\n".encode())
        # One that is encrypted would have OpenSSL ask whoever is at the terminal.
        context.load_cert_chain(f"/proc/self/fd/{file}", password="")
    finally:
        os.close(file)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return str(error)
