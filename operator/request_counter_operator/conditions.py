"""Each condition's verdict on what was observed. docs/status-conditions.md is the contract. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from request_counter_operator.api import RequestCounter
from request_counter_operator.backups import NO_BACKUPS, NO_RESTORE, BackupReading, RestoreReading
from request_counter_operator.cache import Rollout, Run
from request_counter_operator.configuration_warning import cautions
from request_counter_operator.errors import (
    FieldConflictError,
    ForeignObjectError,
    ImmutableFieldError,
    OperatorError,
    VolumeNotGrownError,
)
from request_counter_operator.happening import Happening
from request_counter_operator.redis_admin.reading import NOT_READ, StoreReading

Truth = Literal["True", "False", "Unknown"]

_WORDS_OF_THE_SERVICE = {"StoreAnswers", "StoreUnavailable"}
"""Reasons of RedisReady that only the service can give."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the cluster and the service tell of one RequestCounter.

    Attributes:
        service: The service's Deployment; None while it is not there.
        redis: The StatefulSets of the counter's own Redis in sum; None while there is none, or somebody else runs it.
        revisions: The newest template of each of these StatefulSets, by its name.
        store: What the servers of the counter's own Redis, of the wanted one if there are two, said of themselves.
        transfer: How the Job that copies the counts has fared; None while there is none.
        happenings: What was done at these servers since it was asked last.
        total: All requests counted so far; None when it could not be read.
        requests_per_second: Counted of late; None when unknown.
        store_fault: What the service said is wrong with its store; None when it said nothing of the kind.
        is_unasked: Whether the service has pods, and has neither answered this operator yet nor been silent for long.
        failures: What could not be applied.
        fight: Who keeps changing which child, as a sentence; None when nobody does.
        missing_secrets: Secrets, or keys of them, that the resource refers to and that are not there.
        backups: How the making of backups fares.
        restore: How the bringing back of one has ended.
    """

    service: Rollout | None = None
    redis: Rollout | None = None
    revisions: Mapping[str, str] = field(default_factory=dict)
    store: StoreReading = NOT_READ
    transfer: Run | None = None
    happenings: tuple[Happening, ...] = ()
    total: int | None = None
    requests_per_second: int | None = None
    store_fault: str | None = None
    is_unasked: bool = False
    failures: tuple[OperatorError, ...] = ()
    fight: str | None = None
    missing_secrets: tuple[str, ...] = ()
    backups: BackupReading = NO_BACKUPS
    restore: RestoreReading = NO_RESTORE


_WAY_BACK = "all counts are where they were, and spec.store.redis.mode can be set back"


class Verdict(NamedTuple):
    """A condition's content, before it is compared with what it was."""

    truth: Truth
    reason: str
    message: str


def verdicts(counter: RequestCounter, observed: Observed) -> dict[str, Verdict]:
    """Return all conditions by type."""
    degraded = _degraded(counter, observed)
    redis = _redis_ready(counter, observed)
    available = _available(counter, observed)
    return {
        "Ready": _ready(degraded, redis, available, observed.service),
        "Available": available,
        "RedisReady": redis,
        "Progressing": _progressing(counter, observed),
        "Degraded": degraded,
        "ReconciliationPaused": _paused(counter),
        "Hibernated": _hibernated(counter, observed),
        "ConfigurationWarning": _configuration_warning(counter, observed),
    }


def invalid_verdicts(message: str) -> dict[str, Verdict]:
    """Return all conditions of a resource that cannot be read: nothing is known but that."""
    unknown = Verdict("Unknown", "InvalidSpec", message)
    types = ("Available", "RedisReady", "Progressing", "ReconciliationPaused", "Hibernated", "ConfigurationWarning")
    return {
        "Ready": Verdict("False", "InvalidSpec", message),
        "Degraded": Verdict("True", "InvalidSpec", message),
        **dict.fromkeys(types, unknown),
    }


def _degraded(counter: RequestCounter, observed: Observed) -> Verdict:
    if counter.is_paused:
        return Verdict("Unknown", "Paused", "whether the children are as the resource asks for is not looked at")
    if (failed := _failed(observed.failures)) is not None:
        return failed
    if counter.is_restoring and observed.restore.failure is not None:
        return Verdict("True", "RestoreFailed", observed.restore.failure)
    if observed.transfer is not None and observed.transfer.failure:
        return Verdict("True", "MoveFailed", f"{observed.transfer.failure}. The Job's log has the why; {_WAY_BACK}")
    if observed.fight is not None:
        return Verdict(
            "True", "FieldConflict", f"{observed.fight} again and again: it is left so for a while each time"
        )
    return Verdict("False", "AsWanted", "every child is as the resource asks for")


def _failed(failures: Sequence[OperatorError]) -> Verdict | None:
    """Return what could not be done, the worst of it as the reason; None when all could."""
    message = "; ".join(map(str, failures))
    kinds = {type(failure) for failure in failures}
    if kinds - {ForeignObjectError, FieldConflictError, ImmutableFieldError, VolumeNotGrownError}:
        return Verdict("True", "ApplyFailed", message)
    if ForeignObjectError in kinds:
        return Verdict("True", "ForeignObject", message)
    if ImmutableFieldError in kinds:
        return Verdict("True", "ImmutableField", f"{message}. Delete it, and it is made anew as wanted")
    if VolumeNotGrownError in kinds:
        return Verdict("True", "VolumeNotGrown", message)
    return None


