"""Backups: what is made for them, whose they are, and what is told of how they fare."""

from dataclasses import replace
from typing import Any

import pytest

from request_counter_operator.api import RequestCounter, StoreStatus
from request_counter_operator.backups import BackupReading, read_backups
from request_counter_operator.cache import Child, ChildKey, Key, Run, owner_key
from request_counter_operator.conditions import Observed, verdicts
from request_counter_operator.desired import children
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.redis_acl import redis_rules
from request_counter_operator.settings import Settings
from request_counter_operator.status import status
from tests.support.counters import BACKED_UP, EXTERNAL, HIBERNATING, UID, counter

DAILY: dict[str, Any] = {"store": {"backup": {"schedule": "@daily"}}}
NIGHTS = [f"2026-11-0{day}T03:00:00Z" for day in range(1, 6)]
BACKUP_LABELS = {
    "app.kubernetes.io/managed-by": "request-counter-operator",
    "app.kubernetes.io/instance": "hits",
    "app.kubernetes.io/component": "backup",
}


def rendered(spec: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    manifests = children(counter(spec), Settings(), Facts(Credentials("root"), service_replicas=2))
    return {(m["kind"], m["metadata"]["name"]): m for m in manifests}


def environment(spec: dict[str, Any]) -> dict[str, str]:
    template = rendered(spec)["CronJob", "hits-backup"]["spec"]["jobTemplate"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    return {pair["name"]: pair["value"] for pair in container["env"]}


def claim_used(spec: dict[str, Any]) -> str:
    template = rendered(spec)["CronJob", "hits-backup"]["spec"]["jobTemplate"]["spec"]["template"]
    (volume,) = [volume for volume in template["spec"]["volumes"] if volume["name"] == "backups"]
    return str(volume["persistentVolumeClaim"]["claimName"])


def test_backups_have_a_claim_of_their_own_that_nothing_deletes() -> None:
    claim = rendered(DAILY)["PersistentVolumeClaim", "hits-backup"]
    assert "ownerReferences" not in claim["metadata"]
    assert claim["metadata"]["labels"].items() >= BACKUP_LABELS.items()
    assert claim["spec"]["resources"] == {"requests": {"storage": "1Gi"}}
    assert claim_used(DAILY) == "hits-backup"


def test_or_somebody_elses_claim_and_then_none_is_made() -> None:
    spec = {"store": {"backup": {"schedule": "@daily", "volume": {"claimName": "bucket"}}}}
    assert [kind for kind, _ in rendered(spec) if kind == "PersistentVolumeClaim"] == []
    assert claim_used(spec) == "bucket"


def test_without_backups_there_is_nothing_of_them() -> None:
    for spec in ({}, EXTERNAL):
        made = rendered(spec)
        assert {"CronJob", "Job", "PersistentVolumeClaim"} & {kind for kind, _ in made} == set()
    assert "backup-username" not in rendered({})["Secret", "hits-redis"]["data"]
    assert "redis-backup.sh" not in rendered({})["ConfigMap", "hits-redis"]["data"]


def test_the_script_knows_whose_backup_it_is_and_who_has_the_data() -> None:
    alone = environment(DAILY)
    assert (alone["COUNTER"], alone["KEEP"], alone["MODE"]) == ("default/hits", "7", "Standalone")
    assert alone["SERVERS"] == "hits-redis.default.svc:6379"
    assert {"SENTINELS", "GROUP"} & alone.keys() == set()
    group = environment(BACKED_UP)
    assert group["SERVERS"] == " ".join(f"hits-redis-{number}.default.svc:6379" for number in range(3))
    assert group["SENTINELS"] == " ".join(f"hits-sentinel-{number}.default.svc:26379" for number in range(3))
    assert (group["MODE"], group["KEEP"], group["GROUP"]) == ("Sentinel", "14", f"counter-{UID}")


@pytest.mark.parametrize(
    ("spec", "suspended"),
    [
        (DAILY, False),
        (DAILY | HIBERNATING, True),
        (DAILY | {"restoreFrom": {"claimName": "hits-backup"}}, True),
    ],
)
def test_nothing_is_backed_up_that_is_not_there_yet_or_sleeps(spec: dict[str, Any], *, suspended: bool) -> None:
    assert rendered(spec)["CronJob", "hits-backup"]["spec"]["suspend"] is suspended


def test_who_makes_backups_may_read_all_and_change_nothing() -> None:
    rules = dict(redis_rules(counter(DAILY), Credentials("root", 1, (0, 1))))
    assert {rules[f"backup-{generation}"].split(" ", 3)[3] for generation in (0, 1)} == {
        "+sync +replconf +ping +role",
    }
    assert not any(user.startswith("backup") for user, _ in redis_rules(counter(), Credentials("root")))


def body(kind: str, name: str, made: str, conditions: dict[str, str] | None = None, **status: Any) -> dict[str, Any]:
    """Return a Job of the CronJob's, or itself."""
    owner = {"kind": "CronJob", "name": "hits-backup", "uid": "c", "controller": True}
    found = [{"type": t, "status": "True", "reason": "Why", "message": m} for t, m in (conditions or {}).items()]
    return {
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": name,
            "resourceVersion": "1",
            "creationTimestamp": made,
            "labels": BACKUP_LABELS,
            "ownerReferences": [owner],
        },
        "spec": {},
        "status": status | {"conditions": found},
    }


GOOD = body("Job", "hits-backup-1", NIGHTS[0], {"Complete": ""}, completionTime=NIGHTS[1])
BAD = body("Job", "hits-backup-2", NIGHTS[2], {"Failed": "the disk is full"})
RUNNING = body("Job", "hits-backup-3", NIGHTS[3])
BY_HAND = body("Job", "before-the-upgrade", NIGHTS[3], {"Complete": ""}, completionTime=NIGHTS[4])
CRON_JOB = body("CronJob", "hits-backup", NIGHTS[0], lastSuccessfulTime=NIGHTS[2])
RESTORE = body("Job", "hits-restore", NIGHTS[4], {"Failed": "no backup"})


def read(*bodies: dict[str, Any], spec: dict[str, Any] | None = None) -> BackupReading:
    live = {child.key: child for child in map(Child.from_body, bodies)}
    return read_backups(counter(DAILY if spec is None else spec), live)


FAILURE = "Job hits-backup-2: Why: the disk is full"


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([], BackupReading()),
        ([GOOD], BackupReading(NIGHTS[1])),
        ([GOOD, CRON_JOB], BackupReading(NIGHTS[2])),
        ([BAD, GOOD], BackupReading(NIGHTS[1], FAILURE)),
        ([GOOD, BAD, RUNNING], BackupReading(NIGHTS[1])),
        ([GOOD, BAD, BY_HAND, CRON_JOB], BackupReading(NIGHTS[4])),
        ([GOOD, RESTORE], BackupReading(NIGHTS[1])),
    ],
)
def test_the_newest_job_tells_how_backups_fare(bodies: list[dict[str, Any]], expected: BackupReading) -> None:
    assert read(*bodies) == expected
    assert read(*bodies, spec={}) == BackupReading()


