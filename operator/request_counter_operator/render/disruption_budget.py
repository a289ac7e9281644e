"""The PodDisruptionBudget that lets node drains take the service's pods one at a time."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import metadata, selector_labels
from request_counter_operator.render.manifest import Manifest


def render_disruption_budget(counter: RequestCounter) -> Manifest | None:
    """Return the budget, or None with fewer than two pods, where it could only say nothing or block every drain.

    ``AlwaysAllow`` lets a drain take pods that are broken anyway, instead of waiting for them for ever.
    """
    if counter.minimum_replicas < 2:  # noqa: PLR2004 - the smallest number of which one can be spared
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(counter, "service"),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector_labels(counter, "service")},
        },
    }
