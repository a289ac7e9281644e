"""Each shard's command to the server that has the shard: one packet to each server, all at the same time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from counter_service.store.redis_address import Address
from counter_service.store.redis_exchange import Command, Exchange
from counter_service.store.redis_topology import Topology

MakeExchange: TypeAlias = Callable[[Callable[[], AbstractConnection]], Exchange]


@dataclass(frozen=True, slots=True)
class Proof:
    """What each packet is to end with, so that its writes can be relied on.

    Attributes:
        commands: the packet's last commands.
        check: called with each of them and its answer; raises if that is not good enough.
    """

    commands: tuple[Command, ...]
    check: Callable[[Command, Any], None]


class Lines:
    """One connection to each server of a topology, for one purpose; made when first needed.

    Args:
        topology: which server has which shard.
        exchange: makes an exchange of what makes connections, such as one whose connection is renewed.
        to_replicas: whether to ask replicas, which answer reads only.
        proof: what ends each packet.
    """

    def __init__(
        self, topology: Topology, exchange: MakeExchange, *, to_replicas: bool = False, proof: Proof | None = None
    ) -> None:
        self._topology = topology
        self._make_exchange = exchange
        self._to_replicas = to_replicas
        self._proof = proof
        # A replica of a cluster answers only who says that it knows that it is one.
        self._head: list[Command] = [("READONLY",)] if to_replicas and topology.shards > 1 else []
        self._tail: tuple[Command, ...] = proof.commands if proof else ()
        self._exchanges: dict[Address, Exchange] = {}

    async def send(self, commands: Mapping[int, Command]) -> Mapping[int, Any]:
        """Send each shard's command to its server.

        Args:
            commands: by shard.

        Returns:
            The answers, by shard.

        Raises:
            RedisError, OSError: a server did not answer, or one of its answers is an error.
        """
        servers = await (self._topology.replicas() if self._to_replicas else self._topology.primaries())
        by_server: dict[Address, list[int]] = {}
        for shard in commands:
            by_server.setdefault(servers[shard], []).append(shard)
        packets = [
            self._exchange(server).send([*self._head, *(commands[shard] for shard in shards), *self._tail])
            for server, shards in by_server.items()
        ]
        answers: dict[int, Any] = {}
        for shards, received in zip(by_server.values(), await _all(packets), strict=True):
            for answer in received:
                if isinstance(answer, ResponseError):
                    raise answer
            if self._proof:
                for command, answer in zip(self._tail, received[-len(self._tail) :], strict=True):
                    self._proof.check(command, answer)
            answers.update(zip(shards, received[len(self._head) :], strict=False))
        if self._proof:
            await self._topology.vouch(servers)
        return answers

    async def aclose(self) -> None:
        """Close all connections."""
        for exchange in self._exchanges.values():
            await exchange.aclose()

    def _exchange(self, server: Address) -> Exchange:
        exchange = self._exchanges.get(server)
        if exchange is None:
            exchange = self._make_exchange(lambda: self._topology.connection_to(server))
            self._exchanges[server] = exchange
        return exchange


async def _all(packets: Sequence[Any]) -> Sequence[list[Any]]:
    """Wait for all; the first failure cancels the others."""
    if len(packets) == 1:
        return [await packets[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(packet) for packet in packets]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return [task.result() for task in tasks]
