"""A new counter that begins with a backup: nobody counts before all is there, and nothing is restored twice."""

from typing import Any

import pytest

from request_counter_operator.api import RequestCounter, StoreStatus
from request_counter_operator.backups import RestoreReading, read_restore
from request_counter_operator.cache import Key, Run
from request_counter_operator.conditions import Observed
from request_counter_operator.settings import Settings
from request_counter_operator.status import status
from request_counter_operator.totals import Reading
from tests.support.counters import counter
from tests.unit.operator.test_reconcile import World

SPEC: dict[str, Any] = {
    "autoscaling": {"minReplicas": 2, "maxReplicas": 5},
    "store": {"backup": {"schedule": "@daily"}},
    "restoreFrom": {"claimName": "hits-backup"},
}
PICKED = "20261125T030000Z"
NOON, LATER = "2026-11-25T12:00:00Z", "2026-11-25T12:05:00Z"


def pod(made: str, *ended: tuple[str, int, str]) -> dict[str, Any]:
    """Return a pod of the Job whose containers have ended so: name, exit code, last words."""
    found = [
        {"name": name, "state": {"terminated": {"exitCode": code, "message": words}}} for name, code, words in ended
    ]
    inits = [one for one in found if one["name"] == "fetch"]
    return {
        "kind": "Pod",
        "metadata": {
            "name": f"hits-restore-{made[-3:-1]}",
            "creationTimestamp": made,
            "labels": {
                "app.kubernetes.io/name": "request-counter",
                "app.kubernetes.io/instance": "hits",
                "app.kubernetes.io/component": "restore",
            },
        },
        "status": {
            "initContainerStatuses": inits,
            "containerStatuses": [one for one in found if one not in inits],
        },
    }


BROUGHT = pod(NOON, ("fetch", 0, PICKED), ("restore", 0, ""))
REFUSED = pod(NOON, ("fetch", 0, PICKED), ("restore", 3, "copying\n{'reason': 'the target holds 3 paths'}\n"))
SUCCESS, FAILURE = Run(NOON, succeeded=LATER), Run(NOON, failure="PodFailurePolicy: exit code 3")


@pytest.mark.parametrize(
    ("run", "pods", "expected"),
    [
        (SUCCESS, [BROUGHT], RestoreReading(restored=PICKED)),
        (
            SUCCESS,
            [pod(NOON, ("fetch", 0, "older"), ("restore", 1, "x")), pod(LATER, ("fetch", 0, PICKED))],
            RestoreReading(restored=PICKED),
        ),
        (SUCCESS, [], RestoreReading(restored="latest")),
        (
            FAILURE,
            [REFUSED],
            RestoreReading(
                failure="Job hits-restore: PodFailurePolicy: exit code 3; "
                "restore said: {'reason': 'the target holds 3 paths'}"
            ),
        ),
        (
            FAILURE,
            [pod(LATER, ("fetch", 3, "no complete backup")), REFUSED],
            RestoreReading(failure="Job hits-restore: PodFailurePolicy: exit code 3; fetch said: no complete backup"),
        ),
        (FAILURE, [], RestoreReading(failure="Job hits-restore: PodFailurePolicy: exit code 3")),
    ],
)
def test_the_last_words_of_pods_tell_what_came_of_it(
    run: Run, pods: list[dict[str, Any]], expected: RestoreReading
) -> None:
    assert read_restore(counter(SPEC), run, pods) == expected


class Restoring(World):
    """A counter whose Redis runs, and whose Job ends as a test says."""

    async def begin(self) -> Key:
        """Create it."""
        key = self.add("hits", "u", SPEC)
        await self.settle(key)
        await self.reconcile(key)
        return key

    def spec(self, kind: str, name: str = "hits") -> dict[str, Any]:
        """Return an object's specification."""
        found: dict[str, Any] = self.api.objects[kind, "default", name]["spec"]
        return found

    def change(self, key: Key, **spec: Any) -> None:
        """Change fields of the specification."""
        resource = self.api.objects["RequestCounter", *key]
        resource["spec"] = SPEC | spec
        resource["metadata"]["generation"] += 1
        self.api.add(resource)

    def end_job(self, pods: list[dict[str, Any]], condition: str) -> None:
        """End the Job, and leave these pods."""
        ended = {"type": condition, "status": "True", "reason": "PodFailurePolicy", "message": "exit code 3"}
        self.api.objects["Job", "default", "hits-restore"]["status"] = {
            "conditions": [ended],
            "completionTime": LATER,
        }
        for one in pods:
            self.api.add(one)

    def has(self, kind: str, name: str = "hits") -> bool:
        """Return whether there is such an object."""
        return (kind, "default", name) in self.api.objects

    def store(self, key: Key) -> dict[str, Any]:
        """Return what the status says of the store."""
        found: dict[str, Any] = self.api.objects["RequestCounter", *key]["status"]["store"]
        return found


