"""The children of one RequestCounter: made with few requests, put right, and never taken from anybody."""

import asyncio
from typing import Any

import pytest

from request_counter_operator.apply import WATCH_LAG_S, Applier
from request_counter_operator.cache import Cache, Key
from request_counter_operator.desired import children
from request_counter_operator.errors import (
    ApiError,
    ForeignObjectError,
    GoneError,
    ImmutableFieldError,
    NotLeadingError,
    TerminatingError,
)
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.settings import Settings
from request_counter_operator.turns import MOST_AT_ONCE, Made
from tests.support.api_objects import ApiObjects
from tests.support.clock import Clock
from tests.support.counters import UID, counter
from tests.support.eventually import eventually

KEY = Key("default", "hits")
CHILDREN = [
    "ServiceAccount hits",
    "Secret hits-redis",
    "ConfigMap hits-redis",
    "Service hits-redis",
    "StatefulSet hits-redis",
    "Service hits",
    "Service hits-admin",
    "Deployment hits",
    "PodDisruptionBudget hits",
]
CONFIRM = "get RequestCounter hits"


class World:
    """An applier, the objects that it works on, a watch that tells when a test says so, and a clock."""

    def __init__(self) -> None:
        self.api = ApiObjects()
        self.api.add({"kind": "RequestCounter", "metadata": {"name": "hits", "uid": UID}})
        self.cache = Cache()
        self.clock = Clock(1000.0)
        self.corrected: list[str] = []
        self.applier = Applier(self.api, self.cache, self.clock, self.corrected.append)  # type: ignore[arg-type]

    async def make(self, spec: dict[str, Any] | None = None, **metadata: Any) -> Made:
        """Make one pass."""
        resource = counter(spec, **metadata)
        return await self.applier.make(KEY, resource, children(resource, Settings(), Facts(Credentials("p"))))

    async def settle(self) -> None:
        """Make the children, and let the watch tell of them."""
        assert (await self.make()).wrote
        self.watch()
        assert await self.make() == Made()
        self.api.requests.clear()

    def watch(self) -> None:
        """Let the watch tell of everything."""
        self.api.tell(self.cache)

    def find(self, child: str) -> dict[str, Any]:
        """Return a child's body."""
        kind, name = child.split()
        return self.api.objects[kind, "default", name]


def taken(made: Made) -> list[str]:
    return [f"{happening.reason}: {happening.note}" for happening in made.happenings]


async def test_a_new_counter_costs_two_requests_a_child_and_they_overlap() -> None:
    world = World()
    assert await world.make() == Made(wrote=True)
    assert sorted(world.api.writes) == sorted(f"patch {child}" for child in CHILDREN)
    asked = [request for request in world.api.requests if request not in world.api.writes]
    assert sorted(asked) == sorted([CONFIRM, *(f"get {child}" for child in CHILDREN)])
    assert 1 < world.api.most_at_once <= MOST_AT_ONCE


async def test_what_pods_need_is_there_before_them_however_long_it_takes() -> None:
    world, released = World(), asyncio.Event()
    world.api.held["patch ConfigMap hits-redis"] = released
    making = asyncio.create_task(world.make())
    await eventually(lambda: "patch Service hits-admin" in world.api.requests)
    assert not any("Deployment" in request or "StatefulSet" in request for request in world.api.requests)
    released.set()
    assert (await making).wrote
    assert "patch Deployment hits" in world.api.requests


async def test_a_settled_counter_costs_no_request_not_even_a_new_operators() -> None:
    world = World()
    await world.settle()
    assert await world.make() == Made()
    fresh = Applier(world.api, world.cache, world.clock, world.corrected.append)  # type: ignore[arg-type]
    world.applier = fresh
    assert await world.make() == Made()
    assert world.api.requests == []


async def test_a_child_that_was_just_made_is_not_asked_for_until_the_watch_had_its_time() -> None:
    world = World()
    await world.make()
    world.api.requests.clear()
    assert await world.make() == Made(awaits_watch=True)
    assert world.api.requests == []
    world.clock.now_s += WATCH_LAG_S
    assert await world.make() == Made()
    assert sorted(world.api.requests) == sorted(f"get {child}" for child in CHILDREN)


async def test_a_child_that_goes_before_the_watch_told_of_it_is_made_anew_a_moment_later() -> None:
    world = World()
    await world.make()
    del world.api.objects["Service", "default", "hits"]
    world.watch()
    assert await world.make() == Made(awaits_watch=True)
    world.clock.now_s += WATCH_LAG_S
    assert taken(await world.make()) == ["DriftCorrected: Service hits was deleted, and is as wanted again"]
    assert world.find("Service hits")


async def test_a_deleted_child_that_the_watch_had_told_of_is_made_anew_at_once() -> None:
    world = World()
    await world.settle()
    del world.api.objects["Service", "default", "hits"]
    world.watch()
    assert taken(await world.make()) == ["DriftCorrected: Service hits was deleted, and is as wanted again"]
    assert (world.corrected, world.api.writes) == (["Service"], ["patch Service hits"])