def test_the_jobs_of_the_cronjob_are_found_at_the_counter() -> None:
    assert owner_key(GOOD) == Key("default", "hits")
    assert Child.from_body(GOOD).owner_uid == "c"  # so that nobody takes it for a child that is not wanted
    assert Child.from_body(RUNNING) == replace(Child.from_body(RUNNING), run=Run(NIGHTS[3]))
    assert Child.from_body(RUNNING).key == ChildKey("Job", "hits-backup-3")


def test_a_failing_backup_is_warned_of_before_all_else_that_has_a_price() -> None:
    spec = {"store": {"durability": "None", **DAILY["store"]}}
    observed = Observed(backups=BackupReading(failure=FAILURE))
    warning = verdicts(counter(spec), observed)["ConfigurationWarning"]
    assert (warning.truth, warning.reason) == ("True", "BackupFailing")
    assert warning.message.startswith(f"spec.store.backup: the newest backup has failed: {FAILURE}; ")


def with_store(**fields: Any) -> RequestCounter:
    before = counter(DAILY)
    store = StoreStatus(mode="Standalone", **fields)
    return before.model_copy(update={"status": before.status.model_copy(update={"store": store})})


@pytest.mark.parametrize(
    ("before", "seen", "expected"),
    [
        (None, None, None),
        (None, NIGHTS[1], NIGHTS[1]),
        (NIGHTS[1], NIGHTS[2], NIGHTS[2]),
        (NIGHTS[2], NIGHTS[1], NIGHTS[2]),  # its Job is gone by now
        (NIGHTS[2], None, NIGHTS[2]),
    ],
)
def test_the_status_keeps_the_time_of_the_newest_backup(
    before: str | None, seen: str | None, expected: str | None
) -> None:
    observed = Observed(backups=BackupReading(seen))
    found = status(with_store(last_backup=before), Settings(), observed, NIGHTS[4]).store
    assert found is not None
    assert found.last_backup == expected