async def test_nobody_counts_until_all_is_there_and_then_everything_starts() -> None:
    world = Restoring()
    key = await world.begin()
    assert world.spec("Deployment")["replicas"] == 0
    assert not world.has("HorizontalPodAutoscaler")
    assert world.spec("StatefulSet", "hits-redis")["replicas"] == 1
    assert world.spec("CronJob", "hits-backup")["suspend"]
    found = world.conditions(key)
    assert found["Ready"] == ("False", "Restoring")
    assert found["Available"] == ("False", "Restoring")
    assert found["RedisReady"] == ("Unknown", "Restoring")
    assert found["Degraded"] == ("False", "AsWanted")

    world.end_job([BROUGHT], "Complete")
    world.api.requests.clear()
    await world.reconcile(key)
    assert world.store(key)["restored"] == PICKED
    assert "post Event Restored" in world.api.writes
    await world.reconcile(key)
    assert world.spec("Deployment")["replicas"] == 2
    assert not world.has("Job", "hits-restore")
    assert not world.spec("CronJob", "hits-backup")["suspend"]
    world.api.run()
    world.said.reading = Reading(total=7, rate=0)
    await world.reconcile(key)
    assert world.has("HorizontalPodAutoscaler")
    assert world.conditions(key)["Ready"] == ("True", "Serving")


async def test_what_was_restored_once_is_never_restored_again() -> None:
    world = Restoring()
    key = await world.begin()
    world.end_job([BROUGHT], "Complete")
    await world.settle(key, Reading(total=7, rate=0))
    for restore_from in ({"claimName": "another"}, None, {"claimName": "hits-backup"}):
        world.change(key, restoreFrom=restore_from)
        world.start()
        world.said.reading = Reading(total=7, rate=0)
        for _ in range(2):
            await world.reconcile(key)
        assert not world.has("Job", "hits-restore")
        assert world.store(key)["restored"] == PICKED


async def test_a_restore_that_failed_is_told_and_nothing_starts() -> None:
    world = Restoring()
    key = await world.begin()
    world.end_job([REFUSED], "Failed")
    for _ in range(2):
        await world.reconcile(key)
    assert world.conditions(key)["Ready"] == ("False", "RestoreFailed")
    assert world.conditions(key)["Degraded"] == ("True", "RestoreFailed")
    assert world.spec("Deployment")["replicas"] == 0
    assert "restored" not in world.store(key)
    assert world.has("Job", "hits-restore")
    # Whoever has mended it deletes the Job, and another one tries.
    del world.api.objects["Job", "default", "hits-restore"]
    await world.reconcile(key)
    assert world.has("Job", "hits-restore")
    assert world.conditions(key)["Ready"] == ("False", "Restoring")


async def test_one_that_is_put_to_sleep_goes_on_when_it_wakes_up() -> None:
    world = Restoring()
    key = await world.begin()
    for suspend, there in (("Workload", False), ("None", True)):
        world.change(key, suspend=suspend)
        await world.reconcile(key)
        assert world.has("Job", "hits-restore") is there
        assert world.spec("Deployment")["replicas"] == 0


def test_another_mode_does_not_forget_what_was_restored() -> None:
    before = counter({**SPEC, "store": {"redis": {"mode": "Sentinel"}}})
    store = StoreStatus(mode="Standalone", restored=PICKED, last_backup=NOON)
    known: RequestCounter = before.model_copy(update={"status": before.status.model_copy(update={"store": store})})
    found = status(known, Settings(), Observed(), LATER).store
    assert found is not None
    assert (found.mode, found.restored, found.last_backup) == ("Sentinel", PICKED, NOON)
