"""Where a counter's shards are: on one server, on the primary that sentinels name, or spread over a Redis Cluster.

What is learnt is used until an exchange fails; then it is learnt anew. So a failover costs a failed attempt, and
nothing is asked for as long as all is well.
"""

import asyncio
import hashlib
import random
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, Protocol
from zlib import crc32

import structlog
from redis.asyncio.connection import AbstractConnection
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from counter_service.store.redis_address import Address, RedisAddress
from counter_service.store.redis_exchange import Exchange

# Enough for an even spread over any sensible number of servers, few enough to ask all of them for a total. Changing it
# would lose sight of every count in every cluster.
CLUSTER_SHARDS: Final = 64
# How long one server is asked for the way, seconds: there must be time left to ask another.
_ASK_TIMEOUT_S: Final = 0.5

# How long a replica is used before it is chosen anew, seconds, so that new ones get their part; and for how long the
# primary is used where there was none.
_REPLICA_FOR_S: Final = 30.0
_NO_REPLICA_FOR_S: Final = 1.0

_log = structlog.get_logger()


class Topology(Protocol):
    """Tells which server has which shards. Errors are redis-py's and the network's."""

    shards: int

    async def primaries(self) -> Sequence[Address]:
        """Return the server to write each shard to, by shard."""
        ...

    async def replicas(self) -> Sequence[Address]:
        """Return a server to read each shard from that need not be up to date; the primary where there is no other."""
        ...

    def connection_to(self, server: Address) -> AbstractConnection:
        """Return a new connection to one of these servers, not connected yet."""
        ...

    def doubt(self) -> None:
        """Take note that an exchange failed: what was learnt may be over."""
        ...


def topology_of(address: RedisAddress, counter: str) -> Topology:
    """Return the topology of this kind of Redis for a counter."""
    if address.kind == "sentinel":
        return SentinelGroup(address)
    if address.kind == "cluster":
        return RedisClusterMap(address, counter)
    return SingleServer(address)


def key_of(counter: str, shard: int, suffix: str) -> str:
    """Return a key: what belongs to one shard has one hash tag, so that a script finds it all in one slot."""
    return f"{{{counter}/{shard}}}:{suffix}"


def shard_of(path: bytes, shards: int) -> int:
    """Return which of so many shards a path belongs to."""
    return crc32(path) % shards


def once_digest(path: str, key: str) -> str:
    """Return what the answer to an idempotency key is known by in its shard."""
    # With the path's CRC, so that the shard can be told where only the digest is known; see `shard_of_once`.
    digest = hashlib.blake2b(f"{path}\n{key}".encode(), digest_size=16).hexdigest()
    return f"{crc32(path.encode()):08x}{digest}"


def shard_of_once(digest: str, shards: int) -> int:
    """Return which of so many shards an answer with this `once_digest` belongs to, which is its path's."""
    return int(digest[:8], 16) % shards


class SingleServer:
    """All in one place."""

    shards = 1

    def __init__(self, address: RedisAddress) -> None:
        self._address = address

    async def primaries(self) -> Sequence[Address]:
        """See Topology."""
        return self._address.hosts

    async def replicas(self) -> Sequence[Address]:
        """See Topology."""
        return self._address.hosts

    def connection_to(self, server: Address) -> AbstractConnection:
        """See Topology."""
        return self._address.connection_to(server)()

    def doubt(self) -> None:
        """See Topology."""


