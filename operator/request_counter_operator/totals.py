"""Asks each counter's service for its total, beside the work queue: one that hangs keeps nobody else waiting.

A service is asked every so often, sooner while it does not answer or something seems wrong with it. Whoever wants to
know is told when the answer is another one than before.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from request_counter_operator.cache import Key

READ_TIMEOUT_S = 6
"""Longer than the service's own wait for its store, so that its answer says what is wrong rather than our timeout."""

MOST_READERS = 32
"""How many services are asked at the same time."""

FIRST_RETRY_S = 1.0
"""How soon a service is asked again that did not tell its total; each further time twice as late."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the service said when asked for its total: a number, or what is wrong with its store, or nothing.

    Attributes:
        total: all requests counted.
        rate: counted per second since the reading before it; None when there was none.
        store_fault: what is wrong with the store.
    """

    total: int | None = None
    rate: int | None = None
    store_fault: str | None = None


SILENCE = Reading()


@dataclass(slots=True)
class _Followed:
    """One service that is asked: the latest reading and when it was taken, and the latest total before it.

    Until there is a reading, ``read_at_s`` is when it began to be asked.
    """

    admin_url: str
    read_at_s: float
    reading: Reading | None = None
    counted: int = 0
    counted_at_s: float = float("-inf")
    unanswered: int = 0
    doubt: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


def admin_session() -> aiohttp.ClientSession:
    """Return a session for asking services: a new connection each time, so that each question may meet another pod.

    A connection that was kept would stay with the pod it first met, or with whatever answered in the Service's place
    before its address was known to the node.
    """
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))


class Totals:
    """Follows the totals of services.

    Args:
        http: how to ask.
        interval_s: how often, seconds.
        clock: a monotonic clock, in seconds.
        on_news: told whose answer has changed.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        interval_s: float,
        clock: Callable[[], float],
        on_news: Callable[[Key], None],
    ) -> None:
        self._http = http
        self._interval_s = interval_s
        self._clock = clock
        self._on_news = on_news
        self._followed: dict[Key, _Followed] = {}
        self._readers = asyncio.Semaphore(MOST_READERS)

    def latest(self, key: Key) -> Reading | None:
        """Return the latest reading; None until there is one, and silence of a service that is not followed."""
        followed = self._followed.get(key)
        return SILENCE if followed is None else followed.reading

    def follow(self, key: Key, admin_url: str, *, is_doubtful: bool = False) -> None:
        """Ask from now on, if that is not done already; at once if the latest answer is doubtful.

        Args:
            key: whose service.
            admin_url: of its admin port.
            is_doubtful: whether something may have happened that another answer would tell of.
        """
        followed = self._followed.get(key)
        if followed is None:
            followed = self._followed[key] = _Followed(admin_url, self._clock())
            followed.task = asyncio.create_task(self._follow(key, followed))
        elif is_doubtful:
            followed.doubt.set()

    def unfollow(self, key: Key) -> None:
        """Ask no more, and forget what was answered."""
        followed = self._followed.pop(key, None)
        if followed is not None and followed.task is not None:
            followed.task.cancel()

    def unfollow_all(self) -> None:
        """Ask nobody any more."""
        for key in list(self._followed):
            self.unfollow(key)

    async def _follow(self, key: Key, followed: _Followed) -> None:
        while True:
            async with self._readers:
                is_news = await self.ask(followed)
            if is_news:
                self._on_news(key)
            followed.doubt.clear()
            # Doubts come in crowds, with the events of a rollout: one question a second is enough for them.
            await asyncio.sleep(FIRST_RETRY_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(followed.doubt.wait(), self._pause_s(followed) - FIRST_RETRY_S)

    def _pause_s(self, followed: _Followed) -> float:
        if not followed.unanswered:
            return self._interval_s * random.uniform(1, 1.1)  # noqa: S311 - no secret
        return min(self._interval_s, FIRST_RETRY_S * 2.0 ** min(followed.unanswered - 1, 16))

    async def ask(self, followed: _Followed) -> bool:
        """Take a reading; return whether it is news.

        The Service may lead to a pod that is just starting, so a moment's silence does not undo what was read before,
        and is no first reading.
        """
        reading = await self._read(followed)
        followed.unanswered = 0 if reading.total is not None else followed.unanswered + 1
        now_s = self._clock()
        if reading == SILENCE and now_s - followed.read_at_s < self._interval_s * 2:
            return False
        is_news = reading != followed.reading
        followed.reading, followed.read_at_s = reading, now_s
        return is_news

    async def _read(self, followed: _Followed) -> Reading:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                readiness = await self._get(f"{followed.admin_url}/readyz")
                if fault := readiness.get("failures", {}).get("store"):
                    return Reading(store_fault=str(fault))
                return self._count(followed, int((await self._get(f"{followed.admin_url}/api/v1/total"))["total"]))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, AttributeError, TypeError):
            return SILENCE  # no answer, or none of this service

    def _count(self, followed: _Followed, total: int) -> Reading:
        now_s = self._clock()
        passed_s, counted = now_s - followed.counted_at_s, total - followed.counted
        followed.counted_at_s, followed.counted = now_s, total
        # The total falls when somebody deletes paths. A rate of less than a request a second is still one.
        rate = -(-max(0, counted) // max(1, round(passed_s))) if passed_s < float("inf") else None
        return Reading(total=total, rate=rate)

    async def _get(self, url: str) -> dict[str, Any]:
        async with self._http.get(url) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer
