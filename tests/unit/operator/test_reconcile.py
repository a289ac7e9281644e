"""The whole sequence for counters that do well, at the start of an operator and while their namespace goes away."""

from typing import Any

import pytest

from request_counter_operator.apply import WATCH_LAG_S, Applier
from request_counter_operator.cache import Cache, Key
from request_counter_operator.errors import TerminatingError
from request_counter_operator.events import Recorder
from request_counter_operator.observe import Observer
from request_counter_operator.reconcile import UNWELL_INTERVAL_S, Reconciler
from request_counter_operator.redis_admin.stores import Stores
from request_counter_operator.settings import Settings
from request_counter_operator.terminating import REST_S, TerminatingNamespaces
from request_counter_operator.totals import SILENCE, Reading
from request_counter_operator.write_gate import WriteGate
from tests.support.api_objects import ApiObjects
from tests.support.clock import Clock

GOING = TerminatingError("namespace is being terminated", status=403)
STATUS = "patch status hits"


class Said:
    """What the services said, the same for all of them; None until the first of them was asked."""

    def __init__(self) -> None:
        self.reading: Reading | None = None

    def latest(self, _key: Key) -> Reading | None:
        """Return it."""
        return self.reading

    def follow(self, _key: Key, _url: str, *, is_doubtful: bool) -> None:
        """Ask nobody."""

    def unfollow(self, _key: Key) -> None:
        """Ask nobody."""


class World:
    """RequestCounters, and an operator that is started anew when a test says so."""

    def __init__(self) -> None:
        self.api = ApiObjects()
        self.cache = Cache()
        self.clock = Clock(1000.0)
        self.said = Said()
        self.start()

    def start(self) -> None:
        """Start another operator, which knows nothing yet."""
        self.said.reading = None
        gate = WriteGate(self.clock)
        gate.open_until(float("inf"))
        api: Any = self.api
        self.reconciler = Reconciler(
            cluster=api,
            gate=gate,
            cache=self.cache,
            applier=Applier(api, self.cache, self.clock, lambda _kind: None),
            observer=Observer(self.cache, api, self.said, Stores(lambda _: None), lambda: True),  # type: ignore[arg-type]
            recorder=Recorder(api, "operator-0", lambda: "2026-01-01T00:00:00Z"),
            terminating=TerminatingNamespaces(self.clock),
            settings=Settings(),
            now=lambda: "2026-01-01T00:00:00Z",
            seed=b"seed",
        )
        self.api.requests.clear()

    def add(self, name: str, uid: str, spec: dict[str, Any]) -> Key:
        """Add a RequestCounter."""
        self.api.add({"kind": "RequestCounter", "metadata": {"name": name, "uid": uid, "generation": 1}, "spec": spec})
        self.api.tell(self.cache)
        return Key("default", name)

    async def reconcile(self, key: Key) -> float | None:
        """Let the watches tell of everything, and reconcile; return when to come back."""
        self.api.tell(self.cache)
        return await self.reconciler.reconcile(key)

    async def settle(self, key: Key, *readings: Reading | None) -> None:
        """Have a counter as it wants to be, and its service say these things, one after the other."""
        await self.reconcile(key)
        self.api.run()
        for self.said.reading in readings:
            await self.reconcile(key)
        self.api.requests.clear()

    def conditions(self, key: Key) -> dict[str, tuple[str, str]]:
        """Return the conditions' status and reason."""
        status = self.api.objects["RequestCounter", *key]["status"]
        return {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}


@pytest.mark.parametrize(
    ("before", "ready"),
    [
        ((Reading(total=7, rate=0),), ("True", "Serving")),
        ((Reading(store_fault="WRONGPASS"),), ("False", "StoreUnavailable")),
        ((SILENCE,), ("False", "ServiceSilent")),
    ],
)
async def test_a_new_operator_writes_nothing_for_a_counter_that_does_as_before(
    before: tuple[Reading, ...], ready: tuple[str, str]
) -> None:
    world = World()
    key = world.add("hits", "u", {"replicas": 1})
    await world.settle(key, *before)
    assert world.conditions(key)["Ready"] == ready
    world.start()
    first = Reading(before[0].total, None, before[0].store_fault)  # there is no rate before the second
    for world.said.reading in (None, first, before[0]):
        await world.reconcile(key)
        assert world.api.writes == []
    assert world.conditions(key)["Ready"] == ready


