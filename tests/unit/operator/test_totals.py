"""What the service says of itself: asked seldom, believed, and a moment's silence is no news."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from request_counter_operator.cache import Key
from request_counter_operator.totals import SILENCE, Reading, Totals, _Followed

KEY, OTHER = Key("default", "hits"), Key("default", "other")
URL = "http://hits-admin.default.svc:8001"
READY, TOTAL = "/readyz", "/api/v1/total"
INTERVAL_S = 15


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


@asynccontextmanager
async def totals_of(service: Service) -> AsyncIterator[tuple[Totals, "asyncio.Queue[Key]"]]:
    app = web.Application()
    app.router.add_get("/{path:.*}", service.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    resolver = Loopback(runner.addresses[0][1])
    connector = aiohttp.TCPConnector(resolver=resolver, force_close=True)
    news: asyncio.Queue[Key] = asyncio.Queue()
    async with aiohttp.ClientSession(connector=connector) as http:
        totals = Totals(http, INTERVAL_S, lambda: service.now_s, news.put_nowait)
        yield totals, news
        totals.unfollow_all()
        assert set(resolver.asked) <= {"hits-admin.default.svc:8001"}
    await runner.cleanup()


async def test_a_followed_service_is_asked_and_its_answer_is_news_once() -> None:
    service = Service()
    async with totals_of(service) as (totals, news):
        assert totals.latest(KEY) == SILENCE
        totals.follow(KEY, URL)
        assert totals.latest(KEY) is None
        totals.follow(KEY, URL)
        assert await asyncio.wait_for(news.get(), 10) == KEY
        assert totals.latest(KEY) == Reading(total=7)
        assert service.requests == 2
        totals.unfollow(KEY)
        assert totals.latest(KEY) == SILENCE


async def test_a_doubt_has_it_asked_again_soon() -> None:
    service = Service()
    async with totals_of(service) as (totals, news):
        totals.follow(KEY, URL)
        await asyncio.wait_for(news.get(), 10)
        service.answers[TOTAL] = {"total": 8}
        totals.follow(KEY, URL, is_doubtful=True)
        await asyncio.wait_for(news.get(), 10)
        assert totals.latest(KEY) == Reading(total=8, rate=1)


async def test_a_service_that_hangs_keeps_no_other_waiting() -> None:
    service, released = Service(), asyncio.Event()
    answer = service.handle

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.headers["Host"].startswith("stuck"):
            await released.wait()
        return await answer(request)

    service.handle = handle  # type: ignore[method-assign,assignment]
    async with totals_of(service) as (totals, news):
        totals._http.connector._resolver = Loopback(totals._http.connector._resolver.port)  # type: ignore[union-attr]
        totals.follow(OTHER, "http://stuck.default.svc:8001")
        totals.follow(KEY, URL)
        assert await asyncio.wait_for(news.get(), 5) == KEY
        released.set()


async def test_what_is_wrong_with_the_store_is_told_in_its_own_words() -> None:
    service, followed = Service(), _Followed(URL, 1000.0)
    service.answers[READY] = {"failures": {"store": "WRONGPASS", "draining": "stopping"}}
    async with totals_of(service) as (totals, _):
        assert await totals.ask(followed)
        assert followed.reading == Reading(store_fault="WRONGPASS")
        assert not await totals.ask(followed)
        service.answers[READY] = {"status": "ready"}
        assert await totals.ask(followed)
        assert followed.reading == Reading(total=7)


@pytest.mark.parametrize("answer", [None, {}, [], "text", {"total": "many"}])
async def test_a_moments_silence_is_no_news_and_a_long_one_is(answer: Any) -> None:
    service, followed = Service(), _Followed(URL, 1000.0)
    async with totals_of(service) as (totals, _):
        assert await totals.ask(followed)
        service.answers[TOTAL] = answer
        service.now_s += INTERVAL_S
        assert not await totals.ask(followed)
        assert followed.reading == Reading(total=7)
        service.now_s += INTERVAL_S
        assert await totals.ask(followed)
        assert followed.reading == SILENCE


async def test_a_service_that_never_answered_is_unknown_until_it_has_been_silent_for_long() -> None:
    service = Service()
    service.answers.clear()
    async with totals_of(service) as (totals, news):
        totals.follow(KEY, URL)
        followed = totals._followed[KEY]
        assert not await totals.ask(followed)
        service.now_s += INTERVAL_S * 2 - 1
        assert not await totals.ask(followed)
        assert totals.latest(KEY) is None
        service.now_s += 1
        assert await totals.ask(followed)
        assert totals.latest(KEY) == SILENCE
        assert not await totals.ask(followed)
        assert news.empty()


@pytest.mark.parametrize(("later", "rate"), [(7, 0), (37, 2), (38, 3), (8, 1), (0, 0)])
async def test_the_rate_is_what_was_counted_since_the_last_reading(later: int, rate: int) -> None:
    service, followed = Service(), _Followed(URL, 1000.0)
    async with totals_of(service) as (totals, _):
        await totals.ask(followed)
        assert followed.reading == Reading(total=7)
        service.answers[TOTAL] = {"total": later}
        service.now_s += INTERVAL_S
        assert await totals.ask(followed)
        assert followed.reading == Reading(total=later, rate=rate)


async def test_a_silent_service_is_asked_less_and_less_often_and_a_well_one_at_its_interval() -> None:
    followed = _Followed(URL, 1000.0)
    async with totals_of(Service()) as (totals, _):
        assert INTERVAL_S <= totals._pause_s(followed) <= INTERVAL_S * 1.1
        pauses = []
        for followed.unanswered in range(1, 7):
            pauses.append(totals._pause_s(followed))
        assert pauses == [1, 2, 4, 8, 15, 15]
