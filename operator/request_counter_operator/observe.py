"""Reads how a RequestCounter's children do: the workloads from the watches, the total from the service itself."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Cache, ChildKey, Key
from request_counter_operator.errors import OperatorError
from request_counter_operator.kinds import DEPLOYMENT, STATEFUL_SET
from request_counter_operator.names import ADMIN_PORT, admin_name, child_name
from request_counter_operator.settings import Settings
from request_counter_operator.status import Observed

READ_TIMEOUT_S = 6
"""Longer than the service's own wait for its store, so that its answer says what is wrong rather than our timeout."""


@dataclass(frozen=True, slots=True)
class TotalReading:
    """What the service said when asked for its total: a number, or what is wrong with its store, or nothing."""

    total: int | None = None
    store_fault: str | None = None


SILENCE = TotalReading()


def admin_session() -> aiohttp.ClientSession:
    """Return a session for asking services: a new connection each time, so that each question may meet another pod.

    A connection that was kept would stay with the pod it first met, or with whatever answered in the Service's place
    before its address was known to the node.
    """
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))


class Observer:
    """Observes any RequestCounter; asks each service at most every ``settings.total_interval_s``."""

    def __init__(
        self, cache: Cache, http: aiohttp.ClientSession, settings: Settings, clock: Callable[[], float]
    ) -> None:
        self._cache = cache
        self._http = http
        self._settings = settings
        self._clock = clock
        self._readings: dict[Key, tuple[float, TotalReading]] = {}

    async def observe(self, key: Key, counter: RequestCounter, failures: Sequence[OperatorError]) -> Observed:
        """Return what is the case, ``failures`` of the apply before it included; a silent service is no error."""
        live = self._cache.children(key)
        service = live.get(ChildKey(DEPLOYMENT.kind, child_name(counter, "service")))
        redis = live.get(ChildKey(STATEFUL_SET.kind, child_name(counter, "redis")))
        rollout = None if service is None else service.rollout
        reading = await self._reading(key, counter) if rollout is not None and rollout.present else SILENCE
        return Observed(
            service=rollout,
            redis=None if redis is None else redis.rollout,
            total=reading.total,
            store_fault=reading.store_fault,
            failures=tuple(str(failure) for failure in failures),
        )

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a RequestCounter that is gone."""
        self._readings.pop(key, None)

    async def _reading(self, key: Key, counter: RequestCounter) -> TotalReading:
        """Return the latest reading, taken anew when it is too old or was no success.

        The Service may lead to a pod that is just starting, so a moment's silence does not undo what was read before.
        """
        taken_at, last = self._readings.get(key, (float("-inf"), SILENCE))
        age_s = self._clock() - taken_at
        if last.total is not None and age_s < self._settings.total_interval_s:
            return last
        reading = await self._read(counter)
        if reading == SILENCE and age_s < self._settings.total_interval_s * 2:
            return last
        self._readings[key] = (self._clock(), reading)
        return reading

    async def _read(self, counter: RequestCounter) -> TotalReading:
        admin = f"http://{admin_name(counter)}.{counter.metadata.namespace}.svc:{ADMIN_PORT}"
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                readiness = await self._get(f"{admin}/readyz")
                if fault := readiness.get("failures", {}).get("store"):
                    return TotalReading(store_fault=str(fault))
                return TotalReading(total=int((await self._get(f"{admin}/api/v1/total"))["total"]))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, AttributeError, TypeError):
            return SILENCE  # no answer, or none of this service

    async def _get(self, url: str) -> dict[str, Any]:
        async with self._http.get(url) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer
