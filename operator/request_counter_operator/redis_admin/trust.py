"""Whom the operator's own connections to a counter's Redis trust, and how they are made with TLS."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from redis.asyncio.connection import Connection

from request_counter_operator.render.certificate import Certificate

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What servers have to prove. The key that they do it with is nothing that is kept here.

    Attributes:
        leaf: the certificate that they are to show (DER).
        digest: of all that the Secret holds.
        name: whom a certificate has to name, whatever address it is shown at.
        known_since_s: since when this process knows what the Secret holds, by its clock.
    """

    leaf: bytes = field(repr=False)
    digest: str
    name: str
    known_since_s: float
    context: ssl.SSLContext = field(repr=False, compare=False)

    @classmethod
    def in_certificate(cls, certificate: Certificate, name: str, known_since_s: float) -> Self:
        """Return the trust in a certificate that would do."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=certificate.ca)
        # One that has run out is still the server's, and only who lets it in can bring it the next.
        context.verify_flags |= _NO_CHECK_TIME
        return cls(certificate.leaf, certificate.digest, name, known_since_s, context)


class TrustingConnection(Connection):
    """A connection with TLS to whoever proves to be whom we trust.

    Args:
        trust: what has to be proved.
        options: of redis-py's connection.
    """

    def __init__(self, *, trust: Trust, **options: Any) -> None:
        super().__init__(**options)
        self._trust = trust

    def _connection_arguments(self) -> Mapping[str, Any]:
        tls = {"ssl": self._trust.context, "server_hostname": self._trust.name}
        return {**super()._connection_arguments(), **tls}

    @property
    def presented(self) -> bytes:
        """The certificate that the server has shown (DER); empty while there is no connection."""
        tls = None if self._writer is None else self._writer.get_extra_info("ssl_object")
        return (tls and tls.getpeercert(binary_form=True)) or b""
