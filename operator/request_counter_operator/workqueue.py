"""The keyed work queue: what controller-runtime's queue is in Go, on asyncio.

A key is in the queue at most once, and in work at most once: what is added while it is in work is done after it. A key
whose work fails comes back after a delay that doubles each time; a key that keeps being added is worked on at a
bounded rate. Nothing that one key does delays another, beyond the worker that it holds.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import structlog

from request_counter_operator.errors import ApiError, InvalidResourceError, NotLeadingError, OperatorError
from request_counter_operator.metrics import OperatorMetrics

log = structlog.get_logger()

K = TypeVar("K")

RESYNC_JITTER = 0.1
"""Part of a delay by which it varies, so that what began together does not come back together for ever."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays after failures in a row, in seconds: ``first_s`` doubled each time up to ``most_s``, less up to half."""

    first_s: float = 0.2
    most_s: float = 60.0

    def delay_s(self, failures: int) -> float:
        """Return the delay after this many failures in a row (1 or more), jittered so that keys do not move in step."""
        ceiling = min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 32))
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class KeyRate:
    """How often one key may be worked on: ``burst`` times at once, and ``per_s`` times a second in the long run."""

    per_s: float = 2.0
    burst: int = 10


class _Pace:
    """How far one key has used up its rate: a bucket of tokens, kept as the time at which it will be full again."""

    __slots__ = ("_full_at_s", "_rate")

    def __init__(self, rate: KeyRate) -> None:
        self._rate = rate
        self._full_at_s = 0.0

    def wait_s(self, now_s: float) -> float:
        """Return in how many seconds there is a token; 0 or less when there is one."""
        return self._full_at_s - now_s - (self._rate.burst - 1) / self._rate.per_s

    def is_full(self, now_s: float) -> bool:
        """Return whether nothing would change if the bucket were a new one."""
        return self._full_at_s <= now_s

    def take(self, now_s: float) -> None:
        """Take a token."""
        self._full_at_s = max(self._full_at_s, now_s) + 1 / self._rate.per_s


class WorkQueue(Generic[K]):
    """Calls ``work(key)`` for added keys; ``work`` returns after how many seconds it wants the key back, or None.

    Args:
        work: does the work; may raise anything.
        workers: most keys in work at the same time.
        metrics: told of each piece of work.
        backoff: delays after failures.
        rate: how often one key may be worked on.
    """

    def __init__(
        self,
        work: Callable[[K], Awaitable[float | None]],
        *,
        workers: int,
        metrics: OperatorMetrics,
        backoff: Backoff | None = None,
        rate: KeyRate | None = None,
    ) -> None:
        self._work = work
        self._workers = workers
        self._metrics = metrics
        self._backoff = backoff or Backoff()
        self._rate = rate or KeyRate()
        # Lines of keys: dictionaries keep their order, and know at once what is in them.
        self._urgent: dict[K, None] = {}
        self._patient: dict[K, None] = {}
        self._added_at_s: dict[K, float] = {}
        self._some = asyncio.Event()
        self._running: set[K] = set()
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._paces: dict[K, _Pace] = {}

    @property
    def depth(self) -> int:
        """How many keys wait for a worker."""
        return len(self._added_at_s)

    @property
    def oldest_s(self) -> float:
        """For how many seconds the key that waits for the longest has been waiting; 0 when none waits."""
        return time.monotonic() - next(iter(self._added_at_s.values())) if self._added_at_s else 0.0

    def add(self, key: K, *, urgent: bool = True) -> None:
        """Have ``key`` worked on as soon as a worker is free, or once more after the work on it that is going on.

        A key that was worked on too often of late waits for its turn. Those that are not urgent let the others pass.
        """
        self._cancel_timer(key)
        if key in self._running:
            self._again.add(key)
            return
        now_s = time.monotonic()
        if key not in self._added_at_s:
            pace = self._paces.setdefault(key, _Pace(self._rate))
            if (wait_s := pace.wait_s(now_s)) > 0:
                self._add_later(key, wait_s, urgent=urgent)
                return
            pace.take(now_s)
            self._added_at_s[key] = now_s
        elif not urgent or key in self._urgent:
            return
        self._patient.pop(key, None)
        (self._urgent if urgent else self._patient)[key] = None
        self._some.set()

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
            while not (line := self._urgent or self._patient):
                self._some.clear()
                await self._some.wait()
            del line[key := next(iter(line))]
            del self._added_at_s[key]
            self._running.add(key)
            try:
                delay_s = await self._attempt(key)
            finally:
                self._running.discard(key)
            self._continue(key, delay_s)

    def _continue(self, key: K, delay_s: float | None) -> None:
        """Have a key that was worked on back: at once when it was added meanwhile, else when it asked to be."""
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        elif delay_s is not None:
            self._add_later(key, delay_s, urgent=False)
        else:
            # Nothing more is to be done for it: forget it, once its bucket is full.
            full_in_s = self._rate.burst / self._rate.per_s
            asyncio.get_running_loop().call_later(full_in_s, self._forget_pace, key)

    def _forget_pace(self, key: K) -> None:
        pace = self._paces.get(key)
        if pace is not None and pace.is_full(time.monotonic()):
            del self._paces[key]

    def _add_later(self, key: K, delay_s: float, *, urgent: bool) -> None:
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(delay_s, partial(self.add, key, urgent=urgent))

    async def _attempt(self, key: K) -> float | None:
        """Do the work once; return when to do it again, in seconds, or None when only a change gives reason to."""
        begun_at_s = time.monotonic()
        with structlog.contextvars.bound_contextvars(key="/".join(key) if isinstance(key, tuple) else str(key)):
            outcome, delay_s = await self._outcome(key)
        self._metrics.reconciles.labels(outcome).inc()
        self._metrics.reconcile_seconds.observe(time.monotonic() - begun_at_s)
        return delay_s

    async def _outcome(self, key: K) -> tuple[str, float | None]:
        try:
            delay_s = await self._work(key)
        except InvalidResourceError as error:
            log.warning("resource cannot be read, waiting for a change", error=str(error))
            return "invalid", None
        except NotLeadingError:
            return "standby", None
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the worker
            return self._failed(key, error)
        self._failures.pop(key, None)
        return "ok", None if delay_s is None else delay_s * random.uniform(1, 1 + RESYNC_JITTER)  # noqa: S311 - no secret

    def _failed(self, key: K, error: Exception) -> tuple[str, float]:
        self._failures[key] = self._failures.get(key, 0) + 1
        delay_s = self._backoff.delay_s(self._failures[key])
        if _is_expected(error):
            log.warning("failed, trying again", error=_sentence(error), retry_in_s=round(delay_s, 1))
            return "error", delay_s
        log.error("bug: unexpected error, trying again", exc_info=error, retry_in_s=round(delay_s, 1))
        return "bug", delay_s

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
