"""Carries one slot with its keys to another primary, at no time with the only copy of a count in doubt.

No write is let through at the old owner while the keys are copied. When the new owner and a replica of its own have all
of them, the old one drops them in one transaction, which fails if anybody has touched them after all; then the new
owner claims the slot. Clients see writes that take a little longer, then for some milliseconds ASK, then MOVED.

Until the transaction, copies are of no account, and whoever begins anew throws them away; from then on the slot is
marked as leaving and has no keys at its old owner, and whoever finds it so only claims it for the new one. MIGRATE
would have the only copy on one server for a moment, before its replicas get it.

Source: https://redis.io/docs/latest/commands/cluster-setslot/, and https://redis.io/docs/latest/commands/client-pause/.
A claim while writes are held back makes Redis 8.0 fail an assertion (valkey-io/valkey#1131): so they are not by then.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from request_counter_operator.errors import RedisSilentError
from request_counter_operator.redis_admin.cluster.decision import Move
from request_counter_operator.redis_admin.cluster.nodes import Entry, parse_nodes, slots_in
from request_counter_operator.redis_admin.connection import Asked, Command, Door, asking

PAUSE_MS = 5000
"""For how long writes are held back without our saying so again: if we die, they go on after that."""

_KEYS_AT_ONCE = 100
_RECEIPT_TIMEOUT_MS = 1000


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


async def carry(slot: int, ends: Ends) -> int:
    """Carry a slot from source to target; return how many keys it took along.

    Raises:
        RedisSilentError: A server did not answer, or refused. The slot has one owner. All its keys are there, or, if it
            is marked as leaving there, all are where it is going: then this is to be done again.
    """
    async with asking(ends.source, is_text=False) as source, asking(ends.target, is_text=False) as target:
        me = await _own_entry(source)
        if slot not in slots_in(me.slots):
            raise RedisSilentError(f"slot {slot} is another's by now")
        await target("CLUSTER", "SETSLOT", slot, "IMPORTING", ends.source_id)
        keys = 0
        if slot not in dict(me.leaving) or await source("CLUSTER", "COUNTKEYSINSLOT", slot):
            keys = await _bring_over(slot, ends, source, target)
        await target("CLUSTER", "SETSLOT", slot, "NODE", ends.target_id)
        await source("CLUSTER", "SETSLOT", slot, "NODE", ends.target_id)
    return keys


async def settle(slot: int, ends: Ends) -> None:
    """Put an end to a move that was broken off, and of which the source knows nothing, as after a failover there.

    Copies are thrown away, unless they are all there is: then the target gets the slot.

    Raises:
        RedisSilentError: A server did not answer, or refused.
    """
    count: Command = ("CLUSTER", "COUNTKEYSINSLOT", slot)
    async with asking(ends.source, is_text=False) as source, asking(ends.target, is_text=False) as target:
        if await target(*count) and not await source(*count):
            await target("CLUSTER", "SETSLOT", slot, "NODE", ends.target_id)
            await source("CLUSTER", "SETSLOT", slot, "NODE", ends.target_id)
        else:
            await _discard(slot, target)
            await target("CLUSTER", "SETSLOT", slot, "STABLE")


async def _own_entry(ask: Asked) -> Entry:
    table = parse_nodes((await ask("CLUSTER", "NODES")).decode())
    return next(entry for entry in table.values() if "myself" in entry.flags)


async def _bring_over(slot: int, ends: Ends, source: Asked, target: Asked) -> int:
    """Have all keys at the target and none at the source; return how many there are."""
    await _discard(slot, target)
    try:
        await source("CLIENT", "PAUSE", PAUSE_MS, "WRITE")
        keys = await _copy_all(slot, source, target)
        # From here on no key is made that is not there yet.
        await source("CLUSTER", "SETSLOT", slot, "MIGRATING", ends.target_id)
        await _drop(slot, keys, source)
    except BaseException:
        with suppress(RedisSilentError):
            if await source("CLUSTER", "COUNTKEYSINSLOT", slot):
                await source("CLUSTER", "SETSLOT", slot, "STABLE")
        raise
    finally:
        with suppress(RedisSilentError):
            await source("CLIENT", "UNPAUSE")
    return len(keys)


async def _discard(slot: int, target: Asked) -> None:
    """Throw away copies that an attempt before this one left: the slot is not its yet, so they are of no account."""
    while keys := await target("CLUSTER", "GETKEYSINSLOT", slot, _KEYS_AT_ONCE):
        deletions: list[Command] = []
        for key in keys:
            deletions += [("ASKING",), ("DEL", key)]
        await target.all(deletions)


async def _copy_all(slot: int, source: Asked, target: Asked) -> list[bytes]:
    """Copy all keys, and wait until a replica of the target has them; return which there are."""
    keys: list[bytes] = await source("CLUSTER", "GETKEYSINSLOT", slot, await source("CLUSTER", "COUNTKEYSINSLOT", slot))
    for first in range(0, len(keys), _KEYS_AT_ONCE):
        await _copy(keys[first : first + _KEYS_AT_ONCE], source, target)
    if await target("WAIT", 1, _RECEIPT_TIMEOUT_MS) < 1:
        raise RedisSilentError(f"no replica has the copies of slot {slot} yet")
    return keys


async def _copy(keys: Sequence[bytes], source: Asked, target: Asked) -> None:
    """Copy some keys, and have the source notice from now on if anybody touches them."""
    await source("WATCH", *keys)
    values = await source.all([("DUMP", key) for key in keys])
    expiries = await source.all([("PEXPIRETIME", key) for key in keys])
    await target.all(
        [
            ("RESTORE-ASKING", key, max(expiry, 0), value, "REPLACE", "ABSTTL")
            for key, value, expiry in zip(keys, values, expiries, strict=True)
            if value is not None  # else its time was up just now
        ]
    )
    await source("CLIENT", "PAUSE", PAUSE_MS, "WRITE")


async def _drop(slot: int, keys: Sequence[bytes], source: Asked) -> None:
    """Drop the keys at the source, if nobody has touched them, and there is no other one.

    In one packet, so that no write that waited comes in between; and if one does, the transaction fails.
    """
    if await source("CLUSTER", "COUNTKEYSINSLOT", slot) != len(keys):
        raise RedisSilentError(f"slot {slot} has got another key meanwhile")
    packet: list[Command] = [("CLIENT", "UNPAUSE"), ("MULTI",), *(("DEL", key) for key in keys), ("EXEC",)]
    *_, dropped = await source.all(packet)
    if dropped is None:
        raise RedisSilentError(f"slot {slot} was written to meanwhile")
