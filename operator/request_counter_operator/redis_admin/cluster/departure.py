"""Shards that are not asked for any more: when they may leave, and how many there have to be until then. Pure."""

from collections.abc import Iterator, Sequence

from request_counter_operator.redis_admin.cluster.layout import Layout
from request_counter_operator.redis_admin.cluster.membership import Step, slot_owners
from request_counter_operator.redis_admin.cluster.nodes import SLOTS, Node, slots_in


def departures(layout: Layout, nodes: Sequence[Node]) -> Iterator[Step]:
    """Return who is to forget everybody: servers of shards that have left all slots and keys to others.

    It gets another id by that, so the others forget the old one as that of a server that will never come back.
    """
    for shard in range(layout.wanted, len(layout.shards)):
        members = [node for node in nodes if node.shard == shard]
        if _has_slots(layout, nodes, shard) or not all(node.is_empty for node in members):
            continue
        yield from (Step(node.name, ("CLUSTER", "RESET", "HARD")) for node in members if len(node.table) > 1)


def needed_shards(layout: Layout, nodes: Sequence[Node]) -> int | None:
    """Return how many shards there have to be, those asked for included; None when that cannot be seen now.

    A shard is needed for as long as it has slots or keys, or anybody who stays knows one of its servers.
    """
    held = [node.me.slots for node in nodes if node.shard < layout.wanted]
    is_whole_without = len(slots_in(" ".join(held))) == SLOTS
    if len(layout.shards) > layout.wanted and not is_whole_without:
        return None
    needed = [shard for shard in range(layout.wanted, len(layout.shards)) if _is_needed(layout, nodes, shard)]
    return 1 + max(needed, default=layout.wanted - 1)


def _is_needed(layout: Layout, nodes: Sequence[Node], shard: int) -> bool:
    known = {entry.hostname for node in nodes if node.shard != shard for entry in node.table.values()}
    if known & set(layout.shards[shard]) or _has_slots(layout, nodes, shard):
        return True
    return not all(node.is_empty for node in nodes if node.shard == shard)


def _has_slots(layout: Layout, nodes: Sequence[Node], shard: int) -> bool:
    return any(name in layout.shards[shard] for name in slot_owners(nodes).values())
