"""What the Jobs that make backups, and the one that brings a backup back, have come to. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Child, ChildKey, Run
from request_counter_operator.kinds import CRON_JOB, JOB
from request_counter_operator.names import child_name
from request_counter_operator.render.restore_job import PICK_CONTAINER


@dataclass(frozen=True, slots=True)
class BackupReading:
    """What the cluster tells of a counter's backups.

    Attributes:
        last: When the newest one was complete, RFC 3339; None when there is none.
        failure: What the newest Job failed with, as a sentence; None when it has not failed.
    """

    last: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class RestoreReading:
    """What the cluster tells of the Job that brings a counter its counts.

    Attributes:
        restored: The backup that it has brought; None while it has not.
        failure: What it was given up for, as a sentence; None when it was not.
    """

    restored: str | None = None
    failure: str | None = None


NO_BACKUPS = BackupReading()
NO_RESTORE = RestoreReading()


def read_backups(counter: RequestCounter, live: Mapping[ChildKey, Child]) -> BackupReading:
    """Return what there is to tell of backups. Jobs that somebody makes from the CronJob by hand count like all."""
    if counter.spec.store.backup is None:
        return NO_BACKUPS
    jobs = {key.name: child.run for key, child in live.items() if key.kind == JOB.kind and child.run is not None}
    for other in ("restore", "transfer"):
        jobs.pop(child_name(counter, other), None)
    cron_job = run_of(live, ChildKey(CRON_JOB.kind, child_name(counter, "backup")))
    runs = [*jobs.values(), *([] if cron_job is None else [cron_job])]
    # RFC 3339 in UTC: the order of the text is the order of time.
    last = max((run.succeeded for run in runs if run.succeeded is not None), default=None)
    name, newest = max(jobs.items(), key=lambda job: (job[1].made, job[0]), default=("", None))
    return BackupReading(last, f"Job {name}: {newest.failure}" if newest is not None and newest.failure else None)


def restore_run(counter: RequestCounter, live: Mapping[ChildKey, Child]) -> Run | None:
    """Return how the Job that restores has ended; None when it has not, or is not there."""
    run = run_of(live, ChildKey(JOB.kind, child_name(counter, "restore"))) if counter.is_restoring else None
    return run if run is not None and (run.succeeded or run.failure) else None


def read_restore(counter: RequestCounter, run: Run, pods: Sequence[Mapping[str, Any]]) -> RestoreReading:
    """Return what a Job that has ended came to, by its pods' last words.

    Args:
        counter: what it was for.
        run: how it has ended.
        pods: its pods, as far as they are still there.
    """
    by_age = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    if run.succeeded:
        picked = [
            words for pod in by_age for name, code, words in _last_words(pod) if name == PICK_CONTAINER and not code
        ]
        asked_for = "" if counter.spec.restore_from is None else counter.spec.restore_from.backup
        return RestoreReading(restored=next((words for words in reversed(picked) if words), asked_for))
    said = [f"{name} said: {words}" for pod in by_age for name, code, words in _last_words(pod) if code and words]
    return RestoreReading(failure="; ".join([f"Job {child_name(counter, 'restore')}: {run.failure}", *said[-1:]]))


def run_of(live: Mapping[ChildKey, Child], key: ChildKey) -> Run | None:
    """Return how a Job or CronJob has fared; None while it is not there."""
    child = live.get(key)
    return None if child is None else child.run


def _last_words(pod: Mapping[str, Any]) -> Iterable[tuple[str, int, str]]:
    """Return of each container that has ended its name, exit code and last line."""
    status = pod.get("status", {})
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        ended = container.get("state", {}).get("terminated")
        if ended is not None:
            lines = str(ended.get("message", "")).strip().splitlines()
            yield container["name"], int(ended.get("exitCode", 0)), lines[-1] if lines else ""
