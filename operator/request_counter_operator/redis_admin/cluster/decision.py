"""What is to be done about a cluster, given what its servers said, and what keeps it from being whole. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from request_counter_operator.redis_admin.cluster.departure import departures, needed_shards
from request_counter_operator.redis_admin.cluster.layout import Layout
from request_counter_operator.redis_admin.cluster.membership import (
    Step,
    dismissals,
    followings,
    introductions,
    primary_of,
    seed_of,
    slot_owners,
    strangers,
)
from request_counter_operator.redis_admin.cluster.nodes import SLOTS, Node, ranges_of, slots_in
from request_counter_operator.redis_admin.cluster.slots import spread


@dataclass(frozen=True, slots=True)
class Move:
    """A slot that is to go from one primary to another."""

    slot: int
    source: Node
    target: Node


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done next.

    Attributes:
        steps: commands to give, in this order; what comes after them is decided when they have shown.
        strays: moves that were begun, and of which their source knows nothing any more, to be settled before others.
        moves: slots to move, when there is nothing else to do.
        fault: why not all counts can be had, as a sentence; None when they can.
        lack: why it is not whole, likewise.
        shards: how many shards there have to be; None when that cannot be seen now.
    """

    steps: tuple[Step, ...] = ()
    strays: tuple[Move, ...] = ()
    moves: tuple[Move, ...] = ()
    fault: str | None = None
    lack: str | None = None
    shards: int | None = None


def decide(layout: Layout, nodes: Sequence[Node]) -> Decision:
    """Return what is to be done, given what those servers said that answered."""
    if not nodes:
        return Decision(fault="no server answers", lack="no server answers")
    steps = [*introductions(layout, nodes), *dismissals(layout, nodes), *followings(layout, nodes)]
    lack = _lack(layout, nodes, steps)
    strays: list[Move] = []
    moves: list[Move] = []
    if lack is None:
        # All are there, know each other and follow as they should: now slots may be touched.
        unowned = SLOTS - len(_owned(nodes))
        if unowned:
            steps, lack = _first_slots(layout, nodes), f"{unowned} slots have no server"
        elif not all(node.is_ok for node in nodes if node.shard < layout.wanted):
            lack = "not every server says that the cluster is well"
        elif steps := _stale_marks(layout, nodes):
            lack = "a server takes a slot for leaving that has left"
        elif strays := _strays(layout, nodes):
            lack = f"{len(strays)} moves of slots were broken off"
        elif moves := _moves(layout, nodes):
            lack = f"{len(moves)} slots are to be moved"
        elif len(layout.shards) > layout.wanted:
            steps, lack = list(departures(layout, nodes)), "shards are being removed"
    fault = _fault(nodes)
    return Decision(tuple(steps), tuple(strays), tuple(moves), fault, lack or fault, needed_shards(layout, nodes))


def _owned(nodes: Sequence[Node]) -> set[int]:
    """Return the slots of those who answer."""
    return slots_in(" ".join(node.me.slots for node in nodes))


def _fault(nodes: Sequence[Node]) -> str | None:
    owners = slot_owners(nodes)
    if not owners:
        return "its servers have not come together yet"
    lost = sorted(owners[identity] or identity for identity in owners.keys() - {node.me.id for node in nodes})
    if lost:
        return f"no answer from {', '.join(lost)}, whose slots nobody has taken over yet"
    if not any(node.is_ok for node in nodes):
        return "no server says that the cluster is well"
    unserved = SLOTS - len(_owned(nodes))
    return f"{unserved} slots have no server" if unserved else None


def _lack(layout: Layout, nodes: Sequence[Node], steps: Sequence[Step]) -> str | None:
    foreign = [node.name for node in strangers(nodes)]
    if foreign:
        return f"{', '.join(foreign)} has counts of which the others know nothing: it is left alone"
    silent = sorted(set(layout.names) - {node.name for node in nodes})
    if silent:
        return f"no answer from {', '.join(silent)}"
    if steps:
        return "its servers are being made known to each other"
    return _discord(layout, _members(layout, nodes))


