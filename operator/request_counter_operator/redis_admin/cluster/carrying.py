"""Carries one slot with its keys to another primary, at no time with the only copy of a count in doubt.

No write is let through at the old owner while the keys are copied; the new owner claims the slot when it and a replica
of its own have all of them; the old one drops them when it hears of that. Until the claim the copies are of no account,
and whoever begins anew throws them away. Clients see writes that take a little longer, and then MOVED. MIGRATE would
have the only copy on one server for a moment, and clients see ASK and TRYAGAIN.

Source for what a claim does: https://redis.io/docs/latest/commands/cluster-setslot/
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import structlog

from request_counter_operator.errors import RedisSilentError
from request_counter_operator.redis_admin.cluster.decision import Move
from request_counter_operator.redis_admin.cluster.nodes import parse_nodes, slots_in
from request_counter_operator.redis_admin.connection import Asked, Command, Door, asking

log = structlog.get_logger()

PAUSE_S = 5.0
"""For how long writes are held back without our saying so again: if we die, they go on after that."""

CLAIM_S = 30.0
"""For how long writes are held back for a claim that may have been heard or not."""

_KEYS_AT_ONCE = 100
_RECEIPT_TIMEOUT_MS = 1000
_POLL_INTERVAL_S = 0.02


@dataclass(frozen=True, slots=True)
class Ends:
    """The two primaries, and their ids in the cluster."""

    source: Door
    target: Door
    source_id: str
    target_id: str

    @classmethod
    def of(cls, move: Move, doors: Mapping[str, Door]) -> Self:
        """Return those of a move."""
        return cls(doors[move.source.name], doors[move.target.name], move.source.me.id, move.target.me.id)


class _Source:
    """The old owner, and how long all writes there are held back.

    Source: https://redis.io/docs/latest/commands/client-pause/
    """

    def __init__(self, ask: Asked, clock: Callable[[], float]) -> None:
        self.ask = ask
        self.clock = clock
        self._held_until_s = float("inf")

    async def hold_writes(self) -> None:
        """Hold writes back for some more seconds, without a gap.

        Raises:
            RedisSilentError: No answer, or so late that some may have been let through.
        """
        asked_s = self.clock()
        await self.ask("CLIENT", "PAUSE", int(PAUSE_S * 1000), "WRITE")
        if self.clock() >= self._held_until_s:
            raise RedisSilentError("writes could not be held back for long enough")
        self._held_until_s = asked_s + PAUSE_S


async def carry(slot: int, ends: Ends, clock: Callable[[], float]) -> int:
    """Carry a slot from source to target; return how many keys it had.

    Raises:
        RedisSilentError: A server did not answer, or refused. The slot has one owner, with all keys, all the same.
    """
    async with asking(ends.source, is_text=False) as ask, asking(ends.target, is_text=False) as target:
        await target("CLUSTER", "SETSLOT", slot, "IMPORTING", ends.source_id)
        await _discard(slot, target)
        source = _Source(ask, clock)
        try:
            await source.hold_writes()
            if not await _has(ask, slot):
                raise RedisSilentError(f"slot {slot} is another's by now")
            keys = await _copy(slot, source, target)
            await source.hold_writes()
            await _claim(slot, ends, target, source)
        finally:
            with suppress(RedisSilentError):
                await ask("CLIENT", "UNPAUSE")
    return keys


async def _discard(slot: int, target: Asked) -> None:
    """Throw away copies that an attempt before this one left: the slot is not its yet, so they are of no account."""
    while keys := await target("CLUSTER", "GETKEYSINSLOT", slot, _KEYS_AT_ONCE):
        deletions: list[Command] = []
        for key in keys:
            deletions += [("ASKING",), ("DEL", key)]
        await target.all(deletions)


async def _copy(slot: int, source: _Source, target: Asked) -> int:
    """Copy all keys, and wait until a replica of the target has them; return how many there are."""
    keys = await source.ask("CLUSTER", "GETKEYSINSLOT", slot, await source.ask("CLUSTER", "COUNTKEYSINSLOT", slot))
    for first in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[first : first + _KEYS_AT_ONCE]
        values = await source.ask.all([("DUMP", key) for key in some])
        expiries = await source.ask.all([("PEXPIRETIME", key) for key in some])
        copies: list[Command] = [
            ("RESTORE-ASKING", key, max(expiry, 0), value, "REPLACE", "ABSTTL")
            for key, value, expiry in zip(some, values, expiries, strict=True)
            if value is not None  # else its time was up just now
        ]
        await target.all(copies)
        await source.hold_writes()
    if await target("WAIT", 1, _RECEIPT_TIMEOUT_MS) < 1:
        raise RedisSilentError(f"no replica has the copies of slot {slot} yet")
    return len(keys)


async def _claim(slot: int, ends: Ends, target: Asked, source: _Source) -> None:
    """Have the target claim the slot, and wait until the source has heard of it, from the target itself.

    Raises:
        RedisSilentError: It was not claimed. Or it is not known for too long whether it was.
    """
    is_heard = True
    try:
        await target("CLUSTER", "SETSLOT", slot, "NODE", ends.target_id)
    except RedisSilentError as error:
        is_heard = False
        log.warning("claim not answered", slot=slot, error=str(error))
    until_s = source.clock() + CLAIM_S
    while await _has(source.ask, slot):
        await source.hold_writes()
        if source.clock() > until_s or (not is_heard and await _denies(slot, ends.target)):
            raise RedisSilentError(f"{ends.target.name} has not claimed slot {slot}")
        await asyncio.sleep(_POLL_INTERVAL_S)


async def _denies(slot: int, door: Door) -> bool:
    """Return whether a server says that it does not have a slot."""
    try:
        async with asking(door, is_text=False) as ask:
            return not await _has(ask, slot)
    except RedisSilentError:
        return False


async def _has(ask: Asked, slot: int) -> bool:
    """Return whether a server has a slot by its own word."""
    table = parse_nodes((await ask("CLUSTER", "NODES")).decode())
    return any("myself" in entry.flags and slot in slots_in(entry.slots) for entry in table.values())
