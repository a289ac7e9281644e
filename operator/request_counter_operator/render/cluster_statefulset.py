"""The StatefulSets of a Redis Cluster: one for each shard, a primary with its replicas.

Which of a shard's pods is the primary is the servers' own affair, and nothing here depends on it. To begin with it is
the first; those are spread over nodes, so that with one node most primaries are not lost.
"""

from collections.abc import Iterator

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import SHARD_LABEL, labels, metadata, selector_labels
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.manifest import Manifest, spread_by_number, spread_evenly
from request_counter_operator.render.redis_statefulset import ServerSet, server_statefulset
from request_counter_operator.render.topology import shard_labels, shard_name, shard_servers, shards
from request_counter_operator.settings import Settings


def render_cluster_statefulsets(counter: RequestCounter, settings: Settings, facts: Facts) -> Iterator[Manifest]:
    """Return the StatefulSets; nothing for other modes.

    A shard that is not asked for any more stays for as long as it has counts: the operator moves them first.
    """
    if counter.spec.store.redis.mode != "Cluster":
        return
    for shard in range(shards(counter)):
        servers = ServerSet(
            metadata=metadata(counter, "cluster") | {"name": shard_name(counter, shard)},
            servers=len(shard_servers(counter, shard)),
            labels=labels(counter, "cluster") | {SHARD_LABEL: str(shard)},
            selector=shard_labels(counter, shard),
            spread=[spread_evenly(shard_labels(counter, shard)), spread_by_number(selector_labels(counter, "cluster"))],
        )
        yield server_statefulset(counter, settings, facts, servers)