def _discord(layout: Layout, members: Sequence[Node]) -> str | None:
    if not _agree(members):
        return "its servers do not agree on who has what yet"
    if any(primary_of(layout, members, shard) is None for shard in {node.shard for node in members}):
        return "a shard has no primary, or two of them"
    if not all(node.is_linked for node in members):
        return "a replica does not follow its primary yet"
    return None


def _members(layout: Layout, nodes: Sequence[Node]) -> list[Node]:
    """Return all servers but those that have left already."""
    seed = seed_of(nodes)
    return [node for node in nodes if node.shard < layout.wanted or node.me.id in seed.table]


def _agree(nodes: Sequence[Node]) -> bool:
    """Whether all know all, nobody else, and the same of them."""
    views = {frozenset((e.id, e.primary_id, e.slots) for e in node.table.values()) for node in nodes}
    return len(views) == 1 and {node.me.id for node in nodes} == nodes[0].table.keys()


def _primaries(layout: Layout, nodes: Sequence[Node]) -> dict[int, Node]:
    found = {shard: primary_of(layout, nodes, shard) for shard in range(len(layout.shards))}
    return {shard: node for shard, node in found.items() if node is not None}


def _spread(layout: Layout, nodes: Sequence[Node]) -> tuple[list[int | None], list[int]]:
    """Return the shard that has each slot, and the one that is to have it."""
    owners: list[int | None] = [None] * SLOTS
    for node in nodes:
        for slot in slots_in(node.me.slots):
            owners[slot] = node.shard
    return owners, spread(owners, layout.wanted, layout.tags)


def _first_slots(layout: Layout, nodes: Sequence[Node]) -> list[Step]:
    """Return who is to get slots that nobody has. Once there are counts to lose, nobody is."""
    if not layout.may_begin_anew or (layout.is_kept and any(node.keys for node in nodes)):
        return []
    _, wanted = _spread(layout, nodes)
    owned = _owned(nodes)
    steps = []
    for shard, primary in _primaries(layout, nodes).items():
        missing = {slot for slot in range(SLOTS) if wanted[slot] == shard} - owned
        bounds = [bound for pair in ranges_of(missing) for bound in pair]
        if bounds:
            steps.append(Step(primary.name, ("CLUSTER", "ADDSLOTSRANGE", *bounds)))
    return steps


def _stale_marks(layout: Layout, nodes: Sequence[Node]) -> list[Step]:
    """Return who is to be told that a move is over: who heard of the claim from the others keeps its mark."""
    return [
        Step(node.name, ("CLUSTER", "SETSLOT", slot, "STABLE"))
        for node in _primaries(layout, nodes).values()
        for slot, _ in node.me.leaving
        if slot not in slots_in(node.me.slots)
    ]


def _strays(layout: Layout, nodes: Sequence[Node]) -> list[Move]:
    primaries = list(_primaries(layout, nodes).values())
    owner = {slot: node for node in primaries for slot in slots_in(node.me.slots)}
    return [
        Move(slot, owner[slot], node)
        for node in primaries
        for slot in node.me.coming
        if slot not in dict(owner[slot].me.leaving)
    ]


def _moves(layout: Layout, nodes: Sequence[Node]) -> list[Move]:
    if not layout.is_promised:
        return []
    primaries = _primaries(layout, nodes)
    begun = [
        Move(slot, node, primaries[other.shard])
        for node in primaries.values()
        for slot, identity in node.me.leaving
        for other in nodes
        if other.me.id == identity and other.shard != node.shard and slot in slots_in(node.me.slots)
    ]
    if begun:
        # Where they go is where their keys may be already.
        return begun
    owners, wanted = _spread(layout, nodes)
    return [
        Move(slot, primaries[owner], primaries[target])
        for slot, (owner, target) in enumerate(zip(owners, wanted, strict=True))
        if owner is not None and owner != target
    ]
