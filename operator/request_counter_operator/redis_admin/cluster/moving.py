"""Moves slots from one primary to another. Those that never have a key, nearly all, are just reassigned."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import structlog

from request_counter_operator.redis_admin.cluster.carrying import Ends, carry, settle
from request_counter_operator.redis_admin.cluster.decision import Move
from request_counter_operator.redis_admin.connection import Door, asking

log = structlog.get_logger()

BUDGET_S = 5.0
"""For how long slots are moved before the servers are looked at again."""

_SLOTS_AT_ONCE = 256


async def move_slots(
    moves: Iterable[Move],
    tagged: Collection[int],
    doors: Mapping[str, Door],
    may_act: Callable[[], bool],
    clock: Callable[[], float],
) -> None:
    """Move as many slots as can be moved in a few seconds.

    Args:
        moves: what is to be moved.
        tagged: slots in which keys may appear at any time.
        doors: where each server listens, by its pod.
        may_act: whether anything may be changed just now; asked again and again.
        clock: a monotonic clock, in seconds.

    Raises:
        RedisSilentError: A server did not answer or refused. Each slot has one owner, with all its keys, all the same.
    """
    until_s = clock() + BUDGET_S
    for some in _batches(moves):
        if not may_act() or clock() > until_s:
            return
        ends = Ends.of(some[0], doors)
        slots = [move.slot for move in some]
        with_keys = await _with_keys(slots, tagged, ends)
        await _reassign([slot for slot in slots if slot not in with_keys], ends)
        for slot in sorted(with_keys):
            if not may_act() or clock() > until_s:
                return
            keys = await carry(slot, ends)
            log.info("slot moved", slot=slot, keys=keys, source=ends.source.name, target=ends.target.name)


async def settle_strays(strays: Iterable[Move], doors: Mapping[str, Door], may_act: Callable[[], bool]) -> None:
    """Put an end to moves that were broken off.

    Raises:
        RedisSilentError: Likewise.
    """
    for stray in strays:
        if not may_act():
            return
        await settle(stray.slot, Ends.of(stray, doors))
        log.info("move settled", slot=stray.slot, source=stray.source.name, target=stray.target.name)


def _batches(moves: Iterable[Move]) -> Iterator[Sequence[Move]]:
    """Return the moves in batches between the same two servers."""

    def way(move: Move) -> tuple[str, str]:
        return move.source.name, move.target.name

    for _, group in groupby(sorted(moves, key=lambda move: (*way(move), move.slot)), key=way):
        same_way = list(group)
        yield from (same_way[first : first + _SLOTS_AT_ONCE] for first in range(0, len(same_way), _SLOTS_AT_ONCE))


async def _with_keys(slots: Sequence[int], tagged: Collection[int], ends: Ends) -> set[int]:
    async with asking(ends.source) as ask:
        counts = await ask.all([("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in slots])
    return {slot for slot, keys in zip(slots, counts, strict=True) if keys or slot in tagged}


async def _reassign(slots: Sequence[int], ends: Ends) -> None:
    """Have the target claim slots without keys, and the source give them up."""
    if not slots:
        return
    claims = (
        command
        for slot in slots
        # Who imports a slot gets a greater epoch when it claims it: so all others believe it.
        for command in (
            ("CLUSTER", "SETSLOT", slot, "IMPORTING", ends.source_id),
            ("CLUSTER", "SETSLOT", slot, "NODE", ends.target_id),
        )
    )
    async with asking(ends.target) as ask:
        await ask.all(list(claims))
    async with asking(ends.source) as ask:
        await ask.all([("CLUSTER", "SETSLOT", slot, "NODE", ends.target_id) for slot in slots])
    log.info("empty slots moved", slots=len(slots), source=ends.source.name, target=ends.target.name)
