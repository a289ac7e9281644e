"""Who is to be introduced to whom, who is to be forgotten, and who is to follow whom. Pure.

All of it can be said again and again: it asks for what is missing, and for nothing when nothing is.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from request_counter_operator.redis_admin.cluster.layout import Layout
from request_counter_operator.redis_admin.cluster.nodes import Node


class Step(NamedTuple):
    """A command to give to one server."""

    name: str
    command: tuple[str | int, ...]


def seed_of(nodes: Sequence[Node]) -> Node:
    """Return the server that speaks for the cluster: the one that knows most of the others."""
    ids = {node.me.id for node in nodes}
    return max(nodes, key=lambda node: len(ids & node.table.keys()))


def strangers(nodes: Sequence[Node]) -> list[Node]:
    """Return servers that have slots or keys which the others know nothing of: they are of another cluster.

    To introduce them would be to merge two clusters, and one's counts would be thrown away.
    """
    seed = seed_of(nodes)
    return [node for node in nodes if node.me.id not in seed.table and not node.is_empty]


def introductions(layout: Layout, nodes: Sequence[Node]) -> Iterator[Step]:
    """Return who is to MEET whom: first all by way of one server, from which the others hear of them."""
    seed = seed_of(nodes)
    unknown = [
        node for node in nodes if node.me.id not in seed.table and node.is_empty and node.shard < layout.wanted
    ] + [node for node in nodes if _is_misplaced(seed, node)]
    if unknown:
        yield from (_meeting(seed, node) for node in unknown)
        return
    for node in nodes:
        if node.me.id not in seed.table:
            continue
        if seed.me.id not in node.table:
            yield _meeting(node, seed)
        yield from (_meeting(node, other) for other in nodes if _is_misplaced(node, other))


def _is_misplaced(node: Node, other: Node) -> bool:
    """Whether a server knows another one at an address where it is not."""
    entry = node.table.get(other.me.id)
    return entry is not None and (entry.address != other.me.address or "noaddr" in entry.flags)


def _meeting(node: Node, other: Node) -> Step:
    host, _, ports = other.me.address.rpartition(":")
    port, _, bus = ports.partition("@")
    return Step(node.name, ("CLUSTER", "MEET", host, port, bus))


def slot_owners(nodes: Sequence[Node]) -> dict[str, str]:
    """Return the pods of all who have slots by anybody's word, by id; an empty name where it is not known."""
    owners: dict[str, str] = {}
    for entry in (entry for node in nodes for entry in node.table.values() if entry.slots):
        owners[entry.id] = entry.hostname or owners.get(entry.id, "")
    return owners


def dismissals(layout: Layout, nodes: Sequence[Node]) -> Iterator[Step]:
    """Return who is to FORGET whom: ids whose pod is somebody else by now, or will never be again.

    Never one that answers, nor one that has slots: whoever followed it is still to take them over.
    """
    answering = {node.name for node in nodes}
    alive = {node.me.id for node in nodes}
    owners = slot_owners(nodes)
    given_up = {shard for shard in range(len(layout.shards)) if _is_lost_for_good(layout, nodes, shard)}
    for node in nodes:
        for entry in node.table.values():
            shard = layout.shard_of(entry.hostname)
            is_replaced = entry.hostname in answering
            is_removed = bool(entry.hostname) and shard is None and entry.is_gone
            has_slots = entry.id in owners and shard not in given_up
            if entry.id in alive or has_slots or node.me.primary_id == entry.id:
                continue
            if is_replaced or is_removed:
                yield Step(node.name, ("CLUSTER", "FORGET", entry.id))


def _is_lost_for_good(layout: Layout, nodes: Sequence[Node], shard: int) -> bool:
    """Whether a shard's counts were in memory only, and all its servers have started anew since."""
    members = [node for node in nodes if node.shard == shard]
    return not layout.is_kept and len(members) == len(layout.shards[shard]) and all(node.is_empty for node in members)


def primary_of(layout: Layout, nodes: Sequence[Node], shard: int) -> Node | None:
    """Return whom the servers of a shard are to follow; None when that is not to be decided here and now.

    It is who has the shard's slots. Where nobody has any and nobody ever had, it is the first one that is no replica.
    """
    seed = seed_of(nodes)
    members = [node for node in nodes if node.shard == shard and node.me.id in seed.table]
    owners = [node for node in members if node.me.slots]
    if owners:
        return owners[0] if len(owners) == 1 else None
    is_dead_ones = any(layout.shard_of(name) == shard for name in slot_owners(nodes).values())
    if is_dead_ones or len(members) < len(layout.shards[shard]):
        return None
    return next((node for node in members if not node.me.primary_id), None)


def followings(layout: Layout, nodes: Sequence[Node]) -> Iterator[Step]:
    """Return who is to REPLICATE whom: all servers of a shard the one that has its slots."""
    for shard in range(len(layout.shards)):
        primary = primary_of(layout, nodes, shard)
        if primary is None:
            continue
        for node in nodes:
            is_to_follow = node.shard == shard and node is not primary and not node.me.slots
            can = primary.me.id in node.table and (bool(node.me.primary_id) or node.is_empty)
            if is_to_follow and can and node.me.primary_id != primary.me.id:
                yield Step(node.name, ("CLUSTER", "REPLICATE", primary.me.id))
