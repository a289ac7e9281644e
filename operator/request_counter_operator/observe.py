"""Reads how a RequestCounter's children do: the workloads from the watches, the total from the service itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Cache, ChildKey, Key, Rollout
from request_counter_operator.conditions import Observed
from request_counter_operator.errors import NotFoundError, OperatorError
from request_counter_operator.kinds import DEPLOYMENT, SECRET, STATEFUL_SET
from request_counter_operator.kube import Cluster
from request_counter_operator.names import ADMIN_PORT, admin_name, child_name
from request_counter_operator.settings import Settings

READ_TIMEOUT_S = 6
"""Longer than the service's own wait for its store, so that its answer says what is wrong rather than our timeout."""


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
class _Known:
    """What is remembered of one service: its latest reading and when that was taken, and the latest total before it."""

    at_s: float = float("-inf")
    reading: Reading = SILENCE
    counted_at_s: float = float("-inf")
    counted: int = 0


def admin_session() -> aiohttp.ClientSession:
    """Return a session for asking services: a new connection each time, so that each question may meet another pod.

    A connection that was kept would stay with the pod it first met, or with whatever answered in the Service's place
    before its address was known to the node.
    """
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))


class Observer:
    """Observes any RequestCounter; asks each service at most every ``settings.total_interval_s``."""

    def __init__(
        self,
        cache: Cache,
        cluster: Cluster,
        http: aiohttp.ClientSession,
        settings: Settings,
        clock: Callable[[], float],
    ) -> None:
        self._cache = cache
        self._cluster = cluster
        self._http = http
        self._settings = settings
        self._clock = clock
        self._known: dict[Key, _Known] = {}

    async def observe(
        self, key: Key, counter: RequestCounter, failures: Sequence[OperatorError], *, is_fought_over: bool = False
    ) -> Observed:
        """Return what is the case, ``failures`` of the apply before it included; a silent service is no error.

        Raises:
            ApiError: Whether a Secret is there that the resource refers to could not be found out.
        """
        live = self._cache.children(key)
        service = live.get(ChildKey(DEPLOYMENT.kind, child_name(counter, "service")))
        redis = live.get(ChildKey(STATEFUL_SET.kind, child_name(counter, "redis")))
        rollout = None if service is None else service.rollout
        reading = await self._reading(key, counter) if rollout is not None and rollout.present else SILENCE
        return Observed(
            service=rollout,
            redis=None if redis is None else redis.rollout,
            total=reading.total,
            requests_per_second=reading.rate,
            store_fault=reading.store_fault,
            failures=tuple(failures),
            is_fought_over=is_fought_over,
            missing_secrets=tuple([name async for name in self._missing_secrets(counter, rollout)]),
        )

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a RequestCounter that is gone."""
        self._known.pop(key, None)

    async def _reading(self, key: Key, counter: RequestCounter) -> Reading:
        """Return the latest reading, taken anew when it is too old or was no success.

        The Service may lead to a pod that is just starting, so a moment's silence does not undo what was read before.
        """
        known = self._known.setdefault(key, _Known())
        age_s = self._clock() - known.at_s
        if known.reading.total is not None and age_s < self._settings.total_interval_s:
            return known.reading
        reading = await self._read(counter, known)
        if reading == SILENCE and age_s < self._settings.total_interval_s * 2:
            return known.reading
        known.at_s, known.reading = self._clock(), reading
        return reading

    async def _read(self, counter: RequestCounter, known: _Known) -> Reading:
        admin = f"http://{admin_name(counter)}.{counter.metadata.namespace}.svc:{ADMIN_PORT}"
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                readiness = await self._get(f"{admin}/readyz")
                if fault := readiness.get("failures", {}).get("store"):
                    return Reading(store_fault=str(fault))
                return self._count(known, int((await self._get(f"{admin}/api/v1/total"))["total"]))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, AttributeError, TypeError):
            return SILENCE  # no answer, or none of this service

    def _count(self, known: _Known, total: int) -> Reading:
        now_s = self._clock()
        passed_s, counted = now_s - known.counted_at_s, total - known.counted
        known.counted_at_s, known.counted = now_s, total
        # The total falls when somebody deletes paths. A rate of less than a request a second is still one.
        rate = -(-max(0, counted) // max(1, round(passed_s))) if passed_s < float("inf") else None
        return Reading(total=total, rate=rate)

    async def _get(self, url: str) -> dict[str, Any]:
        async with self._http.get(url) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer

    async def _missing_secrets(self, counter: RequestCounter, service: Rollout | None) -> AsyncIterator[str]:
        """Find the Secrets that pods wait for; they are looked for while some pod is not ready."""
        if service is not None and service.ready >= service.wanted:
            return
        for name, key in _secret_references(counter):
            try:
                secret = await self._cluster.get(SECRET, counter.metadata.namespace, name)
            except NotFoundError:
                yield f"Secret {name}"
            else:
                if key not in secret.get("data", {}):
                    yield f"key {key} of Secret {name}"


def _secret_references(counter: RequestCounter) -> Iterator[tuple[str, str]]:
    external = counter.spec.store.redis.external
    for reference in (external.password_secret_ref, external.ca_secret_ref) if external is not None else ():
        if reference is not None:
            yield reference.name, reference.key
