"""What the service says of itself: asked seldom, believed, and a moment's silence is no news."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from request_counter_operator.cache import Cache, Child, ChildKey, Key, Rollout
from request_counter_operator.conditions import Observed
from request_counter_operator.errors import ApiError, NotFoundError, OperatorError
from request_counter_operator.observe import Observer
from request_counter_operator.settings import Settings
from tests.support.counters import counter

KEY = Key("default", "hits")
ROLLOUT = Rollout(observed=True, wanted=1, present=1, updated=1, ready=1)
READY, TOTAL = "/readyz", "/api/v1/total"


class Loopback(AbstractResolver):
    """Resolves every name to this machine, and every port to one: DNS of a cluster that is not there."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Note who was asked for."""
        self.asked.append(f"{host}:{port}")
        return [ResolveResult(hostname=host, host="127.0.0.1", port=self.port, family=family or 2, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing to release."""


class Service:
    """A service's admin port with the answers that a test gives it, and a clock."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {READY: {"status": "ready"}, TOTAL: {"total": 7}}
        self.requests = 0
        self.now_s = 1000.0

    async def handle(self, request: web.Request) -> web.Response:
        """Answer as told to; break the connection where there is no answer."""
        self.requests += 1
        answer = self.answers.get(request.path)
        if answer is None:
            assert request.transport is not None
            request.transport.close()
        return web.json_response(answer, status=503 if "failures" in (answer or {}) else 200)


class Secrets:
    """The API server, as far as Secrets are read from it."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found

    async def get(self, _kind: Any, _namespace: str, name: str) -> Any:
        """Return a Secret."""
        if name not in self.found:
            raise NotFoundError("not found", status=404)
        return self.found[name]


@asynccontextmanager
async def observed(service: Service) -> AsyncIterator[Observer]:
    app = web.Application()
    app.router.add_get("/{path:.*}", service.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    resolver = Loopback(runner.addresses[0][1])
    connector = aiohttp.TCPConnector(resolver=resolver, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as http:
        cache = Cache()
        deployment = Child(ChildKey("Deployment", "hits"), "u", 1, "o", False, "d", True, ROLLOUT)  # noqa: FBT003
        cache.attach({}, {KEY: [deployment]})
        secrets = Secrets({"there": {"data": {"password": ""}}})
        yield Observer(cache, secrets, http, Settings(), lambda: service.now_s)  # type: ignore[arg-type]
        assert set(resolver.asked) <= {"hits-admin.default.svc:8001"}
    await runner.cleanup()


async def look(observer: Observer, spec: dict[str, Any] | None = None) -> Observed:
    return await observer.observe(KEY, counter(spec), [])


async def test_the_total_is_read_and_then_believed_for_its_interval() -> None:
    service = Service()
    async with observed(service) as observer:
        assert (await look(observer)).total == 7
        service.answers[TOTAL] = {"total": 8}
        assert (await look(observer)).total == 7
        service.now_s += Settings().total_interval_s
        assert (await look(observer)).total == 8


async def test_what_is_wrong_with_the_store_is_told_in_its_own_words() -> None:
    service = Service()
    service.answers[READY] = {"failures": {"store": "WRONGPASS", "draining": "stopping"}}
    async with observed(service) as observer:
        assert (await look(observer)).store_fault == "WRONGPASS"
        service.answers[READY] = {"status": "ready"}
        assert await look(observer) == Observed(service=ROLLOUT, total=7)


@pytest.mark.parametrize("answer", [None, {}, [], "text", {"total": "many"}])
async def test_a_moments_silence_is_no_news_and_a_long_one_is(answer: Any) -> None:
    service = Service()
    async with observed(service) as observer:
        assert (await look(observer)).total == 7
        service.answers[TOTAL] = answer
        service.now_s += Settings().total_interval_s
        assert (await look(observer)).total == 7
        service.now_s += Settings().total_interval_s
        assert await look(observer) == Observed(service=ROLLOUT)


async def test_a_service_without_pods_is_not_asked() -> None:
    service = Service()
    async with observed(service) as observer:
        observer._cache.attach({}, {})
        assert await look(observer) == Observed()
    assert service.requests == 0


async def test_what_failed_is_told() -> None:
    failures: list[OperatorError] = [ApiError("refused")]
    async with observed(Service()) as observer:
        found = await observer.observe(KEY, counter(), failures, is_fought_over=True)
    assert (found.failures, found.is_fought_over) == (tuple(failures), True)


@pytest.mark.parametrize(("later", "rate"), [(7, 0), (37, 2), (38, 3), (8, 1), (0, 0)])
async def test_the_rate_is_what_was_counted_since_the_last_reading(later: int, rate: int) -> None:
    service = Service()
    async with observed(service) as observer:
        assert (await look(observer)).requests_per_second is None
        service.answers[TOTAL] = {"total": later}
        service.now_s += Settings().total_interval_s
        assert (await look(observer)).requests_per_second == rate
        assert (await look(observer)).requests_per_second == rate


@pytest.mark.parametrize(
    ("name", "key", "missing"),
    [("there", "password", ()), ("there", "word", ("key word of Secret there",)), ("gone", "k", ("Secret gone",))],
)
async def test_secrets_that_pods_wait_for_are_named(name: str, key: str, missing: tuple[str, ...]) -> None:
    external = {"url": "redis://r", "passwordSecretRef": {"name": name, "key": key}}
    spec = {"store": {"redis": {"mode": "External", "external": external}}}
    async with observed(Service()) as observer:
        assert (await look(observer, spec)).missing_secrets == ()  # all its pods are ready
        observer._cache.attach({}, {})
        assert (await look(observer, spec)).missing_secrets == missing
