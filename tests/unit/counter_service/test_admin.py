"""The admin port: health, readiness with its reasons, metrics and the total."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from counter_service.admin.api import AdminApi
from counter_service.admin.app import make_admin_app
from counter_service.admin.readiness import Readiness
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
    api: AdminApi = None  # type: ignore[assignment]  # set before the test begins

    async def get(self, path: str) -> tuple[int, Any]:
        """Return status and body of one request."""
        async with aiohttp.ClientSession() as session, session.get(URL(self.url + path, encoded=True)) as response:
            is_json = response.content_type in {"application/json", "application/problem+json"}
            return response.status, await (response.json() if is_json else response.text())


@pytest.fixture
async def admin() -> AsyncIterator[Admin]:
    served = Admin(BreakableStore(max_paths=10))
    states = served.states
    readiness = Readiness(served.store, is_draining=lambda: states["draining"], is_serving=lambda: states["serving"])
    served.api = AdminApi(served.store, max_path_bytes=64, token_file=None)
    runner = web.AppRunner(make_admin_app(readiness, ServiceMetrics(), served.api), access_log=None)
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


async def test_list_is_in_order_and_pages_meet(admin: Admin) -> None:
    counts = {"/a": 3, "/b": 1, "/c": 3, "/b/x": 9, "/d": 2}
    await admin.store.increment(Batch("w", 1, counts))

    async def pages(query: str) -> list[list[str]]:
        found, cursor = [], ""
        while True:
            status, page = await admin.get(f"/api/v1/counters?{query}{cursor}")
            assert status == 200
            assert all(counts[item["path"]] == item["count"] for item in page["items"])
            found.append([item["path"] for item in page["items"]])
            if page["nextCursor"] is None:
                return found
            cursor = f"&cursor={page['nextCursor']}"

    assert await pages("limit=2") == [["/a", "/b"], ["/b/x", "/c"], ["/d"]]
    assert await pages("order=-count&limit=2") == [["/b/x", "/a"], ["/c", "/d"], ["/b"]]
    assert await pages("order=-count&limit=5") == [["/b/x", "/a", "/c", "/d", "/b"]]
    assert await pages("prefix=/b") == [["/b", "/b/x"]]
    assert await pages("prefix=/none") == [[]]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("order=count", "order"),
        ("cursor=x", "cursor"),
        ("cursor=WzFd", "cursor"),
        ("prefix=%C3%A4", "prefix"),
    ],
)
async def test_wrong_query_is_named(admin: Admin, query: str, parameter: str) -> None:
    status, problem = await admin.get(f"/api/v1/counters?{query}")
    assert (status, problem["type"].rpartition("/")[2]) == (400, "invalid-query")
    assert problem["detail"].startswith(f"{parameter}: ")


async def test_one_path_is_read_and_deleted_by_its_own_name(admin: Admin) -> None:
    await admin.store.increment(Batch("w", 1, {"/a/%2Fb": 2, "/": 5, "//": 1}))
    assert await admin.get("/api/v1/counters/a/%2fb") == (200, {"path": "/a/%2Fb", "count": 2})
    assert await admin.get("/api/v1/counters/") == (200, {"path": "/", "count": 5})
    async with aiohttp.ClientSession() as session:
        for status in (200, 404):
            async with session.delete(URL(f"{admin.url}/api/v1/counters/a/%2Fb", encoded=True)) as response:
                assert response.status == status
    assert (await admin.get("/api/v1/counters/a/%2Fb"))[0] == 404
    assert await admin.store.total() == 6


async def test_export_is_a_line_for_each_path_or_a_problem(admin: Admin) -> None:
    await admin.store.increment(Batch("w", 1, {"/a": 2, "/b": 5}))
    status, text = await admin.get("/api/v1/export?prefix=/b")
    assert (status, text) == (200, '{"path": "/b", "count": 5}\n')
    assert len((await admin.get("/api/v1/export"))[1].splitlines()) == 2
    assert await admin.get("/api/v1/export?prefix=/c") == (200, "")


async def test_token_guards_the_api_and_nothing_else(admin: Admin, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret\n")
    admin.api._token_file = file
    assert (await admin.get("/api/v1/total"))[0] == 401
    assert (await admin.get("/readyz"))[0] == 200
    for authorization, status in [
        ("Bearer secret", 200),
        ("bearer secret", 200),
        ("Bearer wrong", 401),
        ("secret", 401),
    ]:
        headers = {"Authorization": authorization}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(admin.url + "/api/v1/total") as response,
        ):
            assert response.status == status
            assert ("WWW-Authenticate" in response.headers) == (status == 401)
    file.write_text("")
    assert (await admin.get("/api/v1/total"))[0] == 401
    file.unlink()
    assert (await admin.get("/api/v1/total"))[0] == 503


async def test_what_is_not_there_is_a_problem(admin: Admin) -> None:
    status, problem = await admin.get("/api/v1/nothing")
    assert (status, problem["status"]) == (404, 404)
    async with aiohttp.ClientSession() as session, session.post(admin.url + "/api/v1/total") as response:
        assert response.status == 405
        assert "GET" in response.headers["Allow"]
        assert response.content_type == "application/problem+json"
