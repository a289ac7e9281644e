"""Counts in Redis (8.0 and later): on one server, behind sentinels, or in a Redis Cluster; one Lua script per batch.

A counter's data lives in groups of keys with one hash tag each, the shards:
`{<counter>/<shard>}:counts` (hash path -> count), `:total`, `:writer:<id>`, `:once:<digest>`. There is one shard where
one server has everything, and 64 in a cluster; a path's shard follows from the path alone. `:transfer` says which
transfer brought the counts here, if one did (`counter_service.transfer`).

A batch goes out as one packet to each server that has some of it. Each shard applies its part exactly once, so when any
part is not answered, the whole batch is sent again.
"""

import hashlib
import math
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from redis.exceptions import NoScriptError, RedisError

from counter_service.store.base import IDEMPOTENCY_EXPIRY_S, WRITER_EXPIRY_S, Batch
from counter_service.store.redis_address import RedisAddress
from counter_service.store.redis_errors import translated
from counter_service.store.redis_exchange import Command
from counter_service.store.redis_lines import Lines, Proof
from counter_service.store.redis_proof import proof_of
from counter_service.store.redis_renewal import Renewal
from counter_service.store.redis_topology import Topology, key_of, once_digest, shard_of, topology_of

Durability = Literal["None", "Persisted", "Replicated"]


class _Script:
    """A Lua script beside this file, called by its digest."""

    def __init__(self, file: str) -> None:
        self.text = Path(__file__).with_name(file).read_bytes()
        self.digest = hashlib.sha1(self.text, usedforsecurity=False).hexdigest()  # EVALSHA's own choice of digest

    def call(self, keys: Sequence[str], arguments: Sequence[str | int], *, by_text: bool) -> Command:
        """Return the command that runs it; by text Redis learns it, by digest it must know it."""
        how: Command = ("EVAL", self.text) if by_text else ("EVALSHA", self.digest)
        return (*how, len(keys), *keys, *arguments)


_INCREMENT: Final = _Script("increment.lua")
_INCREMENT_ONCE: Final = _Script("increment_once.lua")
_DELETE: Final = _Script("delete.lua")
_REFUSED: Final = b"-"
# How long Redis may hold back the answer to a proof before it says "not yet" and the batch is sent again, milliseconds.
_PROOF_TIMEOUT_MS: Final = 1000
# The same when it is only asked whether it could.
_PING_TIMEOUT_MS: Final = 500
_SCAN_CHUNK_PATHS: Final = 1000
_GLOB_CHARACTERS: Final = re.compile(r"([*?\[\]\\^-])")


