"""The admin port: health, readiness with its reasons, metrics and the total."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from counter_service.admin import Readiness, make_admin_app
from counter_service.errors import StoreMisconfiguredError, StoreUnavailableError
from counter_service.metrics import ServiceMetrics
from counter_service.store.base import Batch
from counter_service.store.memory import MemoryStore


class BreakableStore(MemoryStore):
    """A store that can be told to fail, and counts how often it was asked."""

    failure: Exception | None = None
    pings = 0

    async def ping(self) -> None:
        """Fail as told."""
        self.pings += 1
        if self.failure is not None:
            raise self.failure

    async def total(self) -> int:
        """Fail as told."""
        if self.failure is not None:
            raise self.failure
        return await super().total()


@dataclass
class Admin:
    """A running admin port."""

    store: BreakableStore
    states: dict[str, bool] = field(default_factory=lambda: {"draining": False, "serving": True})
    url: str = ""

    async def get(self, path: str) -> tuple[int, Any]:
        """Return status and body of one request."""
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            is_json = response.content_type.endswith("json")
            return response.status, await (response.json() if is_json else response.text())


@pytest.fixture
async def admin() -> AsyncIterator[Admin]:
    served = Admin(BreakableStore(max_paths=10))
    states = served.states
    readiness = Readiness(served.store, is_draining=lambda: states["draining"], is_serving=lambda: states["serving"])
    runner = web.AppRunner(make_admin_app(served.store, readiness, ServiceMetrics()), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


async def test_ready_while_nothing_is_wrong(admin: Admin) -> None:
    assert await admin.get("/readyz") == (200, {"status": "ready"})
    assert await admin.get("/healthz") == (200, {"status": "ok"})


async def test_probes_share_one_question_to_the_store(admin: Admin) -> None:
    for _ in range(5):
        await admin.get("/readyz")
    assert admin.store.pings == 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (StoreUnavailableError("Redis: connection refused"), "Redis: connection refused"),
        (StoreMisconfiguredError("no AOF"), "no AOF"),
        (TimeoutError(), "no answer within 0.8 s"),
    ],
)
async def test_not_ready_without_the_store_and_says_why(admin: Admin, failure: Exception, reason: str) -> None:
    admin.store.failure = failure
    assert await admin.get("/readyz") == (503, {"status": "not ready", "failures": {"store": reason}})
    assert (await admin.get("/healthz"))[0] == 200


async def test_not_ready_while_draining_or_not_serving(admin: Admin) -> None:
    admin.states["serving"] = False
    assert (await admin.get("/readyz"))[1]["failures"] == {"serving": "the data port is not open"}
    admin.states["draining"] = True
    assert (await admin.get("/readyz"))[1]["failures"] == {"draining": "the service is stopping"}


async def test_total_is_the_sum_of_all_counts(admin: Admin) -> None:
    await admin.store.increment(Batch("writer", 1, {"/a": 2, "/b": 3}))
    assert await admin.get("/api/v1/total") == (200, {"total": 5})


async def test_total_is_a_problem_without_the_store(admin: Admin) -> None:
    admin.store.failure = StoreUnavailableError("gone")
    status, problem = await admin.get("/api/v1/total")
    assert (status, problem["type"]) == (503, "https://requestcounter.io/problems/store-unavailable")


async def test_metrics_are_a_prometheus_page(admin: Admin) -> None:
    status, page = await admin.get("/metrics")
    assert status == 200
    assert "# TYPE counter_requests_total counter" in page
