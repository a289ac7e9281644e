"""What the servers of a cluster say of themselves and of each other, as CLUSTER NODES tells it. Pure.

Source: https://redis.io/docs/latest/commands/cluster-nodes/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

SLOTS = 16384


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what a server knows of another one, or of itself.

    Attributes:
        id: of the server; it keeps it for as long as it keeps its volume.
        address: where it is, as ``ip:port@bus``.
        hostname: the pod that it is, or was; empty when it has not told yet.
        flags: such as ``master``, ``fail`` (the others agree), ``fail?`` (this one thinks so) and ``noaddr``.
        primary_id: whom it follows; empty for a primary.
        slots: as ranges, such as ``0-5460 5462``.
        leaving: slots that it is about to give away, with the id of who is to get them. Only itself tells.
        coming: slots that it is about to get. Likewise.
    """

    id: str
    address: str
    hostname: str
    flags: frozenset[str]
    primary_id: str
    slots: str
    leaving: tuple[tuple[int, str], ...] = ()
    coming: tuple[int, ...] = ()

    @property
    def is_gone(self) -> bool:
        """Whether it does not answer whoever tells this."""
        return bool(self.flags & {"fail", "fail?", "noaddr"})


@dataclass(frozen=True, slots=True)
class Node:
    """What one server said.

    Attributes:
        name: its pod.
        shard: which shard its name says it is of.
        me: its own line.
        table: all lines, its own included, by id.
        is_ok: whether it serves.
        keys: how many it has.
        is_linked: whether it has all of its primary's data, or is a primary.
        has_followed: whether it has followed its primary since it was started, or is one. Only then does ``offset``
            tell how much it has: what it reads from its disk is as old as its last full copy.
        offset: how much of the replication's stream it has.
        version: of Redis.
    """

    name: str
    shard: int
    me: Entry
    table: Mapping[str, Entry]
    is_ok: bool
    keys: int
    is_linked: bool
    has_followed: bool
    offset: int
    version: str

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing to lose."""
        return not self.me.slots and not self.keys


def parse_nodes(text: str) -> dict[str, Entry]:
    """Return the lines of CLUSTER NODES by id, without servers that are only just being introduced."""
    entries = (_parse(line) for line in text.splitlines() if line)
    return {entry.id: entry for entry in entries if "handshake" not in entry.flags}


def slots_in(ranges: str) -> set[int]:
    """Return the slots of ranges as an entry has them."""
    bounds = (part.split("-") for part in ranges.split())
    return {slot for first, *last in bounds for slot in range(int(first), int(last[0] if last else first) + 1)}


def ranges_of(slots: set[int]) -> list[tuple[int, int]]:
    """Return slots as ranges, first and last included, in order."""
    found: list[tuple[int, int]] = []
    for slot in sorted(slots):
        if found and found[-1][1] == slot - 1:
            found[-1] = (found[-1][0], slot)
        else:
            found.append((slot, slot))
    return found


def _parse(line: str) -> Entry:
    identity, where, flags, primary, _ping, _pong, _epoch, _link, *slots = line.split(" ")
    address, _, names = where.partition(",")
    return Entry(
        id=identity,
        address=address,
        hostname=names.split(",")[0],
        flags=frozenset(flags.split(",")),
        primary_id="" if primary == "-" else primary,
        # In brackets are slots on their way, which still have their owner: [93->-<id>] and, coming in, [93-<-<id>].
        slots=" ".join(part for part in slots if not part.startswith("[")),
        coming=tuple(int(slot) for slot in re.findall(r"\[(\d+)-<-\w+\]", " ".join(slots))),
        leaving=tuple((int(slot), to) for slot, to in re.findall(r"\[(\d+)->-(\w+)\]", " ".join(slots))),
    )
