"""The side that is written to: sets counts where they belong, as long as the transfer's mark is there."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Final, Literal, TypeVar

from counter_service.errors import StoreMisconfiguredError, TransferError
from counter_service.store.redis_exchange import Command, Exchange
from counter_service.store.redis_lines import Lines
from counter_service.store.redis_proof import proof_of
from counter_service.store.redis_topology import Topology, key_of, shard_of, shard_of_once
from counter_service.transfer.marks import Mark, Part, Plan, Shard, sum_of
from counter_service.transfer.servers import Script, Servers
from counter_service.transfer.source import Answer, PathCount

_SURVEY: Final = Script("survey.lua")
_MARK: Final = Script("mark.lua")
_SET_COUNTS: Final = Script("set_counts.lua")
_SET_ANSWERS: Final = Script("set_answers.lua")
# How long Redis may hold back the answer to a proof before it is asked again, milliseconds; an append-only file that is
# synced every second takes as long.
_PROOF_TIMEOUT_MS: Final = 3000

Item = TypeVar("Item")


class TargetCounter:
    """A counter in the Redis it is copied to.

    Args:
        topology: of that Redis.
        counter: the counter's name there.
        timeout_s: for how long a server is asked again, seconds.
        transfer_id: names the transfer.
    """

    def __init__(self, topology: Topology, counter: str, timeout_s: float, transfer_id: str) -> None:
        self._topology = topology
        self._servers = Servers("target", topology, timeout_s)
        self._counter = counter
        self._shards = range(topology.shards)
        self._transfer_id = transfer_id
        self._attempt = secrets.token_hex(8)
        self._marks: Sequence[str] = []
        self._proving: dict[tuple[bool, bool], Lines] = {}

    async def survey(self) -> Sequence[Shard]:
        """Return what each shard holds, and its mark.

        Raises:
            StoreError: no answer.
        """
        replies = await self._servers.send({shard: _SURVEY.call(self._keys(shard)) for shard in self._shards})
        found = (replies[shard] for shard in self._shards)
        return [Shard(Part(int(paths), int(total)), mark.decode()) for paths, total, mark in found]

    async def begin(self, plan: Plan, found: Sequence[Shard]) -> None:
        """Take the target over, from an earlier attempt or from nobody.

        Args:
            plan: what is to be kept and brought.
            found: what the survey said.

        Raises:
            StoreError: no answer, or a shard is not any more what the survey said.
        """
        self._marks = self._marks_with(state="begun", parts=plan.kept, under_way=plan.brought)
        # Shard 0 first: see `marks`.
        for shards in (self._shards[:1], self._shards[1:]):
            await self._servers.send(self._marking(shards, found, self._marks, forgetting=plan.forgets_first))

    async def set_counts(self, counts: Sequence[PathCount]) -> None:
        """Set the counts of some paths, each in its shard, together with the totals.

        Raises:
            StoreError: no answer, or another attempt has taken over.
        """
        by_shard = _by_shard(counts, self._shard_of)
        await self._servers.send(
            {
                shard: _SET_COUNTS.call(
                    self._keys(shard),
                    [self._marks[shard], sum(int(count) for _, count in some), *chain.from_iterable(some)],
                )
                for shard, some in by_shard.items()
            }
        )

    async def set_answers(self, answers: Sequence[Answer]) -> None:
        """Set some answers to idempotency keys, each in its path's shard.

        Raises:
            StoreError: no answer, or another attempt has taken over.
        """
        by_shard = _by_shard(answers, lambda answer: shard_of_once(answer.digest, len(self._shards)))
        commands = {}
        for shard, some in by_shard.items():
            names = ["transfer", *(f"once:{answer.digest}" for answer in some)]
            values = [value for answer in some for value in (answer.text, answer.expires_at_ms)]
            keys = [key_of(self._counter, shard, name) for name in names]
            commands[shard] = _SET_ANSWERS.call(keys, [self._marks[shard], *values])
        await self._servers.send(commands)

    async def check(self, sample: Sequence[PathCount]) -> None:
        """Read some paths, and compare.

        Raises:
            TransferError: one has another count.
            StoreError: no answer.
        """
        by_shard = _by_shard(sample, self._shard_of)
        replies = await self._servers.send(
            {
                shard: ("HMGET", key_of(self._counter, shard, "counts"), *(path for path, _ in some))
                for shard, some in by_shard.items()
            }
        )
        for shard, counts in by_shard.items():
            for (path, count), held in zip(counts, replies[shard], strict=True):
                if held != count:
                    raise TransferError(f"the target has {held!r} for path {path.decode()!r}, the source {count!r}")

    async def complete(self, plan: Plan) -> None:
        """Mark all shards as completed, when all that they hold is where the target's own durability has it.

        Args:
            plan: says what they must hold together.

        Raises:
            TransferError: they hold something else.
            StoreError: no answer, a shard changes meanwhile, or its disk or replica does not follow.
        """
        found = await self.survey()
        held, wanted = sum_of([shard.part for shard in found]), sum_of(plan.whole)
        if held != wanted:
            raise TransferError(
                f"the counts that were copied are {held.paths} paths with a total of {held.total}, and the source has "
                f"{wanted.paths} paths with a total of {wanted.total}"
            )
        completed = self._marks_with(state="completed", parts=plan.whole)
        # Each step is proved before the next. First the mark there is: what was written before it has arrived with it.
        # Shard 0 last: see `marks`.
        steps = ((self._marks, self._shards), (completed, self._shards[1:]), (completed, self._shards[:1]))
        for marks, shards in steps:
            await self._prove(self._marking(shards, found, marks))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._servers.aclose()
        for lines in self._proving.values():
            await lines.aclose()

    async def _prove(self, commands: Mapping[int, Command]) -> None:
        """Send, and wait for the disk where there is an append-only file, and for a replica where there is one."""
        disk, replicated = await self._has_append_only_file(), await self._servers.with_replicas()
        by_proof: dict[tuple[bool, bool], dict[int, Command]] = {}
        for shard, command in commands.items():
            by_proof.setdefault((disk, shard in replicated), {})[shard] = command
        for kind, some in by_proof.items():
            if kind not in self._proving:
                proof = proof_of(disk=disk, replica=kind[1], timeout_ms=_PROOF_TIMEOUT_MS)
                self._proving[kind] = Lines(self._topology, Exchange, proof=proof)
            await self._servers.send(some, self._proving[kind])

    async def _has_append_only_file(self) -> bool:
        try:
            await self._servers.send(dict.fromkeys(self._shards, ("WAITAOF", 1, 0, 1)))
        except StoreMisconfiguredError:
            return False
        return True

    def _marking(
        self, shards: Sequence[int], found: Sequence[Shard], marks: Sequence[str], *, forgetting: bool = False
    ) -> Mapping[int, Command]:
        return {
            shard: _MARK.call(
                self._keys(shard),
                [found[shard].mark_text, marks[shard], *found[shard].part, "1" if forgetting else "0"],
            )
            for shard in shards
        }

    def _marks_with(self, *, state: Literal["begun", "completed"], **parts: Mapping[int, Part]) -> Sequence[str]:
        """Return each shard's mark: the first one's with the parts."""
        first = Mark(id=self._transfer_id, attempt=self._attempt, state=state, **parts)
        other = first.model_copy(update={name: {} for name in parts})
        return [(other if shard else first).model_dump_json() for shard in self._shards]

    def _shard_of(self, count: PathCount) -> int:
        return shard_of(count[0], len(self._shards))

    def _keys(self, shard: int) -> Sequence[str]:
        return [key_of(self._counter, shard, name) for name in ("counts", "total", "transfer")]


def _by_shard(items: Sequence[Item], shard_of_item: Callable[[Item], int]) -> Mapping[int, Sequence[Item]]:
    by_shard: dict[int, list[Item]] = {}
    for item in items:
        by_shard.setdefault(shard_of_item(item), []).append(item)
    return by_shard