async def test_changed_children_are_put_right_and_told_of_in_their_order() -> None:
    world, released = World(), asyncio.Event()
    await world.settle()
    for child in ("Secret hits-redis", "Service hits-admin"):
        body = world.find(child)
        body["metadata"]["labels"] = {**body["metadata"]["labels"], "app.kubernetes.io/name": "other"}
        world.api.add(body)
    world.watch()
    world.api.held["patch Secret hits-redis"] = released  # the first to begin is the last to end
    making = asyncio.create_task(world.make())
    await eventually(
        lambda: world.find("Service hits-admin")["metadata"]["labels"]["app.kubernetes.io/name"] != "other"
    )
    released.set()
    who = "was changed by somebody who left no trace of being there, and is as wanted again"
    assert taken(await making) == [
        f"DriftCorrected: {child} {who}" for child in ("Secret hits-redis", "Service hits-admin")
    ]
    assert world.api.requests.count(CONFIRM) == 1


async def test_an_object_of_somebody_else_is_left_as_it_is_and_the_others_are_made() -> None:
    world = World()
    theirs = world.api.add({"kind": "Service", "metadata": {"name": "hits", "uid": "theirs"}, "spec": {"ports": []}})
    before = repr(theirs)
    made = await world.make()
    assert [type(failure) for failure in made.failures] == [ForeignObjectError]
    assert str(made.failures[0]).startswith("Service hits: it exists already and is not ours")
    assert repr(world.find("Service hits")) == before
    assert sorted(world.api.writes) == sorted(f"patch {child}" for child in CHILDREN if child != "Service hits")


async def test_a_child_whose_label_was_taken_off_is_found_and_adopted_again() -> None:
    world = World()
    await world.settle()
    body = world.find("Service hits")
    body["metadata"]["labels"] = {}
    world.api.add(body)
    world.watch()
    world.cache._children[KEY] = [c for c in world.cache.children(KEY).values() if c.key != ("Service", "hits")]  # type: ignore[index]
    made = await world.make()
    assert world.api.writes == ["patch Service hits"]
    assert len(made.happenings) == 1
    assert world.find("Service hits")["metadata"]["labels"]["app.kubernetes.io/instance"] == "hits"


async def test_failures_keep_nobody_from_their_turn_and_are_told_in_order() -> None:
    world = World()
    for child in ("Deployment hits", "Secret hits-redis", "Service hits-admin"):
        world.api.refusals[f"patch {child}"] = ApiError("refused", status=403)
    made = await world.make()
    assert list(map(str, made.failures)) == [
        "Secret hits-redis: refused",
        "Service hits-admin: refused",
        "Deployment hits: refused",
    ]
    assert sorted(world.api.writes) == sorted(f"patch {child}" for child in CHILDREN)


async def test_a_counter_that_is_gone_is_asked_for_once_and_nothing_is_made() -> None:
    world = World()
    del world.api.objects["RequestCounter", "default", "hits"]
    with pytest.raises(GoneError):
        await world.make()
    assert (world.api.writes, world.api.requests.count(CONFIRM)) == ([], 1)


@pytest.mark.parametrize("body", [{"uid": "another"}, {"uid": UID, "deletionTimestamp": "2026-01-01T00:00:00Z"}])
async def test_nothing_is_made_for_a_counter_that_is_going_or_for_its_namesake(body: dict[str, str]) -> None:
    world = World()
    world.api.add({"kind": "RequestCounter", "metadata": {"name": "hits", **body}})
    with pytest.raises(GoneError):
        await world.make()
    assert world.api.writes == []


async def test_each_child_asks_again_whether_the_counter_is_there_when_that_was_not_found_out() -> None:
    world = World()
    world.api.refusals[CONFIRM] = ApiError("cannot reach the API server")
    made = await world.make()
    assert [str(failure) for failure in made.failures] == [f"{c}: cannot reach the API server" for c in CHILDREN]


@pytest.mark.parametrize("end", [NotLeadingError("closed"), TerminatingError("going", status=403)])
async def test_what_ends_the_pass_waits_for_the_writes_that_are_under_way_and_lets_none_follow(end: Exception) -> None:
    world, released = World(), asyncio.Event()
    world.api.refusals["patch Secret hits-redis"] = end  # type: ignore[assignment]
    world.api.held["patch ConfigMap hits-redis"] = released
    making = asyncio.create_task(world.make())
    await eventually(lambda: {"patch Secret hits-redis", "patch ConfigMap hits-redis"} <= set(world.api.requests))
    begun = list(world.api.writes)
    assert not making.done()
    released.set()
    with pytest.raises(type(end)):
        await making
    assert world.find("ConfigMap hits-redis")
    assert world.api.writes == begun
    assert not {"patch Service hits-admin", "patch Deployment hits"} & set(begun)


async def test_what_is_not_wanted_any_more_is_removed_after_all_else() -> None:
    world = World()
    await world.settle()
    external = {"store": {"redis": {"mode": "External", "external": {"url": "redis://r"}}}}
    made = await world.make(external, generation=4)
    assert made.wrote
    redis = {f"delete {kind} hits-redis" for kind in ("Secret", "ConfigMap", "Service", "StatefulSet")}
    assert set(world.api.writes[-4:]) == redis
    assert "patch Deployment hits" in world.api.writes[:-4]


async def test_what_never_changes_is_made_anew() -> None:
    world = World()
    await world.settle()
    world.api.refusals["patch StatefulSet hits-redis"] = ImmutableFieldError("field is immutable", status=422)
    body = world.find("StatefulSet hits-redis")
    body["spec"]["podManagementPolicy"] = "OrderedReady"
    world.api.add(body)
    world.watch()
    made = await world.make()
    assert [happening.reason for happening in made.happenings] == ["ChildRecreated", "DriftCorrected"]
    assert world.api.writes == ["patch StatefulSet hits-redis", "delete StatefulSet hits-redis"]
