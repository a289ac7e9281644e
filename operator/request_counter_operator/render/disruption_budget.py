"""The PodDisruptionBudgets that let node drains take pods one at a time."""

from collections.abc import Iterator

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import Component, metadata, selector_labels
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.render.topology import shard_labels, shard_name, shards


def render_disruption_budget(counter: RequestCounter) -> Manifest | None:
    """Return the service's, or None with fewer than two pods, where it could only say nothing or block every drain."""
    return None if counter.minimum_replicas < 2 else _budget(counter, "service")  # noqa: PLR2004 - one can be spared


def render_store_disruption_budgets(counter: RequestCounter) -> Iterator[Manifest]:
    """Return those of a Redis with replicas: of servers and sentinels, or of each shard of a cluster.

    Of two shards, each can spare a pod at the same time.
    """
    mode = counter.spec.store.redis.mode
    if mode == "Sentinel":
        yield _budget(counter, "redis")
        yield _budget(counter, "sentinel")
    if mode == "Cluster":
        for shard in range(shards(counter)):
            budget = _budget(counter, "cluster")
            budget["metadata"] |= {"name": shard_name(counter, shard)}
            budget["spec"]["selector"] = {"matchLabels": shard_labels(counter, shard)}
            yield budget


def _budget(counter: RequestCounter, component: Component) -> Manifest:
    """Return a budget of one pod. With ``AlwaysAllow`` drains take broken ones, and do not wait for them for ever."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(counter, component),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector_labels(counter, component)},
        },
    }
