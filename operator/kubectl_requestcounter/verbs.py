"""The small verbs: pause, resume, hibernate and restart. Each is one patch, and says what it changed."""

from datetime import UTC, datetime
from typing import Literal

from kubectl_requestcounter.cluster import Cluster, connect
from kubectl_requestcounter.errors import NotFoundError, PluginError
from kubectl_requestcounter.target import Target
from request_counter_operator.api import GROUP, PLURAL, RequestCounter
from request_counter_operator.cache import belongs_to
from request_counter_operator.kinds import DEPLOYMENT, REQUEST_COUNTER, STATEFUL_SET, Kind
from request_counter_operator.names import child_name

Suspend = Literal["None", "Reconcile", "Workload"]

_DONE = {"None": "resumed", "Reconcile": "paused", "Workload": "hibernated"}
_ROLLOUT_FIELD_MANAGER = "kubectl-rollout"
_RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""What ``kubectl rollout restart`` writes, and as whom.

Source: https://github.com/kubernetes/kubectl/blob/v0.36.0/pkg/polymorphichelpers/objectrestarter.go
"""


async def suspend(target: Target, name: str, wanted: Suspend) -> str:
    """Set ``spec.suspend`` and return a sentence about it. Doing it again changes nothing.

    Raises:
        PluginError: There is no such resource, or the user may not change it.
    """
    async with connect(target) as cluster:
        before = await cluster.get_counter(name)
        await cluster.merge(REQUEST_COUNTER, name, {"spec": {"suspend": wanted}})
    unchanged = " (no change)" if before["spec"].get("suspend", "None") == wanted else ""
    return f"{PLURAL}.{GROUP}/{name} {_DONE[wanted]}{unchanged}"


async def restart(target: Target, name: str, *, redis: bool, force: bool) -> str:
    """Have the pods of the service, or of its Redis, replaced as their rollout strategy says; return a sentence.

    Raises:
        PluginError: There is nothing to restart, the user may not, or counts would be lost and ``force`` is not given.
    """
    async with connect(target) as cluster:
        counter = RequestCounter.from_body(await cluster.get_counter(name))
        store = counter.spec.store.redis
        if redis and store.mode == "External":
            raise PluginError(f"{name} has no Redis of its own: spec.store.redis.mode is External")
        if redis and not store.persistence.enabled and not force:
            raise PluginError(
                f"{name} has its counts in memory only, and would lose them: --force does it all the same"
            )
        kind = STATEFUL_SET if redis else DEPLOYMENT
        child = child_name(counter, "redis" if redis else "service")
        await _restart_child(cluster, counter, kind, child)
        options = " ".join(["kubectl", *target.kubectl_options(), "rollout", "status"])
    return f"{kind.kind.lower()}.apps/{child} restarted; to wait for it: {options} {kind.kind.lower()}/{child}"


async def _restart_child(cluster: Cluster, counter: RequestCounter, kind: Kind, child: str) -> None:
    try:
        live = await cluster.get(kind, cluster.namespace, child)
    except NotFoundError as error:
        raise PluginError(f"{counter.metadata.name} has no {kind.kind} yet: is the operator running?") from error
    if not belongs_to(live, counter):
        raise PluginError(f"{kind.kind} {child} is not {counter.metadata.name}'s")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    patch = {"spec": {"template": {"metadata": {"annotations": {_RESTARTED_AT: now}}}}}
    await cluster.merge(kind, child, patch, field_manager=_ROLLOUT_FIELD_MANAGER)
