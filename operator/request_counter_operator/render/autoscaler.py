"""The HorizontalPodAutoscaler that takes over the number of pods when autoscaling is set."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import child_name, metadata
from request_counter_operator.render.manifest import Manifest


def render_autoscaler(counter: RequestCounter) -> Manifest | None:
    """Return the HorizontalPodAutoscaler of the service's Deployment, or None without autoscaling or pods.

    It steers the Deployment itself, so that scaling goes on while the operator is away.
    """
    autoscaling = counter.spec.autoscaling
    if autoscaling is None or counter.is_hibernating or counter.is_restoring:
        return None
    utilization = {"type": "Utilization", "averageUtilization": autoscaling.target_cpu_utilization_percentage}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(counter, "service"),
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": child_name(counter, "service"),
            },
            "minReplicas": autoscaling.min_replicas,
            "maxReplicas": autoscaling.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": utilization}}],
        },
    }
