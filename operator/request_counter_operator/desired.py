"""Everything that one RequestCounter stands for: the only list of the children, in the order in which they are told of.

Pure: the same resource, settings and facts give the same manifests, byte for byte.
"""

from collections.abc import Iterator

from request_counter_operator.api import RequestCounter
from request_counter_operator.render.autoscaler import render_autoscaler
from request_counter_operator.render.backup_claim import render_backup_claim
from request_counter_operator.render.backup_cronjob import render_backup_cronjob
from request_counter_operator.render.cluster_statefulset import render_cluster_statefulsets
from request_counter_operator.render.deployment import render_deployment
from request_counter_operator.render.disruption_budget import render_disruption_budget, render_store_disruption_budgets
from request_counter_operator.render.facts import Facts as Facts
from request_counter_operator.render.ingress import render_ingress
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.render.redis_config import render_redis_config
from request_counter_operator.render.redis_secret import render_redis_secret
from request_counter_operator.render.redis_service import render_pod_services, render_redis_service
from request_counter_operator.render.redis_statefulset import render_redis_statefulset
from request_counter_operator.render.restore_job import render_restore_job
from request_counter_operator.render.sentinel_statefulset import render_sentinel_statefulset
from request_counter_operator.render.service import render_admin_service, render_service
from request_counter_operator.render.service_account import render_service_account
from request_counter_operator.render.transfer_job import render_transfer_job
from request_counter_operator.settings import Settings


def children(counter: RequestCounter, settings: Settings, facts: Facts) -> list[Manifest]:
    """Return the manifests of all wanted children: what others need comes before them.

    While the counts are on their way to another Redis, both are wanted; the service uses the one that has the counts,
    and is asleep while they are copied.
    """
    serving, move = counter.serving, counter.move
    stores = [serving, counter] if counter.is_moving else [counter]
    service = _asleep(serving) if move is not None and move.phase != "Preparing" else serving
    rendered = [
        render_service_account(counter),
        *(manifest for store in stores for manifest in _store_children(store, settings, facts)),
        render_transfer_job(counter, settings, facts),
        render_service(counter),
        render_admin_service(counter),
        render_deployment(service, settings, facts),
        render_disruption_budget(service),
        render_autoscaler(service),
        render_ingress(counter),
        render_backup_claim(counter),
        render_backup_cronjob(counter, settings),
        render_restore_job(serving, settings, facts),
    ]
    return [manifest for manifest in rendered if manifest is not None]


def _asleep(counter: RequestCounter) -> RequestCounter:
    return counter.model_copy(update={"spec": counter.spec.model_copy(update={"suspend": "Workload"})})


def _store_children(counter: RequestCounter, settings: Settings, facts: Facts) -> Iterator[Manifest | None]:
    yield render_redis_secret(counter, facts.credentials)
    yield render_redis_config(counter)
    yield render_redis_service(counter)
    yield from render_pod_services(counter)
    yield from render_store_disruption_budgets(counter)
    yield render_sentinel_statefulset(counter, settings, facts)
    yield render_redis_statefulset(counter, settings, facts)
    yield from render_cluster_statefulsets(counter, settings, facts)
