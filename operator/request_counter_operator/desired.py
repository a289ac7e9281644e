"""Everything that one RequestCounter stands for: the only list of the children, in the order in which they are told of.

Pure: the same resource, settings and facts give the same manifests, byte for byte.
"""

from request_counter_operator.api import RequestCounter
from request_counter_operator.render.autoscaler import render_autoscaler
from request_counter_operator.render.cluster_statefulset import render_cluster_statefulsets
from request_counter_operator.render.deployment import render_deployment
from request_counter_operator.render.disruption_budget import (
    render_disruption_budget,
    render_redis_disruption_budget,
    render_sentinel_disruption_budget,
    render_shard_disruption_budgets,
)
from request_counter_operator.render.facts import Facts as Facts
from request_counter_operator.render.ingress import render_ingress
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.render.redis_config import render_redis_config
from request_counter_operator.render.redis_secret import render_redis_secret
from request_counter_operator.render.redis_service import render_pod_services, render_redis_service
from request_counter_operator.render.redis_statefulset import render_redis_statefulset
from request_counter_operator.render.sentinel_statefulset import render_sentinel_statefulset
from request_counter_operator.render.service import render_admin_service, render_service
from request_counter_operator.render.service_account import render_service_account
from request_counter_operator.settings import Settings


def children(counter: RequestCounter, settings: Settings, facts: Facts) -> list[Manifest]:
    """Return the manifests of all wanted children."""
    rendered = [
        render_service_account(counter),
        render_redis_secret(counter, facts.credentials),
        render_redis_config(counter),
        render_redis_service(counter),
        *render_pod_services(counter),
        render_redis_disruption_budget(counter),
        render_sentinel_disruption_budget(counter),
        *render_shard_disruption_budgets(counter),
        render_sentinel_statefulset(counter, settings, facts),
        render_redis_statefulset(counter, settings, facts),
        *render_cluster_statefulsets(counter, settings, facts),
        render_service(counter),
        render_admin_service(counter),
        render_deployment(counter, settings, facts),
        render_disruption_budget(counter),
        render_autoscaler(counter),
        render_ingress(counter),
    ]
    return [manifest for manifest in rendered if manifest is not None]
