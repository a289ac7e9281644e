"""Marks, which tell whose a target's counts are, and what a transfer that finds them may do. Pure.

Each shard of the target has one, `{<counter>/<shard>}:transfer`. Beginning replaces it by one with a new attempt, and
every write of counts asks for exactly that mark. So the moment that a repeat begins or a transfer is completed, an
earlier attempt that still runs somewhere can write nothing more.

Shard 0's mark is begun first and completed last, so it speaks for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from counter_service.errors import TransferRefusedError


class Part(NamedTuple):
    """What a shard holds: the number of its paths, and the sum of their counts."""

    paths: int
    total: int


NOTHING = Part(0, 0)


class Mark(BaseModel, frozen=True):
    """One shard's mark.

    Attributes:
        id: the transfer's.
        attempt: which run of the transfer put it here.
        state: whether the counts beside it are all there.
        parts: by shard of the source, what this transfer's completed runs have brought; in shard 0's mark only.
        under_way: likewise, what the run that has begun is to bring.
    """

    id: str
    attempt: str
    state: Literal["begun", "completed"]
    parts: Mapping[int, Part] = Field(default_factory=dict)
    under_way: Mapping[int, Part] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard of the target as it was found.

    Attributes:
        part: what it holds.
        mark_text: its mark as it is stored; empty if there is none.
    """

    part: Part
    mark_text: str

    @property
    def mark(self) -> Mark | None:
        """Its mark, if there is one.

        Raises:
            TransferRefusedError: what is in its place is no mark.
        """
        try:
            return Mark.model_validate_json(self.mark_text) if self.mark_text else None
        except ValidationError as error:
            raise TransferRefusedError("the target has something else where a transfer's mark would be") from error

    def is_free_for(self, transfer_id: str) -> bool:
        """Whether it holds no counts but this transfer's."""
        return self.part == NOTHING or (self.mark is not None and self.mark.id == transfer_id)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do.

    Attributes:
        brought: by shard of the source, what this run is to bring.
        kept: likewise, what earlier runs have brought and what stays.
        forgets_first: whether what the target holds, of an earlier attempt, is to go first.
    """

    brought: Mapping[int, Part]
    kept: Mapping[int, Part]
    forgets_first: bool

    @property
    def whole(self) -> Mapping[int, Part]:
        """What the target holds afterwards, by shard of the source."""
        return {**self.kept, **self.brought}


def sum_of(parts: Mapping[int, Part] | Sequence[Part]) -> Part:
    """Return what all of them hold together."""
    each = list(parts.values()) if isinstance(parts, Mapping) else parts
    return Part(sum(part.paths for part in each), sum(part.total for part in each))


def completed_parts(transfer_id: str, target: Sequence[Shard]) -> Mapping[int, Part] | None:
    """Return what this transfer has brought if it was completed, else None."""
    mark = target[0].mark
    return mark.parts if mark and mark.id == transfer_id and mark.state == "completed" else None


def plan_to_copy(transfer_id: str, source: Mapping[int, Part], target: Sequence[Shard]) -> Plan:
    """Return how to copy a whole counter, or the first part of one, that was not completed before.

    Raises:
        TransferRefusedError: the target holds other counts.
    """
    mark = target[0].mark
    is_ours = mark is not None and mark.id == transfer_id
    if not all(shard.is_free_for(transfer_id) if is_ours else shard.part == NOTHING for shard in target):
        held = sum_of([shard.part for shard in target])
        raise TransferRefusedError(
            f"the target holds {held.paths} paths of this counter, with a total of {held.total}, that were not brought "
            f"there by transfer {transfer_id!r}"
        )
    return Plan(brought=source, kept={}, forgets_first=True)


def plan_to_merge(transfer_id: str, source: Mapping[int, Part], target: Sequence[Shard]) -> Plan | None:
    """Return how to add one more part of a cluster, or None if this very part was added before.

    Raises:
        TransferRefusedError: the transfer has not begun, was counted on since, has brought other counts of a shard, or
            is in the middle of another part.
    """
    mark = target[0].mark
    if mark is None or mark.id != transfer_id or not all(shard.is_free_for(transfer_id) for shard in target):
        raise TransferRefusedError(
            f"the target is not one that transfer {transfer_id!r} has begun; its first part is copied without --merge"
        )
    if mark.state == "begun":
        if mark.under_way != source:
            raise TransferRefusedError(
                f"another part of transfer {transfer_id!r} was begun and is to be repeated first"
            )
        return Plan(brought=source, kept=mark.parts, forgets_first=False)
    differing = sorted(shard for shard in source.keys() & mark.parts.keys() if source[shard] != mark.parts[shard])
    if differing:
        raise TransferRefusedError(
            f"transfer {transfer_id!r} has brought other counts of the source's shards {differing}"
        )
    if source.keys() <= mark.parts.keys():
        return None
    if sum_of([shard.part for shard in target]) != sum_of(mark.parts):
        raise TransferRefusedError(f"the target has been counted on since transfer {transfer_id!r} was completed")
    return Plan(brought=source, kept=mark.parts, forgets_first=False)
