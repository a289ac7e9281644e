"""The two kinds of group: increments, committed exactly once, and reads.

Per path, one increment of n; its n callers get base+1 .. base+n, in order of arrival. See `grouping` for how groups
form and end.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from counter_service.errors import StaleBatchError, TooManyPathsError
from counter_service.grouping import Group, GroupLimits, GroupQueue
from counter_service.metrics import ServiceMetrics
from counter_service.store.base import Batch, CounterStore

# What to ask a ReadQueue for to get the sum of all counts; no path is empty.
TOTAL: Final = ""


class IncrementQueue(GroupQueue):
    """Counts requests: `request(path)` returns the path's count with this very request included.

    This queue is one writer in the sense of CounterStore. A group becomes one batch, numbered when it is first sent
    and sent unchanged until the store's answer is known or every caller's time is up. An abandoned batch may still be
    applied later, but only before any batch that follows it: the store refuses lower numbers. Then its requests are
    counted and were answered 503; never the other way round.
    """

    operation = "increment"

    def __init__(self, store: CounterStore, limits: GroupLimits, metrics: ServiceMetrics) -> None:
        super().__init__(store, limits, metrics)
        self._writer_id = secrets.token_hex(8)
        self._sequence = 0

    async def _exchange(self, group: Group) -> Callable[[], None]:
        if not group.waiters:
            return lambda: None
        self._sequence += 1
        amounts = {path: len(waiters) for path, waiters in group.waiters.items()}
        batch = Batch(self._writer_id, self._sequence, amounts)
        try:
            counts = await self._resender.send(lambda: self._store.increment(batch), group.deadline_s)
        except StaleBatchError:
            # Somebody else counts under our name. Nothing we send can be told from theirs, so take another name.
            self._writer_id = secrets.token_hex(8)
            raise
        return partial(_tell_shares, group, counts)


class ReadQueue(GroupQueue):
    """Reads counts: `request(path)` returns the path's count, `request(TOTAL)` their sum.

    A request never joins an exchange that is already under way, so it sees every count acknowledged before it arrived.
    """

    operation = "read"

    async def _exchange(self, group: Group) -> Callable[[], None]:
        paths = [path for path in group.waiters if path != TOTAL]
        values = await self._resender.send(lambda: self._store.read(paths), group.deadline_s)
        counts = dict(zip(paths, values, strict=True))
        if TOTAL in group.waiters:
            counts[TOTAL] = await self._resender.send(self._store.total, group.deadline_s)
        return partial(_tell_counts, group, counts)


def _tell_shares(group: Group, counts: Sequence[int | None]) -> None:
    """Give each path's waiters the numbers up to its count, in order of arrival."""
    for waiters, count in zip(group.waiters.values(), counts, strict=True):
        if count is None:
            refusal = TooManyPathsError()
            for waiter in waiters:
                waiter.fail(refusal)
        else:
            for number, waiter in enumerate(waiters, start=count - len(waiters) + 1):
                waiter.resolve(number)


def _tell_counts(group: Group, counts: Mapping[str, int]) -> None:
    for path, waiters in group.waiters.items():
        for waiter in waiters:
            waiter.resolve(counts[path])
