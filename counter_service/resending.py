"""The same call to the store again and again until it is answered or its time is up.

A call that may have been applied and may be made again without harm is what exactly-once rests on; see
`store.base`. This is the only place that waits for the store and the only one that decides to try again.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from counter_service.errors import CounterServiceError, StoreUnavailableError
from counter_service.metrics import StoreMetrics

Reply = TypeVar("Reply")

# Pause after the first failed attempt: a lost connection is back at once. Each further pause is twice as long.
_FIRST_PAUSE_S = 0.005


class Resender:
    """Makes calls to a store.

    Args:
        attempt_timeout_s: longest time for one attempt, seconds.
        longest_pause_s: longest time between two attempts, seconds; the first pauses are shorter.
        metrics: where attempts are counted.
    """

    def __init__(self, attempt_timeout_s: float, longest_pause_s: float, metrics: StoreMetrics) -> None:
        self._attempt_timeout_s = attempt_timeout_s
        self._longest_pause_s = longest_pause_s
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()

    async def send(self, call: Callable[[], Awaitable[Reply]], deadline_s: float) -> Reply:
        """Make the call until the store answers.

        Args:
            call: makes one attempt; each is the same to the store.
            deadline_s: when to give up, of the event loop's clock.

        Raises:
            StoreUnavailableError: no answer by then.
            CounterServiceError: the store refuses for good.
        """
        longest_pause_s = _FIRST_PAUSE_S
        while True:
            started_s = time.perf_counter()
            attempt_ends_s = self._loop.time() + self._attempt_timeout_s
            try:
                async with asyncio.timeout_at(min(attempt_ends_s, deadline_s)):
                    reply = await call()
            except (CounterServiceError, TimeoutError) as error:
                self._metrics.count_attempt(time.perf_counter() - started_s, error)
                if not isinstance(error, StoreUnavailableError | TimeoutError):
                    raise
                pause_s = random.uniform(longest_pause_s / 2, longest_pause_s)  # noqa: S311 -- jitter is no secret
                if self._loop.time() + pause_s >= deadline_s:
                    raise StoreUnavailableError("The store did not acknowledge in time.") from error
                await asyncio.sleep(pause_s)
                longest_pause_s = min(longest_pause_s * 2, self._longest_pause_s)
                self._metrics.count_retry()
            else:
                self._metrics.count_attempt(time.perf_counter() - started_s)
                return reply
