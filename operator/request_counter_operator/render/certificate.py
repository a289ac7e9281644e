"""What the Secret of a counter's own Redis holds for TLS, as somebody has put it there. Pure."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from request_counter_operator.errors import UnusableCertificateError
from request_counter_operator.render.redis_tls import CA_KEY, CERTIFICATE_KEY, PRIVATE_KEY_KEY, TLS_KEYS

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, and who is trusted: all as PEM.

    Attributes:
        chain: the certificate itself comes first.
        ca: those who may have signed it.
    """

    chain: str
    private_key: str = field(repr=False)
    ca: str

    @classmethod
    def of(cls, secret: Mapping[str, Any]) -> Self:
        """Return what a Secret holds.

        Raises:
            UnusableCertificateError: A key is missing, empty or no PEM; the message names it.
        """
        texts = {key: _text(secret, key) for key in TLS_KEYS}
        lacks = [key for key, text in texts.items() if not text]
        if lacks:
            raise UnusableCertificateError(f"key {' and key '.join(lacks)} of Secret {secret['metadata']['name']}")
        for key in (CERTIFICATE_KEY, CA_KEY):
            if _CERTIFICATE.search(texts[key]) is None:
                raise UnusableCertificateError(f"a certificate in key {key} of Secret {secret['metadata']['name']}")
        return cls(texts[CERTIFICATE_KEY], texts[PRIVATE_KEY_KEY], texts[CA_KEY])

    @property
    def leaf(self) -> bytes:
        """The certificate itself, as a server shows it in the handshake (DER)."""
        match = _CERTIFICATE.search(self.chain)
        return b"" if match is None else base64.b64decode(match[1])

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that change when anything of it does, and do not tell the key."""
        return hashlib.sha256(f"{self.chain}\n{self.private_key}\n{self.ca}".encode()).hexdigest()[:16]


def _text(secret: Mapping[str, Any], key: str) -> str:
    try:
        return base64.b64decode((secret.get("data") or {}).get(key, "")).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        return ""
