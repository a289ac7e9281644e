"""What to do when so many primaries are gone that the others cannot choose new ones any more. Pure.

A replica becomes primary when most primaries vote for it. With half of them lost at once there are not enough left, and
the cluster stays as it is for good: somebody else has to say so, and that is us.

Source: https://redis.io/docs/latest/commands/cluster-failover/
"""

from collections.abc import Sequence

from request_counter_operator.redis_admin.cluster.membership import Step, slot_owners
from request_counter_operator.redis_admin.cluster.nodes import Node

PATIENCE_S = 3.0
"""For how long primaries have to stay gone, besides the time that the servers themselves wait."""

LAST_RESORT_S = 600.0
"""For how long they have to stay gone until a replica takes over that may lack counts, where there is no other."""


def lost_primaries(nodes: Sequence[Node]) -> frozenset[str]:
    """Return the ids of primaries with slots that neither we nor any server that answers can reach."""
    alive = {node.me.id for node in nodes}
    return frozenset(
        identity
        for identity in slot_owners(nodes).keys() - alive
        if all(identity in node.table and node.table[identity].is_gone for node in nodes)
    )


def takeovers(nodes: Sequence[Node], *, is_last_resort: bool = False) -> list[Step]:
    """Return which replicas are to take over, one for each lost primary, if the servers cannot settle it themselves.

    It is the one with most of its primary's data. A primary without a replica that answers stays lost; so does one
    whose replicas were all started anew, unless ``is_last_resort``: each may lack what another one has.
    """
    owners, lost = slot_owners(nodes), lost_primaries(nodes)
    has_majority = len(owners) - len(lost) > len(owners) // 2
    if not lost or has_majority:
        return []
    followers = [
        [node for node in nodes if node.me.primary_id == identity and (node.has_followed or is_last_resort)]
        for identity in sorted(lost)
    ]
    heirs = [max(nodes, key=lambda node: (node.offset, node.name)) for nodes in followers if nodes]
    return [Step(heir.name, ("CLUSTER", "FAILOVER", "TAKEOVER")) for heir in heirs]
