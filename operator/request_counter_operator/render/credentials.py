"""The password with which the service logs in to its Redis: derived, so that it need not be remembered anywhere.

It is the HMAC of the resource's UID under the operator's seed. Whoever deletes or edits the Secret gets the same
password back, and a resource that is created anew gets another one. docs/adr/0002-derived-passwords.md has the why.
"""

import hashlib
import hmac

from request_counter_operator.api import RequestCounter


def derive_password(seed: bytes, counter: RequestCounter) -> str:
    """Return the password: 64 hexadecimal digits, the same for the same seed and resource."""
    return hmac.new(seed, f"redis/{counter.metadata.uid}".encode(), hashlib.sha256).hexdigest()


def fingerprint(secret: str) -> str:
    """Return 16 hexadecimal digits that change when ``secret`` does and do not tell it: for pod annotations."""
    return hashlib.sha256(f"fingerprint/{secret}".encode()).hexdigest()[:16]
