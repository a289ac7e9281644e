"""Looks after each counter's own Redis, beside the work queue: one that hangs keeps nobody else waiting."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from request_counter_operator.cache import Key
from request_counter_operator.happening import Happening
from request_counter_operator.redis_admin.reading import NOT_READ, StoreReading

log = structlog.get_logger()

Look = Callable[[], Awaitable[StoreReading]]

CALM_INTERVAL_S = 10.0
"""How often a Redis is looked at that is whole, and whose passwords are not being renewed."""

ALONE_INTERVAL_S = 60.0
"""How often one is looked at that is a single server: of that the watches and the service tell enough."""

UNWELL_INTERVAL_S = 2.0
"""How often one is looked at that is not."""


@dataclass(slots=True)
class _Followed:
    """One Redis: how it is looked at, and what was seen."""

    look: Look
    reading: StoreReading = NOT_READ
    happenings: tuple[Happening, ...] = ()
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    doubt: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Stores:
    """Follows the Redis of any counter.

    Args:
        on_news: told whose Redis is another than before.
    """

    def __init__(self, on_news: Callable[[Key], None]) -> None:
        self._on_news = on_news
        self._followed: dict[Key, _Followed] = {}

    def latest(self, key: Key) -> StoreReading:
        """Return the latest reading; an empty one where there is none."""
        followed = self._followed.get(key)
        return NOT_READ if followed is None else followed.reading

    async def look_now(self, key: Key) -> StoreReading:
        """Look, and return what is seen at this moment; an empty reading where nothing is followed."""
        followed = self._followed.get(key)
        return NOT_READ if followed is None else await self._look(key, followed)

    def take_happenings(self, key: Key) -> tuple[Happening, ...]:
        """Return what was done since this was asked last, once."""
        followed = self._followed.get(key)
        if followed is None:
            return ()
        happenings, followed.happenings = followed.happenings, ()
        return happenings

    def follow(self, key: Key, look: Look, *, is_doubtful: bool) -> None:
        """Look from now on, in this way; at once if something may have happened that a look would tell of."""
        followed = self._followed.get(key)
        if followed is None:
            followed = self._followed[key] = _Followed(look)
            followed.task = asyncio.create_task(self._follow(key, followed))
            return
        followed.look = look
        if is_doubtful:
            followed.doubt.set()

    def unfollow(self, key: Key) -> None:
        """Look no more, and forget what was seen."""
        followed = self._followed.pop(key, None)
        if followed is not None and followed.task is not None:
            followed.task.cancel()

    async def _follow(self, key: Key, followed: _Followed) -> None:
        while True:
            followed.doubt.clear()
            reading = await self._look(key, followed)
            await asyncio.sleep(UNWELL_INTERVAL_S)
            if reading.is_calm:
                interval_s = CALM_INTERVAL_S if len(reading.servers) > 1 else ALONE_INTERVAL_S
                rest_s = interval_s * random.uniform(1, 1.1) - UNWELL_INTERVAL_S  # noqa: S311 - no secret
                with suppress(TimeoutError):
                    await asyncio.wait_for(followed.doubt.wait(), rest_s)

    async def _look(self, key: Key, followed: _Followed) -> StoreReading:
        """Look, take note of what is seen and was done, and return it. One look at a time: a look may change things."""
        async with followed.looking:
            try:
                reading = await followed.look()
            except Exception:
                # A fault of ours, which must not leave this Redis without a look for good.
                log.exception("look at Redis failed", namespace=key.namespace, name=key.name)
                reading = NOT_READ
        followed.happenings += reading.happenings
        if reading != followed.reading or reading.happenings:
            followed.reading = reading
            self._on_news(key)
        return reading
