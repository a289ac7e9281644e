"""Brings the pods of a Redis group to their newest template, one at a time: replicas first, the primary last.

The StatefulSet's own way would take them by their numbers, wherever the primary is, and move it again and again.
A primary that is told to stop hands over before it does (render/scripts/redis-stop.sh).
"""

from collections.abc import Mapping
from typing import Any

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Rollout
from request_counter_operator.happening import Happening
from request_counter_operator.kinds import POD
from request_counter_operator.kube import Cluster
from request_counter_operator.names import selector_of
from request_counter_operator.redis_admin.reading import StoreReading

REVISION_LABEL = "controller-revision-hash"


async def replace_next(
    cluster: Cluster, counter: RequestCounter, redis: Rollout | None, reading: StoreReading
) -> Happening | None:
    """Delete the next pod that is to be replaced, if one is and may be spared just now; return what to tell of it.

    Raises:
        ApiError: The pods could not be read, or the pod not be deleted.
    """
    if counter.spec.store.redis.mode != "Sentinel" or counter.is_hibernating:
        return None  # one server alone is replaced by its StatefulSet
    if redis is None or not redis.observed or redis.updated >= redis.present or not redis.revision:
        return None
    namespace = counter.metadata.namespace
    pods = await cluster.list(POD, namespace, selector_of(counter, "redis"))
    pod = next_to_replace(pods, redis.revision, reading, has_data=counter.is_bootstrapped)
    if pod is None:
        return None
    name = pod["metadata"]["name"]
    await cluster.delete(POD, namespace, name, pod["metadata"]["uid"])
    return Happening("Normal", "PodReplaced", f"Pod {name} is replaced by one of the newest template")


def next_to_replace(
    pods: list[dict[str, Any]], revision: str, reading: StoreReading, *, has_data: bool
) -> Mapping[str, Any] | None:
    """Return the pod to delete next, or None when there is none or none can be spared.

    A pod of an old template that does not work is replaced whatever the others do: there is nothing to lose. Of those
    that work, none while another is missing, unless the group has never come together: then it is these that keep it
    from that.
    """
    if any("deletionTimestamp" in pod["metadata"] for pod in pods):
        return None
    outdated = [pod for pod in pods if pod["metadata"].get("labels", {}).get(REVISION_LABEL) != revision]
    broken = [pod for pod in outdated if not _is_ready(pod) and pod["metadata"]["name"] != reading.primary]
    if broken or (outdated and not has_data):
        return (broken or outdated)[0]
    if not outdated or not reading.is_whole:
        return None
    # The primary comes last; of the others, in the StatefulSet's own order.
    return max(outdated, key=lambda pod: (pod["metadata"]["name"] != reading.primary, pod["metadata"]["name"]))


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)
