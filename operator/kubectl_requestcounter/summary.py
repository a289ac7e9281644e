"""A RequestCounter with all that belongs to it, as one JSON value: what ``status -o json`` prints. Pure.

Field names do not change their meaning; what is not known is null.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from request_counter_operator.names import INSTANCE

Body = Mapping[str, Any]

MAX_EVENTS = 10
SELECT_ALL = "app.kubernetes.io/name=request-counter"


def selector_of(name: str | None) -> str:
    """Return the label selector of one counter's objects, or of all counters'."""
    return SELECT_ALL if name is None else f"{SELECT_ALL},{INSTANCE}={name}"


def summarize(counter: Body, objects: Iterable[Body], events: Iterable[Body]) -> dict[str, Any]:
    """Return the summary of one RequestCounter.

    Args:
        counter: The resource.
        objects: Workloads, pods, ReplicaSets, autoscalers and claims; others' may be among them.
        events: Of its namespace.
    """
    metadata, spec, status = counter["metadata"], counter.get("spec") or {}, counter.get("status") or {}
    own = [body for body in objects if _is_of(body, metadata)]
    uids = {metadata["uid"], *(body["metadata"]["uid"] for body in own)}
    about = [event for event in events if event["involvedObject"].get("uid") in uids]
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "createdAt": metadata["creationTimestamp"],
        "generation": metadata.get("generation"),
        "observedGeneration": status.get("observedGeneration"),
        "suspend": spec.get("suspend", "None"),
        "url": status.get("url"),
        "total": status.get("total"),
        "requestsPerSecond": status.get("requestsPerSecond"),
        "store": status.get("store"),
        "conditions": status.get("conditions") or [],
        "workloads": [_workload(body) for body in own if body["kind"] in {"Deployment", "StatefulSet"}],
        "autoscaler": next((_autoscaler(body) for body in own if body["kind"] == "HorizontalPodAutoscaler"), None),
        "pods": [_pod(body) for body in own if body["kind"] == "Pod"],
        "volumeClaims": [_claim(body) for body in own if body["kind"] == "PersistentVolumeClaim"],
        "events": sorted(map(_event, about), key=lambda event: str(event["at"]))[-MAX_EVENTS:],
    }


def _is_of(body: Body, counter: Body) -> bool:
    metadata = body["metadata"]
    return bool(
        metadata["namespace"] == counter["namespace"] and metadata.get("labels", {}).get(INSTANCE) == counter["name"]
    )


def _workload(body: Body) -> dict[str, Any]:
    status = body.get("status") or {}
    return {
        "kind": body["kind"],
        "name": body["metadata"]["name"],
        "wanted": body["spec"].get("replicas", 1),
        "ready": status.get("readyReplicas", 0),
        "updated": status.get("updatedReplicas", 0),
        "present": status.get("replicas", 0),
        "createdAt": body["metadata"]["creationTimestamp"],
    }


def _autoscaler(body: Body) -> dict[str, Any]:
    spec, status = body["spec"], body.get("status") or {}
    (target,) = [metric["resource"]["target"] for metric in spec["metrics"]]
    current = [metric["resource"]["current"] for metric in status.get("currentMetrics") or () if "resource" in metric]
    return {
        "name": body["metadata"]["name"],
        "minReplicas": spec.get("minReplicas", 1),
        "maxReplicas": spec["maxReplicas"],
        "replicas": status.get("currentReplicas"),
        "targetCPUUtilizationPercentage": target.get("averageUtilization"),
        "cpuUtilizationPercentage": current[0].get("averageUtilization") if current else None,
        "createdAt": body["metadata"]["creationTimestamp"],
    }


def _pod(body: Body) -> dict[str, Any]:
    status = body.get("status") or {}
    containers = status.get("containerStatuses") or []
    ready = any((c["type"], c["status"]) == ("Ready", "True") for c in status.get("conditions") or ())
    return {
        "name": body["metadata"]["name"],
        "ready": ready,
        "state": _pod_state(body, containers),
        "restarts": sum(container["restartCount"] for container in containers),
        "node": body["spec"].get("nodeName"),
        "createdAt": body["metadata"]["creationTimestamp"],
    }


def _pod_state(body: Body, containers: Sequence[Body]) -> str:
    """Return the phase, or what is more telling: as ``kubectl get pods`` does."""
    if "deletionTimestamp" in body["metadata"]:
        return "Terminating"
    for container in containers:
        for state in ("waiting", "terminated"):
            if reason := (container["state"].get(state) or {}).get("reason"):
                return str(reason)
    return str((body.get("status") or {}).get("phase", "Unknown"))


def _claim(body: Body) -> dict[str, Any]:
    status = body.get("status") or {}
    return {
        "name": body["metadata"]["name"],
        "phase": status.get("phase", "Unknown"),
        "capacity": (status.get("capacity") or {}).get("storage"),
        "storageClass": body["spec"].get("storageClassName"),
        "createdAt": body["metadata"]["creationTimestamp"],
    }


def _event(body: Body) -> dict[str, Any]:
    involved, series = body["involvedObject"], body.get("series") or {}
    # Old and new events tell their time in different fields.
    last = series.get("lastObservedTime") or body.get("lastTimestamp") or body.get("eventTime")
    return {
        "at": last or body["metadata"]["creationTimestamp"],
        "type": body.get("type"),
        "reason": body.get("reason"),
        "object": f"{involved['kind']}/{involved['name']}",
        "count": series.get("count") or body.get("count") or 1,
        "message": (body.get("message") or "").strip(),
    }
