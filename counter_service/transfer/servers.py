"""The servers of one side of a transfer: each packet is sent until it is answered, or for so long.

Whatever a transfer sends may be sent again: it reads, or it sets what it has set before.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final, TypeVar

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from counter_service.errors import StoreMisconfiguredError, StoreUnavailableError
from counter_service.store.redis_address import Address
from counter_service.store.redis_errors import translated
from counter_service.store.redis_exchange import Command, Exchange
from counter_service.store.redis_lines import Lines
from counter_service.store.redis_topology import CLUSTER_SHARDS, Topology

Reply = TypeVar("Reply")

# Longest time for one attempt, seconds: a server may be busy for a second when it forgets a million paths.
_ATTEMPT_TIMEOUT_S: Final = 10.0
_PAUSE_S: Final = 0.2
# What Redis refuses now and may not refuse in a moment: restarts, failovers, slots on their way, a full memory or disk.
_PASSING: Final = (
    "LOADING",
    "READONLY",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "NOREPLICAS",
    "MOVED",
    "ASK",
    "TRYAGAIN",
    "BUSY",
    "UNBLOCKED",
    "OOM",
    "MISCONF",
)


class Script:
    """A Lua script beside this file. It is sent as text each time: packets are large and few."""

    def __init__(self, file: str) -> None:
        self._text = Path(__file__).with_name(file).read_bytes()

    def call(self, keys: Sequence[str], arguments: Sequence[str | int | bytes] = ()) -> Command:
        """Return the command that runs it."""
        return ("EVAL", self._text, len(keys), *keys, *arguments)


class Servers:
    """Sends commands to the servers of one side.

    Args:
        side: source or target, for messages.
        topology: which server has which shard.
        timeout_s: for how long a packet is sent again, seconds.
    """

    def __init__(self, side: str, topology: Topology, timeout_s: float) -> None:
        self._topology = topology
        self._side = side
        self._timeout_s = timeout_s
        self._lines = Lines(topology, Exchange)

    async def send(self, commands: Mapping[int, Command], lines: Lines | None = None) -> Mapping[int, Any]:
        """Send each shard's command to its server, and again until all are answered.

        Args:
            commands: by shard.
            lines: connections with a proof of their own, instead of those without.

        Raises:
            StoreMisconfiguredError: the servers have no append-only file to wait for.
            StoreUnavailableError: a server refuses for good, or did not answer in time; the message says which side.
        """
        return await self._patiently(lambda: (lines or self._lines).send(commands))

    async def with_replicas(self) -> AbstractSet[int]:
        """Return the shards that a replica follows.

        Raises:
            StoreUnavailableError: nobody knows.
        """
        primaries = await self._patiently(self._topology.primaries)
        replicas = await self._patiently(self._topology.replicas)
        return {shard for shard, primary in enumerate(primaries) if replicas[shard] != primary}

    async def aclose(self) -> None:
        """Close all connections but those of lines that were lent."""
        await self._lines.aclose()

    async def _patiently(self, call: Callable[[], Awaitable[Reply]]) -> Reply:
        give_up_at_s = time.monotonic() + self._timeout_s
        while True:
            try:
                async with asyncio.timeout(min(_ATTEMPT_TIMEOUT_S, self._timeout_s)):
                    return await call()
            except (RedisError, OSError, StoreUnavailableError) as error:
                self._topology.doubt()
                failure = translated(error) if isinstance(error, RedisError | OSError) else error
                if isinstance(failure, StoreMisconfiguredError):
                    raise failure from error
                if _is_final(error) or time.monotonic() + _PAUSE_S > give_up_at_s:
                    raise StoreUnavailableError(f"{self._side}: {failure}") from error
            await asyncio.sleep(_PAUSE_S)


class EveryShard:
    """A topology in which the one server has every shard that a counter can have, in whatever Redis it was."""

    shards = CLUSTER_SHARDS

    def __init__(self, one: Topology) -> None:
        self._one = one

    async def primaries(self) -> Sequence[Address]:
        """See Topology."""
        return [*await self._one.primaries()] * CLUSTER_SHARDS

    async def replicas(self) -> Sequence[Address]:
        """See Topology."""
        return [*await self._one.replicas()] * CLUSTER_SHARDS

    def connection_to(self, server: Address) -> AbstractConnection:
        """See Topology."""
        return self._one.connection_to(server)

    def doubt(self) -> None:
        """See Topology."""
        self._one.doubt()

    async def vouch(self, servers: Sequence[Address]) -> None:
        """See Topology."""
        await self._one.vouch(servers)


def _is_final(error: Exception) -> bool:
    """Whether asking again leads to the same answer."""
    if isinstance(error, AuthenticationError | NoPermissionError):
        return True
    return isinstance(error, ResponseError) and not str(error).startswith(_PASSING)