def _redis_ready(counter: RequestCounter, observed: Observed) -> Verdict:
    if counter.is_hibernating:
        return Verdict("False", "Hibernating", "spec.suspend is Workload: nobody uses the store")
    if (lack := _lack_of_servers(counter, observed)) is not None:
        return lack
    if counter.is_restoring:
        return Verdict(
            "Unknown", "Restoring", "counts come from a backup, and nobody uses the store until all are there"
        )
    return _told_by_the_service(counter, observed)


def _told_by_the_service(counter: RequestCounter, observed: Observed) -> Verdict:
    if observed.is_unasked and (last_word := _last_word(counter)) is not None:
        return last_word
    if observed.store_fault is not None:
        return Verdict("False", "StoreUnavailable", observed.store_fault)
    if observed.total is not None:
        return Verdict("True", "StoreAnswers", "the service reads and writes its store")
    return Verdict("Unknown", "ServiceSilent", "no pod of the service could be asked about its store")


def _lack_of_servers(counter: RequestCounter, observed: Observed) -> Verdict | None:
    """Return what a Redis of our own lacks by its own words and its StatefulSet's; None when it lacks nothing."""
    store, redis = observed.store, observed.redis
    if store.fault is not None:
        return Verdict("False", "NoPrimary", store.fault)
    ready, wanted = (0, 1) if redis is None else (redis.ready, redis.wanted)
    if counter.spec.store.redis.mode != "External" and ready < wanted:
        return Verdict("False", "RedisNotRunning", f"{ready} of {wanted} pods of Redis are ready")
    # Of one that is alone, the service knows more than whoever asks from elsewhere.
    if counter.spec.store.redis.mode != "Standalone" and store.servers and not store.is_whole:
        lack = store.lack or "a replica does not follow its primary, or a sentinel does not answer"
        return Verdict("False", "RedisNotWhole", lack)
    return None


def _last_word(counter: RequestCounter) -> Verdict | None:
    """Return what the status tells that the service said of its store; None where it does not, or of another spec."""
    for known in counter.status.conditions:
        is_current = known.observed_generation == counter.metadata.generation
        if known.type == "RedisReady" and known.reason in _WORDS_OF_THE_SERVICE and is_current:
            return Verdict(known.status, known.reason, known.message)
    return None


def _available(counter: RequestCounter, observed: Observed) -> Verdict:
    if counter.move is not None and counter.move.phase != "Preparing":
        return Verdict("False", "Moving", f"nothing serves while the counts are copied to {counter.move.to}")
    if counter.is_hibernating:
        return Verdict("False", "Hibernating", "spec.suspend is Workload: nothing serves")
    if counter.is_restoring:
        return Verdict("False", "Restoring", "counts come from a backup, and nothing serves until all are there")
    if counter.spec.autoscaling is None and counter.spec.replicas == 0:
        return Verdict("False", "ScaledToZero", "spec.replicas is 0: nothing serves")
    ready = 0 if observed.service is None else observed.service.ready
    pods = f"{ready} of at least {counter.minimum_replicas} pods ready"
    if ready >= counter.minimum_replicas:
        return Verdict("True", "MinimumReplicasReady", pods)
    trouble = "" if observed.service is None else observed.service.message
    return Verdict("False", "TooFewReplicasReady", f"{pods}: {trouble}" if trouble else pods)


def _progressing(counter: RequestCounter, observed: Observed) -> Verdict:
    if counter.move is not None:
        return Verdict("True", "Moving", f"the counts are on their way to {counter.move.to}: {counter.move.phase}")
    workloads = {"the service": observed.service, "Redis": observed.redis}
    moving = [name for name, rollout in workloads.items() if rollout is not None and not _is_settled(rollout)]
    if observed.service is None and not counter.is_paused:
        moving = ["the service"]
    if moving:
        return Verdict("True", "RollingOut", f"pods of {' and of '.join(moving)} are being replaced, added or removed")
    return Verdict("False", "RolloutComplete", "all pods are of the newest specification")


def _is_settled(rollout: Rollout) -> bool:
    return rollout.observed and rollout.wanted == rollout.updated == rollout.present == rollout.ready


def _paused(counter: RequestCounter) -> Verdict:
    if counter.is_paused:
        return Verdict("True", "SuspendedBySpec", "spec.suspend is Reconcile: everything is left as it is")
    return Verdict("False", "Reconciling", "the children are kept as the resource asks for")


def _hibernated(counter: RequestCounter, observed: Observed) -> Verdict:
    if not counter.is_hibernating:
        return Verdict("False", "Awake", "spec.suspend is not Workload")
    pods = sum(
        rollout.present + rollout.ending for rollout in (observed.service, observed.redis) if rollout is not None
    )
    if pods:
        return Verdict("False", "GoingToSleep", f"{pods} pods are still there")
    return Verdict("True", "Asleep", "spec.suspend is Workload: no pods, and all counts kept")


def _configuration_warning(counter: RequestCounter, observed: Observed) -> Verdict:
    found = cautions(counter, observed.missing_secrets, observed.backups.failure)
    if found:
        return Verdict("True", found[0].reason, "; ".join(caution.message for caution in found))
    return Verdict("False", "NothingToWarnOf", "the resource asks for nothing risky")


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
