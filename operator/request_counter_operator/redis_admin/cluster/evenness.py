"""Which primary is to be on another node of Kubernetes, so that with one node most primaries are not lost. Pure.

Pods are spread when they are made, and the primaries at first with them. After failovers they may have gathered; and
when most of them are lost at once, the servers cannot choose others by themselves.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from request_counter_operator.redis_admin.cluster.layout import Layout
from request_counter_operator.redis_admin.cluster.membership import Step, primary_of
from request_counter_operator.redis_admin.cluster.nodes import Node

CALM_S = 60.0
"""For how long all has to be well until a primary is moved: whoever repairs something is not to be disturbed."""


def handover(layout: Layout, nodes: Sequence[Node], hosts: Mapping[str, str]) -> Step | None:
    """Return which replica is to become primary; None when that would make nothing more even.

    Args:
        layout: who is there.
        nodes: what the servers said, all of them, and nothing is amiss.
        hosts: the node of Kubernetes that each pod is on, if it is known.
    """
    primaries = [node for shard in range(layout.wanted) if (node := primary_of(layout, nodes, shard)) is not None]
    if any(node.name not in hosts for node in nodes):
        return None
    load = Counter(hosts[node.name] for node in primaries)
    gains = [
        # Fewer by two: by one, it would only be the other node's turn.
        (load[hosts[primary.name]] - load[hosts[replica.name]], replica.name)
        for primary in primaries
        for replica in nodes
        if replica.me.primary_id == primary.me.id and load[hosts[primary.name]] >= load[hosts[replica.name]] + 2
    ]
    return Step(max(gains)[1], ("CLUSTER", "FAILOVER")) if gains else None
