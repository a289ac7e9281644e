"""How many requests a client, a path or the whole counter may make: token buckets in this process's memory.

A bucket holds `burst` tokens and is refilled at `requests_per_second`; a request takes one. It is kept as one number,
the time at which it will be full again (GCRA, ITU-T I.371). A full bucket and one that nobody asks for are the same, so
what was not asked for during one refill is forgotten without loss.

The limit is that of one process: workers and pods count for themselves.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, Literal

Per = Literal["Client", "Path", "Counter"]

MAX_BUCKETS: Final = 50_000
"""Most buckets in each of the two generations. Beyond, the least recently used half is forgotten: memory is bounded,
and a flood of addresses can at worst give those it displaces a full bucket."""
_ROUNDING_S: Final = 1e-9  # sums of floating-point intervals are off by less than this
_LONGEST_ADDRESS_CHARACTERS: Final = 64
_IPV6_CLIENT_PREFIX_BITS: Final = 64  # what one customer gets: RFC 6177


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What is allowed.

    Attributes:
        requests_per_second: how fast a bucket is refilled, tokens per second, above 0.
        burst: how many tokens a bucket holds, 1 and up.
        per: what has a bucket of its own.
        trusted_hops: how many proxies in front of the service add their client's address to X-Forwarded-For; with 0
            the client is whoever is connected.
    """

    requests_per_second: float
    burst: int
    per: Per = "Client"
    trusted_hops: int = 0

    @property
    def refill_s(self) -> float:
        """How long an empty bucket takes to be full, seconds."""
        return self.burst / self.requests_per_second


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request must wait: the limit, and how many seconds until a token is there."""

    limit: RateLimit
    retry_after_s: float


class RateLimiter:
    """Decides request by request. Not thread-safe: one event loop owns it.

    Args:
        limit: what is allowed.
    """

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._per = limit.per
        self._interval_s = 1 / limit.requests_per_second
        self._tolerance_s = limit.refill_s - self._interval_s + _ROUNDING_S
        self._full_at_s: dict[str, float] = {}
        self._full_at_s_before: dict[str, float] = {}
        self._turn_at_s = float("-inf")

    def admit(self, client: str, path: str, now_s: float) -> Refusal | None:
        """Take a token, or say how long there will be none; a refused request takes nothing.

        Args:
            client: as `client_of` names it.
            path: the normalized path.
            now_s: of a monotonic clock, the same for all calls, seconds.
        """
        key = client if self._per == "Client" else path if self._per == "Path" else ""
        full_at_s = self._full_at_s.get(key)
        if full_at_s is None or now_s >= self._turn_at_s:
            full_at_s = self._recall(key, now_s)
        if full_at_s <= now_s:
            full_at_s = now_s
        elif full_at_s - now_s > self._tolerance_s:
            return Refusal(self.limit, full_at_s - now_s - self._tolerance_s)
        self._full_at_s[key] = full_at_s + self._interval_s
        return None

    def _recall(self, key: str, now_s: float) -> float:
        """Look a bucket up that the present generation has not, or may be the last to ask for in it."""
        if now_s >= self._turn_at_s or len(self._full_at_s) >= MAX_BUCKETS:
            self._turn(now_s)
        return self._full_at_s.get(key) or self._full_at_s_before.get(key, now_s)

    def _turn(self, now_s: float) -> None:
        self._full_at_s_before = self._full_at_s if now_s < self._turn_at_s + self.limit.refill_s else {}
        self._full_at_s = {}
        self._turn_at_s = now_s + self.limit.refill_s


def client_of(peer: str, forwarded_for: str = "", trusted_hops: int = 0) -> str:
    """Name the client behind a request.

    Args:
        peer: the address that is connected.
        forwarded_for: X-Forwarded-For, lines joined by commas. Each trusted proxy has added one entry at its end; what
            stands further left is whatever the client wrote, and is not looked at.
        trusted_hops: how many proxies are trusted.

    Returns:
        An IPv4 address, an IPv6 network of 64 bits, or what else the entry says, shortened; the peer when there are
        fewer entries than hops.
    """
    address = peer
    if trusted_hops:
        entries = forwarded_for.split(",")
        if len(entries) >= trusted_hops:
            address = entries[-trusted_hops].strip() or peer
    return _client(address[:_LONGEST_ADDRESS_CHARACTERS])


@lru_cache(maxsize=4096)
def _client(address: str) -> str:
    try:
        ip = ip_address(address.removeprefix("[").partition("]")[0].partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ip_network((ip, _IPV6_CLIENT_PREFIX_BITS), strict=False))
    return str(ip)
