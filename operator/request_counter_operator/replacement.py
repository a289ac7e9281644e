"""Brings the pods of a Redis group or cluster to their newest template, one at a time: replicas before primaries.

The StatefulSet's own way would take them by their numbers, wherever the primary is, and move it again and again. Of a
cluster, one shard comes after the other. A primary that is told to stop hands over before it does
(render/scripts/*-stop.sh).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from request_counter_operator.api import RequestCounter
from request_counter_operator.conditions import Observed
from request_counter_operator.happening import Happening
from request_counter_operator.kinds import POD
from request_counter_operator.kube import Cluster
from request_counter_operator.names import selector_of
from request_counter_operator.redis_admin.reading import StoreReading

REVISION_LABEL = "controller-revision-hash"


async def replace_next(
    cluster: Cluster, counter: RequestCounter, observed: Observed, look: Callable[[], Awaitable[StoreReading]]
) -> Happening | None:
    """Delete the next pod that is to be replaced, if one is and may be spared just now; return what to tell of it.

    Args:
        cluster: where the pods are.
        counter: whose they are.
        observed: whether any is to be replaced.
        look: asks the servers. What they said some seconds ago is not enough: one of them may have gone since.

    Raises:
        ApiError: The pods could not be read, or the pod not be deleted.
    """
    mode, redis = counter.spec.store.redis.mode, observed.redis
    if mode not in {"Sentinel", "Cluster"} or counter.is_hibernating:
        return None  # one server alone is replaced by its StatefulSet
    if redis is None or not redis.observed or redis.updated >= redis.present or not all(observed.revisions.values()):
        return None
    namespace = counter.metadata.namespace
    pods = await cluster.list(POD, namespace, selector_of(counter, "redis" if mode == "Sentinel" else "cluster"))
    if len(pods) != redis.wanted:
        return None  # one is just being made
    pod = next_to_replace(pods, observed.revisions, await look(), has_data=counter.is_bootstrapped)
    if pod is None:
        return None
    name = pod["metadata"]["name"]
    await cluster.delete(POD, namespace, name, pod["metadata"]["uid"])
    return Happening("Normal", "PodReplaced", f"Pod {name} is replaced by one of the newest template")


def next_to_replace(
    pods: list[dict[str, Any]], revisions: Mapping[str, str], reading: StoreReading, *, has_data: bool
) -> Mapping[str, Any] | None:
    """Return the pod to delete next, or None when there is none or none can be spared.

    ``revisions`` has the newest template of each StatefulSet, by its name.

    A pod of an old template that does not work is replaced whatever the others do: there is nothing to lose. Of those
    that work, none while another is missing, unless the group has never come together: then it is these that keep it
    from that.
    """
    if any("deletionTimestamp" in pod["metadata"] for pod in pods):
        return None
    primaries = {reading.primary, *reading.primaries}
    outdated = [pod for pod in pods if _workload(pod) in revisions and not _is_newest(pod, revisions)]
    broken = [pod for pod in outdated if not _is_ready(pod) and pod["metadata"]["name"] not in primaries]
    if broken or (outdated and not has_data):
        return (broken or outdated)[0]
    if not outdated or not reading.is_whole or not all(map(_is_ready, pods)):
        return None
    first = min((_workload(pod) for pod in outdated), key=list(revisions).index)
    of_shard = [pod for pod in outdated if _workload(pod) == first]
    # The primary comes last; of the others, in the StatefulSet's own order.
    return max(of_shard, key=lambda pod: (pod["metadata"]["name"] not in primaries, pod["metadata"]["name"]))


def _workload(pod: Mapping[str, Any]) -> str:
    """Return the StatefulSet of a pod, whose name is that with a number."""
    return str(pod["metadata"]["name"]).rpartition("-")[0]


def _is_newest(pod: Mapping[str, Any], revisions: Mapping[str, str]) -> bool:
    return bool(pod["metadata"].get("labels", {}).get(REVISION_LABEL) == revisions[_workload(pod)])


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)
