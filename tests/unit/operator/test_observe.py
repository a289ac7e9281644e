"""What is the case: from the watches, from the services, and of Secrets that pods wait for."""

from typing import Any

import pytest

from request_counter_operator.cache import Cache, Child, ChildKey, Key, Rollout
from request_counter_operator.conditions import Observed
from request_counter_operator.errors import ApiError, NotFoundError, OperatorError
from request_counter_operator.observe import Observer
from request_counter_operator.redis_admin.reading import NOT_READ, StoreReading
from request_counter_operator.redis_admin.stores import Stores
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.totals import SILENCE, Reading
from request_counter_operator.turns import Made
from tests.support.counters import EXTERNAL, SENTINEL, counter

KEY = Key("default", "hits")
CREDENTIALS = Credentials("root")
ROLLOUT = Rollout(observed=True, wanted=1, present=1, updated=1, ready=1)
UNREADY = Rollout(observed=True, wanted=1, present=1, updated=1, ready=0)


class Secrets:
    """The API server, as far as Secrets are read from it."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found

    async def get(self, _kind: Any, _namespace: str, name: str) -> Any:
        """Return a Secret."""
        if name not in self.found:
            raise NotFoundError("not found", status=404)
        return self.found[name]


class Followed:
    """Notes who is followed, and answers with one reading."""

    def __init__(self, reading: Reading | None) -> None:
        self.reading = reading
        self.calls: list[Any] = []

    def latest(self, _key: Key) -> Reading | None:
        """Return the reading."""
        return self.reading

    def follow(self, key: Key, url: str, *, is_doubtful: bool) -> None:
        """Note the call."""
        self.calls.append((key, url, is_doubtful))

    def unfollow(self, key: Key) -> None:
        """Note the call."""
        self.calls.append(key)


def observer(rollout: Rollout | None, followed: Followed) -> Observer:
    cache = Cache()
    deployment = Child(ChildKey("Deployment", "hits"), "u", 1, "o", False, "d", True, rollout)  # noqa: FBT003
    cache.attach({}, {KEY: [deployment]})
    secrets = Secrets({"there": {"data": {"password": ""}}})
    return Observer(cache, secrets, followed, Stores(lambda _: None), lambda: True)  # type: ignore[arg-type]


async def test_the_service_is_followed_and_what_it_said_is_told() -> None:
    followed = Followed(Reading(total=7, rate=2))
    expected = Observed(service=ROLLOUT, total=7, requests_per_second=2)
    assert await observer(ROLLOUT, followed).observe(KEY, counter(), Made(), credentials=CREDENTIALS) == expected
    assert followed.calls == [(KEY, "http://hits-admin.default.svc:8001", False)]


async def test_a_service_that_was_not_asked_yet_is_told_from_a_silent_one() -> None:
    for reading, expected in ((None, Observed(ROLLOUT, is_unasked=True)), (SILENCE, Observed(ROLLOUT))):
        found = await observer(ROLLOUT, Followed(reading)).observe(KEY, counter(), Made(), credentials=CREDENTIALS)
        assert found == expected


@pytest.mark.parametrize(("rollout", "reading"), [(UNREADY, Reading(total=7)), (ROLLOUT, SILENCE), (ROLLOUT, None)])
async def test_a_service_that_may_not_be_well_is_asked_at_once(rollout: Rollout, reading: Reading | None) -> None:
    followed = Followed(reading)
    await observer(rollout, followed).observe(KEY, counter(), Made(), credentials=CREDENTIALS)
    assert [call[2] for call in followed.calls] == [True]


async def test_a_service_without_pods_is_not_asked() -> None:
    followed = Followed(SILENCE)
    assert await observer(None, followed).observe(KEY, counter(), Made(), credentials=CREDENTIALS) == Observed()
    assert followed.calls == [KEY]


async def test_what_failed_is_told() -> None:
    failures: list[OperatorError] = [ApiError("refused")]
    found = await observer(ROLLOUT, Followed(SILENCE)).observe(
        KEY, counter(), Made(failures), fight="x was changed", credentials=CREDENTIALS
    )
    assert (found.failures, found.fight) == (tuple(failures), "x was changed")


@pytest.mark.parametrize(
    ("name", "key", "missing"),
    [("there", "password", ()), ("there", "word", ("key word of Secret there",)), ("gone", "k", ("Secret gone",))],
)
async def test_secrets_that_pods_wait_for_are_named(name: str, key: str, missing: tuple[str, ...]) -> None:
    external = {"url": "redis://r", "passwordSecretRef": {"name": name, "key": key}}
    resource = counter({"store": {"redis": {"mode": "External", "external": external}}})
    found = await observer(ROLLOUT, Followed(SILENCE)).observe(KEY, resource, Made(), credentials=CREDENTIALS)
    assert found.missing_secrets == ()  # all its pods are ready
    found = await observer(UNREADY, Followed(SILENCE)).observe(KEY, resource, Made(), credentials=CREDENTIALS)
    assert found.missing_secrets == missing


async def test_a_deployment_that_was_just_applied_is_not_taken_for_what_the_watch_last_told_of_it() -> None:
    unseen = Rollout(observed=False, wanted=2, present=1, updated=1, ready=1)
    child = Child(ChildKey("Deployment", "hits"), "u", 2, "o", False, "d", True, unseen)  # noqa: FBT003
    found = await observer(ROLLOUT, Followed(SILENCE)).observe(
        KEY, counter(), Made(applied={child.key: child}), credentials=CREDENTIALS
    )
    assert found.service == unseen


class Looked:
    """Notes whose Redis is followed, and how."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def latest(self, _key: Key) -> StoreReading:
        """Return nothing."""
        return NOT_READ

    def take_happenings(self, _key: Key) -> tuple[()]:
        """Return none."""
        return ()

    def follow(self, key: Key, _look: Any, *, is_doubtful: bool) -> None:
        """Note the call."""
        self.calls.append((key, is_doubtful))

    def unfollow(self, key: Key) -> None:
        """Note the call."""
        self.calls.append(key)


@pytest.mark.parametrize(
    ("spec", "rollout", "credentials", "expected"),
    [
        ({}, ROLLOUT, CREDENTIALS, (KEY, False)),
        (SENTINEL, ROLLOUT, CREDENTIALS, (KEY, False)),
        ({}, UNREADY, CREDENTIALS, (KEY, True)),
        ({}, ROLLOUT, Credentials("root", 0, (0, 1)), (KEY, True)),
        ({}, None, CREDENTIALS, KEY),
        (EXTERNAL, ROLLOUT, CREDENTIALS, KEY),
    ],
)
async def test_a_redis_of_our_own_that_is_there_is_followed(
    spec: dict[str, Any], rollout: Rollout | None, credentials: Credentials, expected: Any
) -> None:
    cache, looked = Cache(), Looked()
    redis = Child(ChildKey("StatefulSet", "hits-redis"), "u", 1, "o", False, "d", True, rollout)  # noqa: FBT003
    cache.attach({}, {KEY: [redis]})
    observes = Observer(cache, Secrets({}), Followed(SILENCE), looked, lambda: True)  # type: ignore[arg-type]
    await observes.observe(KEY, counter(spec), Made(), credentials=credentials)
    assert looked.calls == [expected]
