"""A counter with its books, a backup, the loss of everything else, and a new counter with exactly the same counts."""

import pytest

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.resources import (
    GATE,
    READY_WITHIN_S,
    acknowledged,
    condition,
    count,
    host,
    ready,
    resource,
    start,
    store_status,
)

# So seldom that only a test's own Jobs run.
BACKED_UP = {"store": {"backup": {"schedule": "0 0 29 2 *", "keep": 2}}}
RESTORED = {**BACKED_UP, "restoreFrom": {"claimName": "hits-backup"}}
ENOUGH = 2000


async def back_up(kubectl: Kubectl, job: str) -> str:
    """Have a backup made now, as a person would; return what its pod said."""
    await kubectl("create", "job", "--from=cronjob/hits-backup", job)
    await kubectl.wait(f"job/{job}", "condition=Complete", within_s=READY_WITHIN_S)
    return await kubectl("logs", f"job/{job}")


async def lose_everything_but_backups(kubectl: Kubectl) -> None:
    """Delete the resource and its Redis's volume."""
    await kubectl("delete", "requestcounter/hits", "--timeout=60s")
    await kubectl("delete", "persistentvolumeclaim/data-hits-redis-0", "--ignore-not-found", "--timeout=60s")
    assert await kubectl.find("persistentvolumeclaim", "hits-backup") is not None


async def test_a_new_counter_has_exactly_the_counts_of_the_backup(namespace: Kubectl) -> None:
    await start(namespace, BACKED_UP)
    async with Ledger(GATE, host=host(namespace), paths=200, rate_per_s=200) as ledger:
        await acknowledged(ledger, ENOUGH)
    await ledger.verify()
    at_backup = {path: await count(namespace, "GET", path) for path in ledger.paths}
    said = await back_up(namespace, "now")
    assert f"{namespace.namespace}/hits/" in said

    async def is_told() -> bool:
        return "lastBackup" in await store_status(namespace)

    await eventually(is_told, within_s=30)
    # Counted since, and so lost.
    await count(namespace, "PUT", ledger.paths[0])
    await lose_everything_but_backups(namespace)

    await start(namespace, RESTORED)
    assert {path: await count(namespace, "GET", path) for path in ledger.paths} == at_backup
    await ledger.verify()
    store = await store_status(namespace)
    assert f"{namespace.namespace}/hits/{store['restored']} is complete" in said
    assert await namespace.find("job", "hits-restore") is None
    # It counts on, its next backup is one of its own, and nothing is restored over what it has.
    assert await count(namespace, "PUT", ledger.paths[0]) == at_backup[ledger.paths[0]] + 1
    await back_up(namespace, "later")
    await namespace("delete", "pod/hits-redis-0")
    await ready(namespace)
    assert await count(namespace, "GET", ledger.paths[0]) == at_backup[ledger.paths[0]] + 1


async def test_a_volume_without_the_counters_backup_is_told_and_nothing_serves(namespace: Kubectl) -> None:
    await start(namespace, BACKED_UP)
    await back_up(namespace, "now")
    wrong = {"restoreFrom": {"claimName": "hits-backup", "counter": "nobody/hits"}}
    await namespace.apply(resource(namespace, wrong, "another"))
    await namespace.wait("requestcounter/another", "condition=Degraded", within_s=READY_WITHIN_S)
    degraded = await condition(namespace, "Degraded", "another")
    assert degraded["reason"] == "RestoreFailed"
    assert "no complete backup latest of nobody/hits" in degraded["message"]
    assert (await namespace.get("deployment", "another"))["spec"]["replicas"] == 0
    # Without the wish it begins with nothing.
    await namespace.apply(resource(namespace, {}, "another"))
    await ready(namespace, "another")


@pytest.mark.long
async def test_a_backup_that_fails_is_warned_of_until_one_succeeds(namespace: Kubectl) -> None:
    await start(namespace, BACKED_UP)
    await namespace("patch", "requestcounter/hits", "--type=merge", '--patch={"spec":{"suspend":"Workload"}}')
    await namespace.wait("requestcounter/hits", "condition=Hibernated", within_s=READY_WITHIN_S)
    await namespace("create", "job", "--from=cronjob/hits-backup", "asleep")
    await namespace.wait("job/asleep", "condition=Failed", within_s=240)

    async def is_warned_of() -> bool:
        return bool((await condition(namespace, "ConfigurationWarning"))["reason"] == "BackupFailing")

    await eventually(is_warned_of, within_s=30)
    await namespace("patch", "requestcounter/hits", "--type=merge", '--patch={"spec":{"suspend":"None"}}')
    await ready(namespace)
    await back_up(namespace, "awake")

    async def is_well() -> bool:
        return bool((await condition(namespace, "ConfigurationWarning"))["reason"] == "NothingToWarnOf")

    await eventually(is_well, within_s=30)