class RedisStore:
    """A CounterStore in Redis; see CounterStore for what its methods promise.

    Args:
        address: which Redis.
        counter: the prefix of every key; several counters can share a server.
        max_paths: how many paths the counter may hold; of several shards each has its part, with some room above it
            because paths do not spread evenly, so that there may be some percent more.
        durability: what a reply promises (docs/durability.md).
        read_from_replicas: whether `read` and `total` may be answered by replicas, which can be behind.
    """

    def __init__(
        self,
        address: RedisAddress,
        *,
        counter: str,
        max_paths: int,
        durability: Durability,
        read_from_replicas: bool = False,
    ) -> None:
        self._topology = topology_of(address, counter)
        self._renewal = Renewal(address)
        self._doubts = _Doubts(self._topology)
        self._key_starts = [key_of(counter, shard, "") for shard in range(self._topology.shards)]
        self._max_paths = _part_of(max_paths, self._topology.shards)
        self._durability = durability
        proof = _proof(durability, _PROOF_TIMEOUT_MS)
        # Apart, so that nothing waits behind a slow disk but what must.
        self._batches = Lines(self._topology, self._renewal.exchange, proof=proof)
        self._writes = Lines(self._topology, self._renewal.exchange, proof=proof)
        self._reads = Lines(self._topology, self._renewal.exchange, to_replicas=read_from_replicas)
        self._rest = Lines(self._topology, self._renewal.exchange)

    async def increment(self, batch: Batch) -> Sequence[int | None]:
        """See CounterStore. Counts are exact up to 2**53, where Lua's numbers end."""
        with self._doubts:
            try:
                return await self._increment(batch, by_text=False)
            except NoScriptError:
                # A restart, SCRIPT FLUSH or failover lost it.
                return await self._increment(batch, by_text=True)

    async def increment_once(self, path: str, key: str) -> int | None:
        """See CounterStore."""
        names = ["counts", "total", f"once:{once_digest(path, key)}"]
        reply = await self._run(_INCREMENT_ONCE, path, names, [self._max_paths, IDEMPOTENCY_EXPIRY_S])
        return None if reply == _REFUSED else int(reply)

    async def delete(self, path: str) -> int:
        """See CounterStore."""
        return int(await self._run(_DELETE, path, ["counts", "total"], []))

    async def read(self, paths: Sequence[str]) -> Sequence[int]:
        """See CounterStore; with read_from_replicas, what was counted in the last moments may be missing."""
        with self._doubts:
            by_shard = self._by_shard(paths)
            commands = {shard: ("HMGET", self._key(shard, "counts"), *some) for shard, some in by_shard.items()}
            values = await self._reads.send(commands)
            if len(values) == 1:
                return [int(value or 0) for some in values.values() for value in some]
            counts = {
                path: int(value or 0)
                for shard, some in by_shard.items()
                for path, value in zip(some, values[shard], strict=True)
            }
        return [counts[path] for path in paths]

    async def total(self) -> int:
        """See CounterStore; one lookup for each shard."""
        with self._doubts:
            shards = range(self._topology.shards)
            values = await self._reads.send({shard: ("GET", self._key(shard, "total")) for shard in shards})
        return sum(int(value or 0) for value in values.values())

    async def scan(self, prefix: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """See CounterStore."""
        pattern = _GLOB_CHARACTERS.sub(r"\\\1", prefix) + "*"
        for shard in range(self._topology.shards):
            cursor = b"0"
            while True:
                command = ("HSCAN", self._key(shard, "counts"), cursor, "MATCH", pattern, "COUNT", _SCAN_CHUNK_PATHS)
                with self._doubts:
                    cursor, words = (await self._rest.send({shard: command}))[shard]
                yield [(path.decode(), int(count)) for path, count in zip(words[::2], words[1::2], strict=True)]
                if cursor == b"0":
                    break

    async def ping(self) -> None:
        """See CounterStore.

        Raises:
            StoreMisconfiguredError: durability needs the append-only file, and Redis says it cannot wait for it.
        """
        proof = _proof(self._durability, _PING_TIMEOUT_MS)
        with self._doubts:
            # In a cluster each server has many shards; one of each will do, but which has which is known only there.
            shards = range(self._topology.shards)
            for command in proof.commands if proof else (("PING",),):
                answers = await self._rest.send(dict.fromkeys(shards, command))
                for answer in answers.values():
                    if proof:
                        proof.check(command, answer)

    async def aclose(self) -> None:
        """See CounterStore."""
        await self._renewal.aclose()
        for lines in (self._batches, self._writes, self._reads, self._rest):
            await lines.aclose()

    async def _increment(self, batch: Batch, *, by_text: bool) -> Sequence[int | None]:
        by_shard = self._by_shard(batch.increments)
        commands = {}
        for shard, paths in by_shard.items():
            keys = [self._key(shard, name) for name in ("counts", "total", f"writer:{batch.writer_id}")]
            amounts: Iterable[tuple[str | int, ...]] = zip(paths, map(batch.increments.__getitem__, paths), strict=True)
            arguments = (batch.sequence, self._max_paths, WRITER_EXPIRY_S, *chain.from_iterable(amounts))
            commands[shard] = _INCREMENT.call(keys, arguments, by_text=by_text)
        replies = await self._batches.send(commands)
        if len(replies) == 1:
            (reply,) = replies.values()
            return [None if count == _REFUSED else int(count) for count in reply.split()]
        counts = {
            path: count
            for shard, paths in by_shard.items()
            for path, count in zip(paths, replies[shard].split(), strict=True)
        }
        return [None if counts[path] == _REFUSED else int(counts[path]) for path in batch.increments]

    async def _run(self, script: _Script, path: str, key_names: Sequence[str], arguments: Sequence[int]) -> bytes:
        """Run a script for one path, and wait for the disks."""
        shard = self._shard_of(path)
        keys = [self._key(shard, name) for name in key_names]
        with self._doubts:
            for by_text in (False, True):
                command = script.call(keys, [path, *arguments], by_text=by_text)
                try:
                    replies = await self._writes.send({shard: command})
                    return bytes(replies[shard])
                except NoScriptError:
                    if by_text:
                        raise
        raise AssertionError("unreachable")

    def _key(self, shard: int, suffix: str) -> str:
        return self._key_starts[shard] + suffix

    def _shard_of(self, path: str) -> int:
        return shard_of(path.encode(), self._topology.shards)

    def _by_shard(self, paths: Iterable[str]) -> Mapping[int, Sequence[str]]:
        if self._topology.shards == 1:
            some = list(paths)
            return {0: some} if some else {}
        by_shard: dict[int, list[str]] = {}
        for path in paths:
            by_shard.setdefault(self._shard_of(path), []).append(path)
        return by_shard


def _part_of(max_paths: int, shards: int) -> int:
    """Return how many paths one of the shards may hold: its part and, of several, four standard deviations."""
    part = max_paths / shards
    return max_paths if shards == 1 else math.ceil(part + 4 * math.sqrt(part))


def _proof(durability: Durability, timeout_ms: int) -> Proof | None:
    return proof_of(disk=durability != "None", replica=durability == "Replicated", timeout_ms=timeout_ms)


class _Doubts:
    """Has the topology learnt anew after any failure, a cancelled exchange included, and translates errors."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology

    def __enter__(self) -> None:
        """Watch."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Doubt and translate, if there was an error."""
        if error is None or isinstance(error, NoScriptError):
            return
        self._topology.doubt()
        if isinstance(error, RedisError | OSError):
            raise translated(error) from error
