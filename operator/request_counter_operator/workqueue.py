"""The keyed work queue: what controller-runtime's queue is in Go, on asyncio.

A key is in the queue at most once, and in work at most once: what is added while it is in work is done after it. A key
whose work fails comes back after a delay that doubles each time; nothing that one key does delays another, beyond the
worker that it holds.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from request_counter_operator.errors import ApiError, InvalidResourceError, OperatorError

log = structlog.get_logger()

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays after failures in a row, in seconds: ``first_s`` doubled each time up to ``most_s``, less up to half."""

    first_s: float = 0.2
    most_s: float = 60.0

    def delay_s(self, failures: int) -> float:
        """Return the delay after this many failures in a row (1 or more), jittered so that keys do not move in step."""
        ceiling = min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 32))
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


class WorkQueue(Generic[K]):
    """Calls ``work(key)`` for added keys; ``work`` returns after how many seconds it wants the key back, or None."""

    def __init__(
        self, work: Callable[[K], Awaitable[float | None]], *, workers: int, backoff: Backoff | None = None
    ) -> None:
        self._work = work
        self._workers = workers
        self._backoff = backoff or Backoff()
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._queued: set[K] = set()
        self._running: set[K] = set()
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}

    def add(self, key: K) -> None:
        """Have ``key`` worked on as soon as a worker is free, or once more after the work on it that is going on."""
        self._cancel_timer(key)
        if key in self._running:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.put_nowait(key)

    async def run(self) -> None:
        """Work until cancelled. Work that is going on then is cancelled as well."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._serve())
        finally:
            for key in list(self._timers):
                self._cancel_timer(key)

    async def _serve(self) -> None:
        while True:
            key = await self._ready.get()
            self._queued.discard(key)
            self._running.add(key)
            try:
                delay_s = await self._attempt(key)
            finally:
                self._running.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.add(key)
            elif delay_s is not None:
                self._timers[key] = asyncio.get_running_loop().call_later(delay_s, self.add, key)

    async def _attempt(self, key: K) -> float | None:
        """Do the work once; return when to do it again, in seconds, or None when only a change gives reason to."""
        with structlog.contextvars.bound_contextvars(key="/".join(key) if isinstance(key, tuple) else str(key)):
            try:
                delay_s = await self._work(key)
            except InvalidResourceError as error:
                log.warning("resource cannot be read, waiting for a change", error=str(error))
                return None
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the worker
                return self._failed(key, error)
        self._failures.pop(key, None)
        return delay_s

    def _failed(self, key: K, error: Exception) -> float:
        self._failures[key] = self._failures.get(key, 0) + 1
        delay_s = self._backoff.delay_s(self._failures[key])
        if _is_expected(error):
            log.warning("failed, trying again", error=_sentence(error), retry_in_s=round(delay_s, 1))
        else:
            log.error("bug: unexpected error, trying again", exc_info=error, retry_in_s=round(delay_s, 1))
        return delay_s

    def _cancel_timer(self, key: K) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()


def _is_expected(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return all(_is_expected(inner) for inner in error.exceptions)
    return isinstance(error, OperatorError)


def _sentence(error: Exception) -> str:
    if isinstance(error, ExceptionGroup):
        return "; ".join(_sentence(inner) for inner in error.exceptions)
    status = f" ({error.status})" if isinstance(error, ApiError) and error.status else ""
    return f"{error}{status}"
