"""The admin port: health, readiness, metrics and the total, for probes, scrapers and the operator only.

It has a store of its own, so it tells the store's state as a fresh client sees it, and works in a process that counts
nothing.
"""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from counter_service.errors import StoreError
from counter_service.metrics import ServiceMetrics
from counter_service.representation import PROBLEM_MEDIA_TYPE, RETRY_AFTER_S, problem_of
from counter_service.store.base import CounterStore

# Probes of several kubelets and load balancers within this time share one question to the store.
_CACHE_S: Final = 1.0
# Below the shortest probe timeout in use (Kubernetes' default), so that a probe gets the reason and not just no answer.
_STORE_TIMEOUT_S: Final = 0.8

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
            async with asyncio.timeout(_STORE_TIMEOUT_S):
                await self._store.ping()
            self._store_failure = None
        except StoreError as error:
            self._store_failure = str(error)
        except TimeoutError:
            self._store_failure = f"no answer within {_STORE_TIMEOUT_S} s"
        self._checked_at_s = time.monotonic()
        if before != self._store_failure:
            _log.info("store readiness changed", ready=self._store_failure is None, reason=self._store_failure)


def make_admin_app(store: CounterStore, readiness: Readiness, metrics: ServiceMetrics) -> web.Application:
    """Return the admin port's application; the caller starts it and keeps the store open meanwhile."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_request: web.Request) -> web.Response:
        failures = await readiness.failures()
        if failures:
            return web.json_response(
                {"status": "not ready", "failures": failures}, status=HTTPStatus.SERVICE_UNAVAILABLE
            )
        return web.json_response({"status": "ready"})

    async def render_metrics(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def total(_request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_STORE_TIMEOUT_S):
                return web.json_response({"total": await store.total()})
        except (StoreError, TimeoutError) as error:
            failure = error if isinstance(error, StoreError) else StoreError("The store did not answer in time.")
            status, body = problem_of(failure)
            headers = {"Content-Type": PROBLEM_MEDIA_TYPE, "Retry-After": str(RETRY_AFTER_S)}
            return web.Response(status=status, body=body, headers=headers)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", render_metrics)
    app.router.add_get("/api/v1/total", total)
    return app
