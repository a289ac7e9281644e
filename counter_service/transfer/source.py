"""The side that is read: what a counter holds there, packet by packet, in whichever shards it is found."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias, TypeVar

from counter_service.errors import TransferError
from counter_service.store.redis_exchange import Command
from counter_service.store.redis_topology import CLUSTER_SHARDS, Topology, key_of, shard_of
from counter_service.transfer.marks import NOTHING, Part
from counter_service.transfer.servers import EveryShard, Script, Servers

_SURVEY: Final = Script("survey.lua")
_GET_ANSWERS: Final = Script("get_answers.lua")


Item = TypeVar("Item")


PathCount: TypeAlias = tuple[bytes, bytes]
"""A path, UTF-8, and its count, decimal."""


class Answer(NamedTuple):
    """The answer to an idempotency key: its digest, itself, and when it is forgotten (Unix time, milliseconds)."""

    digest: str
    text: bytes
    expires_at_ms: int


class SourceCounter:
    """A counter in the Redis it is copied from.

    A single server may have any of a cluster's shards: those of one primary, when its file was loaded. So on any kind
    of Redis all shards are looked for.

    Args:
        topology: of that Redis.
        counter: the counter's name there.
        timeout_s: for how long a server is asked again, seconds.
        max_paths_per_packet: how many paths are read at once.
    """

    def __init__(self, topology: Topology, counter: str, timeout_s: float, max_paths_per_packet: int) -> None:
        self._is_cluster = topology.shards == CLUSTER_SHARDS
        self._servers = Servers("source", topology if self._is_cluster else EveryShard(topology), timeout_s)
        self._counter = counter
        self._packet_paths = max_paths_per_packet

    async def survey(self) -> Mapping[int, Part]:
        """Return what each shard holds; shards without counts are left out.

        Raises:
            StoreError: no answer.
        """
        keys = {
            shard: [key_of(self._counter, shard, name) for name in ("counts", "total", "transfer")]
            for shard in range(CLUSTER_SHARDS)
        }
        replies = await self._servers.send({shard: _SURVEY.call(names) for shard, names in keys.items()})
        parts = {shard: Part(int(paths), int(total)) for shard, (paths, total, _) in replies.items()}
        return {shard: part for shard, part in parts.items() if part != NOTHING}

    async def counts(self, shards: Sequence[int], *, of_cluster: bool) -> AsyncIterator[Sequence[PathCount]]:
        """Go through all paths of some shards; one may come twice.

        Args:
            shards: which.
            of_cluster: whether a path must be in the shard that a cluster has it in.

        Raises:
            TransferError: it is not.
            StoreError: no answer.
        """
        for shard in shards:
            async for words in self._scan(shard, ("HSCAN", key_of(self._counter, shard, "counts"))):
                found = list(zip(words[::2], words[1::2], strict=True))
                for path, _ in found if of_cluster else ():
                    if shard_of(path, CLUSTER_SHARDS) != shard:
                        raise TransferError(
                            f"the source has path {path.decode()!r} in shard {shard}, where no cluster would have it"
                        )
                for some in _packets(found, self._packet_paths):
                    yield some

    async def answers(self) -> AsyncIterator[Sequence[Answer]]:
        """Go through all answers to idempotency keys; one may come twice.

        Raises:
            StoreError: no answer.
        """
        # In a cluster Redis looks only in the slot that a pattern names.
        shards: Mapping[int, int | str] = {n: n for n in range(CLUSTER_SHARDS)} if self._is_cluster else {0: "*"}
        for shard, named in shards.items():
            pattern = f"{{{self._counter}/{named}}}:once:*"
            async for keys in self._scan(shard, ("SCAN",), "MATCH", pattern):
                for some in _packets(keys, self._packet_paths):
                    yield await self._answers_of(some)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._servers.aclose()

    async def _scan(self, shard: int, command: Command, *options: str) -> AsyncIterator[Sequence[bytes]]:
        # A cursor means nothing to a server that was restarted in between: what is missed then, the totals show.
        cursor = b"0"
        while True:
            words: Command = (cursor, *options, "COUNT", self._packet_paths)
            cursor, found = (await self._servers.send({shard: (*command, *words)}))[shard]
            yield found
            if cursor == b"0":
                return

    async def _answers_of(self, keys: Sequence[bytes]) -> Sequence[Answer]:
        # Another counter's name may begin as this one's does: the pattern's asterisk may stand for more than digits.
        known = re.compile(rf"\{{{re.escape(self._counter)}/(\d\d?)\}}:once:([0-9a-f]{{40}})".encode())
        by_shard: dict[int, list[str]] = {}
        for match in filter(None, map(known.fullmatch, keys)):
            by_shard.setdefault(int(match[1]), []).append(match[2].decode())
        commands = {
            shard: _GET_ANSWERS.call([key_of(self._counter, shard, f"once:{digest}") for digest in digests])
            for shard, digests in by_shard.items()
        }
        replies = await self._servers.send(commands) if commands else {}
        return [
            Answer(digest, text, int(expires_at_ms))
            for shard, words in replies.items()
            for digest, text, expires_at_ms in zip(by_shard[shard], words[::2], words[1::2], strict=True)
            if int(expires_at_ms) > 0
        ]


def _packets(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut; Redis may return more at once than it was asked for."""
    return (items[start : start + size] for start in range(0, len(items), size))