class SentinelGroup:
    """A primary with replicas; sentinels say which is which.

    Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/
    """

    shards = 1

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._sentinels = list(address.hosts)
        self._primary: Address | None = None
        self._replica: Address | None = None
        self._replica_until_s = 0.0

    async def primaries(self) -> Sequence[Address]:
        """See Topology."""
        if self._primary is None:
            host, port = await self._ask("GET-MASTER-ADDR-BY-NAME")
            self._primary = host.decode(), int(port)
            _log.info("primary found", group=self._address.group, primary=self._primary)
        return [self._primary]

    async def replicas(self) -> Sequence[Address]:
        """See Topology."""
        if self._replica is None or time.monotonic() > self._replica_until_s:
            replicas = [_fields(replica) for replica in await self._ask("REPLICAS")]
            usable = [
                (replica["ip"], int(replica["port"]))
                for replica in replicas
                if not {"s_down", "o_down", "disconnected"} & set(replica["flags"].split(","))
                and replica["master-link-status"] == "ok"
            ]
            # A random one, so that many processes use all of them.
            self._replica = random.choice(usable) if usable else (await self.primaries())[0]  # noqa: S311 -- no secret
            self._replica_until_s = time.monotonic() + (_REPLICA_FOR_S if usable else _NO_REPLICA_FOR_S)
        return [self._replica]

    def connection_to(self, server: Address) -> AbstractConnection:
        """See Topology."""
        return self._address.connection_to(server)()

    def doubt(self) -> None:
        """See Topology."""
        self._primary = self._replica = None

    async def _ask(self, question: str) -> Any:
        """Ask one sentinel after the other until one answers; who answered is asked first the next time."""
        failure: Exception = RedisConnectionError("no sentinel was given")
        for number, sentinel in enumerate(self._sentinels):
            exchange = Exchange(self._address.connection_to_sentinel(sentinel))
            try:
                answer = await _within_moments(exchange.ask("SENTINEL", question, self._address.group))
            except (RedisError, OSError) as error:
                failure = error
                continue
            finally:
                await exchange.aclose()
            if answer is not None:
                self._sentinels.insert(0, self._sentinels.pop(number))
                return answer
            failure = RedisConnectionError(f"the sentinels know no group {self._address.group!r}")
        raise failure


class RedisClusterMap:
    """Slots spread over primaries, each with replicas; any server knows them all."""

    shards = CLUSTER_SHARDS

    def __init__(self, address: RedisAddress, counter: str) -> None:
        self._address = address
        self._slots = [key_slot(key_of(counter, shard, "").encode()) for shard in range(CLUSTER_SHARDS)]
        self._known: Sequence[tuple[Address, Sequence[Address]]] | None = None
        self._servers: Sequence[Address] = address.hosts
        self._replicas: Sequence[Address] | None = None
        self._replicas_until_s = 0.0

    async def primaries(self) -> Sequence[Address]:
        """See Topology."""
        if self._known is None:
            self._known = await self._learn()
        return [primary for primary, _ in self._known]

    async def replicas(self) -> Sequence[Address]:
        """See Topology."""
        if self._replicas is None or time.monotonic() > self._replicas_until_s:
            known = await self._learn()
            self._replicas = [
                random.choice(replicas) if replicas else primary  # noqa: S311 -- no secret
                for primary, replicas in known
            ]
            all_have_one = all(replicas for _, replicas in known)
            self._replicas_until_s = time.monotonic() + (_REPLICA_FOR_S if all_have_one else _NO_REPLICA_FOR_S)
        return self._replicas

    def connection_to(self, server: Address) -> AbstractConnection:
        """See Topology."""
        return self._address.connection_to(server)()

    def doubt(self) -> None:
        """See Topology."""
        self._known = self._replicas = None

    async def _learn(self) -> Sequence[tuple[Address, Sequence[Address]]]:
        """Return primary and replicas of each shard."""
        failure: Exception = RedisConnectionError("no server was given")
        # In a random order, those of the URL last: a server that hangs must not be the first one every time.
        for server in [*random.sample(self._servers, len(self._servers)), *self._address.hosts]:
            exchange = Exchange(self._address.connection_to(server))
            try:
                ranges = await _within_moments(exchange.ask("CLUSTER", "SLOTS"))
            except (RedisError, OSError) as error:
                failure = error
                continue
            finally:
                await exchange.aclose()
            known = [_owners(ranges, slot, server[0]) for slot in self._slots]
            if None not in known:
                found = [owners for owners in known if owners is not None]
                self._servers = sorted({member for primary, replicas in found for member in (primary, *replicas)})
                return found
            failure = RedisConnectionError("CLUSTERDOWN not all slots are served")
        raise failure


async def _within_moments(answer: Awaitable[Any]) -> Any:
    """Wait for the answer, but not for long."""
    try:
        async with asyncio.timeout(_ASK_TIMEOUT_S):
            return await answer
    except TimeoutError as error:
        raise RedisConnectionError("no answer") from error


def _fields(pairs: Sequence[bytes]) -> Mapping[str, str]:
    words = [word.decode() for word in pairs]
    return dict(zip(words[::2], words[1::2], strict=True))


def _owners(ranges: Any, slot: int, asked: str) -> tuple[Address, Sequence[Address]] | None:
    """Find a slot's servers in the answer to CLUSTER SLOTS; an empty host means the one that was asked."""
    for first, last, *servers in ranges:
        if first <= slot <= last and servers:
            primary, *replicas = [(host.decode() or asked, int(port)) for host, port, *_ in servers]
            return primary, replicas
    return None
