"""The users of a counter's own Redis and their passwords: derived, so that they need not be remembered anywhere.

A password is an HMAC under the operator's seed. Whoever deletes or edits the Secret gets the same passwords back, and a
resource that is created anew gets others. docs/adr/0002-derived-passwords.md has the why.

Renewing makes the next generation: each user under another name and password. Both generations may log in until
nobody uses the older one, which Redis itself tells by name.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from request_counter_operator.api import RequestCounter

Role: TypeAlias = Literal["service", "operator", "replication", "sentinel", "backup"]
"""Who logs in: the service's pods, the operator, a replica at its primary, a sentinel, who makes a backup."""

_USER = re.compile(r"(service|operator|replication|sentinel|backup)-(\d+)")


class User(NamedTuple):
    """Whom a user's name stands for."""

    role: str
    generation: int

    @classmethod
    def named(cls, name: str) -> "User | None":
        """Return who has this name; None when it is none of ours."""
        match = _USER.fullmatch(name)
        return None if match is None else cls(match[1], int(match[2]))


@dataclass(frozen=True, slots=True)
class Credentials:
    """All users of one counter's Redis.

    Attributes:
        root: what the passwords are derived from; secret.
        generation: which users are to be used.
        accepted: the generations that may log in, ``generation`` among them.
    """

    root: str = field(repr=False)
    generation: int = 0
    accepted: tuple[int, ...] = (0,)

    @classmethod
    def of(cls, root: str, counter: RequestCounter) -> "Credentials":
        """Return a counter's credentials, renewed as often as its status says."""
        auth = counter.auth
        return cls(root) if auth is None else cls(root, auth.generation, auth.accepted)

    def user(self, role: Role, generation: int | None = None) -> str:
        """Return a user's name, such as ``service-0``."""
        return f"{role}-{self.generation if generation is None else generation}"

    def password(self, role: Role, generation: int | None = None) -> str:
        """Return a user's password: 64 hexadecimal digits."""
        return hmac.new(self.root.encode(), self.user(role, generation).encode(), hashlib.sha256).hexdigest()

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when the seed does, and not when passwords are renewed."""
        return fingerprint(self.root)


def derive_root(seed: bytes, counter: RequestCounter) -> str:
    """Return what a counter's passwords are derived from: 64 hexadecimal digits, the same for the same resource."""
    return hmac.new(seed, f"redis/{counter.metadata.uid}".encode(), hashlib.sha256).hexdigest()


def fingerprint(secret: str) -> str:
    """Return 16 hexadecimal digits that change when ``secret`` does and do not tell it: for pod annotations."""
    return hashlib.sha256(f"fingerprint/{secret}".encode()).hexdigest()[:16]