async def test_a_new_operator_tells_what_has_changed_when_it_knows() -> None:
    world = World()
    key = world.add("hits", "u", {"replicas": 1})
    await world.settle(key, Reading(total=7, rate=2))
    world.start()
    await world.reconcile(key)
    assert world.api.writes == []
    world.said.reading = SILENCE
    await world.reconcile(key)
    assert world.api.writes == [STATUS, "post Event NotReady"]
    assert world.conditions(key)["RedisReady"] == ("Unknown", "ServiceSilent")
    assert "requestsPerSecond" not in world.api.objects["RequestCounter", *key]["status"]


async def test_the_last_word_on_another_specification_is_not_kept() -> None:
    world = World()
    key = world.add("hits", "u", {"replicas": 1})
    await world.settle(key, Reading(total=7, rate=2))
    world.start()
    world.api.objects["RequestCounter", *key]["metadata"]["generation"] = 2
    await world.reconcile(key)
    assert world.conditions(key)["RedisReady"] == ("Unknown", "ServiceSilent")


async def test_a_new_operator_writes_nothing_for_a_sleeping_counter() -> None:
    world = World()
    key = world.add("hits", "u", {"suspend": "Workload"})
    await world.settle(key, SILENCE)
    assert world.conditions(key)["Hibernated"] == ("True", "Asleep")
    world.start()
    world.said.reading = SILENCE
    assert await world.reconcile(key) == Settings().resync_interval_s
    assert world.api.requests == []


async def test_a_pass_that_left_a_child_to_the_watch_is_made_again_soon_and_is_not_the_last() -> None:
    world = World()
    key = world.add("hits", "u", {"suspend": "Workload"})
    await world.reconciler.reconcile(key)
    del world.api.objects["Service", "default", "hits"]
    assert await world.reconcile(key) == WATCH_LAG_S
    world.clock.now_s += WATCH_LAG_S
    await world.reconcile(key)
    assert world.api.objects["Service", "default", "hits"]


def refuse(world: World) -> None:
    """Have nothing new in the namespace."""
    for request in list(world.api.requests):
        if not request.startswith(("get ", "patch status ")):
            world.api.refusals[request] = GOING
    world.api.refusals.update({"post Event NotReady": GOING, "post Event DriftCorrected": GOING})


async def test_a_namespace_that_goes_away_costs_one_refusal_for_all_its_counters() -> None:
    world = World()
    keys = [world.add(f"hits-{number}", f"u-{number}", {"suspend": "Workload"}) for number in range(5)]
    for key in keys:
        await world.reconcile(key)
    refuse(world)
    for key in keys:
        await world.settle(key, SILENCE)
        del world.api.objects["Service", *key]
    assert await world.reconcile(keys[0]) == REST_S
    assert world.api.writes == ["patch Service hits-0"]
    world.clock.now_s += 20
    for key in keys:
        assert await world.reconcile(key) == REST_S - 20
    assert world.api.writes == ["patch Service hits-0"]
    world.clock.now_s += REST_S
    for key in keys:
        assert await world.reconcile(key) == REST_S
    assert world.api.writes == ["patch Service hits-0"] * 2


async def test_a_refused_event_shows_it_too() -> None:
    world = World()
    key = world.add("hits", "u", {"replicas": 1})
    await world.settle(key, Reading(total=7, rate=0))
    refuse(world)
    world.api.objects["Deployment", *key]["status"]["readyReplicas"] = 0
    assert await world.reconcile(key) == REST_S
    assert world.api.writes == [STATUS, "post Event NotReady"]
    world.api.objects["Deployment", *key]["status"]["replicas"] = 0
    assert await world.reconcile(key) == REST_S
    assert world.api.writes == [STATUS, "post Event NotReady"]


async def test_in_a_namespace_that_is_made_anew_a_counter_is_reconciled_at_once() -> None:
    world = World()
    key = world.add("hits", "u", {"replicas": 1})
    await world.reconcile(key)
    refuse(world)
    del world.api.objects["Service", *key]
    world.start()
    assert await world.reconcile(key) == REST_S
    world.api.objects.clear()
    world.api.tell(world.cache)
    assert await world.reconcile(key) is None
    world.api.refusals.clear()
    world.add("hits", "another", {"replicas": 1})
    assert await world.reconcile(key) == UNWELL_INTERVAL_S
    assert world.api.objects["Deployment", *key]
    assert world.conditions(key)["Degraded"] == ("False", "AsWanted")
