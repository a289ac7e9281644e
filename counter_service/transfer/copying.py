"""The sequence of a transfer: look, take over, copy, look again, complete."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from counter_service.errors import TransferError
from counter_service.transfer.marks import Part, completed_parts, plan_to_copy, plan_to_merge, sum_of
from counter_service.transfer.source import PathCount, SourceCounter
from counter_service.transfer.target import TargetCounter

# How many paths are compared one by one at the end.
_SAMPLE_PATHS: Final = 1000


@dataclass(slots=True)
class Progress:
    """How far a transfer is: paths and answers copied, and how many paths there are (unknown at first: 0)."""

    paths: int = 0
    answers: int = 0
    all_paths: int = 0


class _Sample:
    """A random choice of what goes by, however much that is; each has the same chance (Vitter's algorithm R)."""

    def __init__(self) -> None:
        self.chosen: list[PathCount] = []
        self._seen = 0

    def add(self, counts: Sequence[PathCount]) -> None:
        for count in counts:
            self._seen += 1
            if len(self.chosen) < _SAMPLE_PATHS:
                self.chosen.append(count)
            elif (place := random.randrange(self._seen)) < _SAMPLE_PATHS:  # noqa: S311 -- no secret
                self.chosen[place] = count


async def transfer(
    source: SourceCounter, target: TargetCounter, transfer_id: str, *, merge: bool, progress: Progress
) -> Part:
    """Copy a counter, if this transfer has not done so before.

    Args:
        source: where its counts are; the counter's service is stopped.
        target: where they are to be.
        transfer_id: names the transfer.
        merge: whether the source is one more part of a cluster, to be added to those this transfer has brought before.
        progress: kept up to date.

    Returns:
        What the transfer has brought, all parts together.

    Raises:
        TransferRefusedError: the target is not this transfer's; it was not touched.
        TransferError: the source was written to meanwhile, or the target is not what it must be.
        StoreError: a server did not answer or refused.
    """
    found = await target.survey()
    completed = completed_parts(transfer_id, found)
    if completed is not None and not merge:
        return sum_of(completed)
    parts = await source.survey()
    plan = plan_to_merge(transfer_id, parts, found) if merge else plan_to_copy(transfer_id, parts, found)
    if plan is None:
        return sum_of(completed or {})
    progress.all_paths = sum_of(parts).paths
    await target.begin(plan, found)
    # A counter of one shard has all in shard 0.
    of_cluster = merge or any(shard > 0 for shard in parts)
    sample = await _copy(source, target, source.counts(sorted(parts), of_cluster=of_cluster), progress)
    if await source.survey() != parts:
        raise TransferError("the source was counted on during the transfer; stop the counter's service first")
    await target.check(sample)
    await target.complete(plan)
    return sum_of(plan.whole)


async def _copy(
    source: SourceCounter, target: TargetCounter, all_counts: AsyncIterator[Sequence[PathCount]], progress: Progress
) -> Sequence[PathCount]:
    """Copy the counts, and the source's answers, and return some of the counts."""
    sample = _Sample()
    async for counts in all_counts:
        await target.set_counts(counts)
        sample.add(counts)
        progress.paths += len(counts)
    async for answers in source.answers():
        await target.set_answers(answers)
        progress.answers += len(answers)
    return sample.chosen
