"""Where a counter's shards are: on one server, on the primary that sentinels name, or spread over a Redis Cluster.

What is learnt is used until an exchange fails; then it is learnt anew. So a failover costs a failed attempt, and
nothing is asked for as long as all is well.
"""

import hashlib
import random
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol
from zlib import crc32

from redis.asyncio.connection import AbstractConnection
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError

from counter_service.store.redis_address import Address, RedisAddress
from counter_service.store.redis_exchange import first_told
from counter_service.store.redis_sentinel_group import NO_REPLICA_FOR_S, REPLICA_FOR_S, SentinelGroup

# Enough for an even spread over any sensible number of servers, few enough to ask all of them for a total. Changing it
# would lose sight of every count in every cluster.
CLUSTER_SHARDS: Final = 64


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

    async def vouch(self, servers: Sequence[Address]) -> None:
        """Return if those who have just answered were the primaries when they did.

        Args:
            servers: to which the shards were written, as of `primaries`.

        Raises:
            RedisError, OSError: it may be that one was not; what it was sent may be lost.
        """
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

    async def vouch(self, servers: Sequence[Address]) -> None:
        """See Topology: there is no other."""


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
            self._replicas_until_s = time.monotonic() + (REPLICA_FOR_S if all_have_one else NO_REPLICA_FOR_S)
        return self._replicas

    def connection_to(self, server: Address) -> AbstractConnection:
        """See Topology."""
        return self._address.connection_to(server)()

    def doubt(self) -> None:
        """See Topology."""
        self._known = self._replicas = None

    async def vouch(self, servers: Sequence[Address]) -> None:
        """See Topology: the servers themselves know, as replicas hear of the next primary from itself."""

    async def _learn(self) -> Sequence[tuple[Address, Sequence[Address]]]:
        """Return primary and replicas of each shard."""
        # In a random order, those of the URL last: a server that hangs must not be the first one every time.
        servers = [*random.sample(self._servers, len(self._servers)), *self._address.hosts]
        found = await first_told(servers, self._address.connection_to, ("CLUSTER", "SLOTS"), self._owners_of_shards)
        self._servers = sorted({member for primary, replicas in found for member in (primary, *replicas)})
        return found

    def _owners_of_shards(self, server: Address, ranges: Any) -> Sequence[tuple[Address, Sequence[Address]]]:
        known = [_owners(ranges, slot, server[0]) for slot in self._slots]
        found = [owners for owners in known if owners is not None]
        if len(found) < len(known):
            raise RedisConnectionError("CLUSTERDOWN not all slots are served")
        return found


def _owners(ranges: Any, slot: int, asked: str) -> tuple[Address, Sequence[Address]] | None:
    """Find a slot's servers in the answer to CLUSTER SLOTS; an empty host means the one that was asked."""
    for first, last, *servers in ranges:
        if first <= slot <= last and servers:
            primary, *replicas = [(host.decode() or asked, int(port)) for host, port, *_ in servers]
            return primary, replicas
    return None
