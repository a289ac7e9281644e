"""What a RequestCounter's status says of what was observed. docs/status-conditions.md is the contract. Pure."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from request_counter_operator.api import Condition, RequestCounter, Status, StoreStatus
from request_counter_operator.cache import Rollout
from request_counter_operator.names import SERVICE_PORT, child_name, selector
from request_counter_operator.settings import Settings

Truth = Literal["True", "False", "Unknown"]

HTTP_PORT = 80
HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Observed:
    """What the cluster and the service tell of one RequestCounter.

    Attributes:
        service: The service's Deployment; None while it is not there.
        redis: The StatefulSet of the counter's own Redis; None while it is not there, or somebody else runs Redis.
        total: All requests counted so far; None when it could not be read.
        store_fault: What the service said is wrong with its store; None when it said nothing of the kind.
        failures: What could not be applied, one sentence each.
    """

    service: Rollout | None = None
    redis: Rollout | None = None
    total: int | None = None
    store_fault: str | None = None
    failures: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """A condition's content, before it is compared with what it was."""

    truth: Truth
    reason: str
    message: str


def status(counter: RequestCounter, settings: Settings, observed: Observed, now: str) -> Status:
    """Return the whole status. ``now`` (RFC 3339) dates only those conditions whose truth has changed.

    What cannot be observed at the moment, such as the total of a service that is down, stays as it was.
    """
    degraded = _degraded(observed)
    redis = _redis_ready(counter, observed)
    available = _available(counter, observed)
    progressing = _progressing(observed)
    verdicts = {
        "Ready": _ready(degraded, redis, available, observed.service),
        "Available": available,
        "RedisReady": redis,
        "Progressing": progressing,
        "Degraded": degraded,
    }
    service = observed.service
    return Status(
        observed_generation=counter.metadata.generation,
        conditions=tuple(_condition(counter, name, verdict, now) for name, verdict in verdicts.items()),
        replicas=0 if service is None else service.present,
        ready_replicas=0 if service is None else service.ready,
        selector=selector(counter),
        url=url(counter, settings),
        total=counter.status.total if observed.total is None else observed.total,
        store=_store(counter),
    )


def url(counter: RequestCounter, settings: Settings) -> str:
    """Return the address at which clients reach the counter: its Ingress's, or else its Service's in the cluster."""
    exposure = counter.spec.exposure
    if exposure.type == "None":
        port = "" if SERVICE_PORT == HTTP_PORT else f":{SERVICE_PORT}"
        return f"http://{child_name(counter, 'service')}.{counter.metadata.namespace}.svc{port}"
    if exposure.tls is not None:
        port = "" if settings.ingress_https_port == HTTPS_PORT else f":{settings.ingress_https_port}"
        return f"https://{exposure.host}{port}"
    port = "" if settings.ingress_http_port == HTTP_PORT else f":{settings.ingress_http_port}"
    return f"http://{exposure.host}{port}"


def _degraded(observed: Observed) -> Verdict:
    if observed.failures:
        return Verdict("True", "ApplyFailed", "; ".join(observed.failures))
    return Verdict("False", "AsWanted", "every child is as the resource asks for")


def _redis_ready(counter: RequestCounter, observed: Observed) -> Verdict:
    redis = counter.spec.store.redis
    if redis.mode == "Standalone" and (observed.redis is None or observed.redis.ready < observed.redis.wanted):
        return Verdict("False", "RedisNotRunning", f"the pod {child_name(counter, 'redis')}-0 is not ready")
    if observed.store_fault is not None:
        return Verdict("False", "StoreUnavailable", observed.store_fault)
    if observed.total is not None:
        return Verdict("True", "StoreAnswers", "the service reads and writes its store")
    return Verdict("Unknown", "ServiceSilent", "no pod of the service could be asked about its store")


def _available(counter: RequestCounter, observed: Observed) -> Verdict:
    if counter.spec.autoscaling is None and counter.spec.replicas == 0:
        return Verdict("False", "ScaledToZero", "spec.replicas is 0: nothing serves")
    ready = 0 if observed.service is None else observed.service.ready
    pods = f"{ready} of at least {counter.minimum_replicas} pods ready"
    if ready >= counter.minimum_replicas:
        return Verdict("True", "MinimumReplicasReady", pods)
    trouble = "" if observed.service is None else observed.service.message
    return Verdict("False", "TooFewReplicasReady", f"{pods}: {trouble}" if trouble else pods)


def _progressing(observed: Observed) -> Verdict:
    workloads = {"the service": observed.service, "Redis": observed.redis}
    moving = [name for name, rollout in workloads.items() if rollout is not None and not _is_settled(rollout)]
    if observed.service is None:
        moving = ["the service"]
    if moving:
        return Verdict("True", "RollingOut", f"pods of {' and of '.join(moving)} are being replaced, added or removed")
    return Verdict("False", "RolloutComplete", "all pods are of the newest specification")


def _is_settled(rollout: Rollout) -> bool:
    return rollout.observed and rollout.wanted == rollout.updated == rollout.present == rollout.ready


def _ready(degraded: Verdict, redis: Verdict, available: Verdict, service: Rollout | None) -> Verdict:
    """Return the summary: True when only the newest specification runs, serves and counts.

    Pods that the autoscaler adds or removes do not change it: the counter is as good as it was.
    """
    if degraded.truth == "True":
        return Verdict("False", degraded.reason, degraded.message)
    for verdict in (redis, available):
        if verdict.truth != "True":
            return Verdict("False", verdict.reason, verdict.message)
    if service is None or not service.observed or service.updated < service.present:
        return Verdict("False", "RollingOut", "pods of an older specification are still running")
    return Verdict("True", "Serving", "the counter serves as the resource asks for")


def _condition(counter: RequestCounter, name: str, verdict: Verdict, now: str) -> Condition:
    before = next((c for c in counter.status.conditions if c.type == name), None)
    changed = before is None or before.status != verdict.truth
    return Condition(
        type=name,
        status=verdict.truth,
        reason=verdict.reason,
        message=verdict.message,
        last_transition_time=now if before is None or changed else before.last_transition_time,
        observed_generation=counter.metadata.generation,
    )


def _store(counter: RequestCounter) -> StoreStatus:
    mode = counter.spec.store.redis.mode
    return StoreStatus(mode=mode, primary=f"{child_name(counter, 'redis')}-0" if mode == "Standalone" else None)
