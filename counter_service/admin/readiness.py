"""Whether requests should be sent to this process, and if not, why."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from counter_service.errors import StoreError
from counter_service.store.base import CounterStore

STORE_TIMEOUT_S: Final = 0.8
"""Longest time for a question to the store, seconds: below the shortest probe timeout in use (Kubernetes' default), so
that a probe gets the reason and not just no answer."""

# Probes of several kubelets and load balancers within this time share one question to the store.
_CACHE_S: Final = 1.0

_log = structlog.get_logger()


class Readiness:
    """Whether requests should be sent here, and if not, why.

    Args:
        store: asked whether it could acknowledge now.
        is_draining: whether the process has been told to stop.
        is_serving: whether somebody listens on the data port.
    """

    def __init__(self, store: CounterStore, *, is_draining: Callable[[], bool], is_serving: Callable[[], bool]) -> None:
        self._store = store
        self._is_draining = is_draining
        self._is_serving = is_serving
        self._store_failure: str | None = None
        self._checked_at_s = float("-inf")
        self._lock = asyncio.Lock()

    async def failures(self) -> dict[str, str]:
        """Return the reason of each failing check, by name; empty when ready. Asks the store at most once a second."""
        async with self._lock:
            if time.monotonic() - self._checked_at_s > _CACHE_S:
                await self._check_store()
        failures = {}
        if self._store_failure is not None:
            failures["store"] = self._store_failure
        if self._is_draining():
            failures["draining"] = "the service is stopping"
        elif not self._is_serving():
            failures["serving"] = "the data port is not open"
        return failures

    async def _check_store(self) -> None:
        before = self._store_failure
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await self._store.ping()
            self._store_failure = None
        except StoreError as error:
            self._store_failure = str(error)
        except TimeoutError:
            self._store_failure = f"no answer within {STORE_TIMEOUT_S} s"
        self._checked_at_s = time.monotonic()
        if before != self._store_failure:
            _log.info("store readiness changed", ready=self._store_failure is None, reason=self._store_failure)
