"""The HTTP contract of docs/http-api.md, asked of a real server on a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from counter_service.app import MAX_BODY_BYTES, CounterHandler, Counters
from counter_service.batching import IncrementQueue, ReadQueue
from counter_service.data_server import DataServer
from counter_service.failures import FailureLog
from counter_service.grouping import GroupLimits
from counter_service.metrics import ServiceMetrics
from counter_service.once import OnceCounter
from tests.support.faulty_store import Fault, FaultyStore

MAX_PATH_BYTES = 64
MAX_PATHS = 3
LIMITS = GroupLimits(request_timeout_s=0.5, attempt_timeout_s=0.1)


@dataclass
class Server:
    """A running service with a store that can be made to fail."""

    port: int
    store: FaultyStore
    metrics: ServiceMetrics
    session: aiohttp.ClientSession

    async def ask(self, method: str, target: str, **options: object) -> tuple[aiohttp.ClientResponse, str]:
        """Send one request, the target exactly as given, and return the response with its body."""
        url = URL(f"http://127.0.0.1:{self.port}{target}", encoded=True)
        async with self.session.request(method, url, **options) as response:  # type: ignore[arg-type]
            return response, await response.text()

    async def ask_raw(self, request: bytes) -> str:
        """Send bytes on a connection of their own and return all that comes until the server closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.decode()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    store, metrics = FaultyStore(max_paths=MAX_PATHS), ServiceMetrics()
    queues = IncrementQueue(store, LIMITS, metrics), ReadQueue(store, LIMITS, metrics)
    counters = Counters(*queues, OnceCounter(store, LIMITS, metrics))
    handler = CounterHandler(counters, metrics, FailureLog(), max_path_bytes=MAX_PATH_BYTES)
    runner = web.ServerRunner(DataServer(handler, max_path_bytes=MAX_PATH_BYTES), shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tasks = [asyncio.create_task(queue.run()) for queue in queues]
    async with aiohttp.ClientSession() as session:
        yield Server(runner.addresses[0][1], store, metrics, session)
    await runner.cleanup()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_put_counts_and_get_reads(server: Server) -> None:
    for count in (1, 2, 3):
        response, body = await server.ask("PUT", "/a/b")
        assert (response.status, json.loads(body)) == (200, {"path": "/a/b", "count": count})
    response, body = await server.ask("GET", "/a/b")
    assert json.loads(body) == {"path": "/a/b", "count": 3}
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["API-Version"] == "1"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Vary"] == "Accept"


async def test_root_reads_the_total_and_counts_like_any_path(server: Server) -> None:
    for target in ("/a", "/b", "/"):
        await server.ask("PUT", target)
    assert json.loads((await server.ask("PUT", "/"))[1]) == {"path": "/", "count": 2}
    assert json.loads((await server.ask("GET", "/"))[1]) == {"path": "/", "count": 4}


async def test_path_never_counted_is_zero(server: Server) -> None:
    response, body = await server.ask("GET", "/never")
    assert (response.status, json.loads(body)["count"]) == (200, 0)


async def test_targets_are_normalized_and_queries_ignored(server: Server) -> None:
    for target in ("/%61?x=1", "/a", "/b/../a"):
        _, body = await server.ask("PUT", target)
    assert json.loads(body) == {"path": "/a", "count": 3}


async def test_head_is_get_without_the_body(server: Server) -> None:
    await server.ask("PUT", "/a")
    got, _ = await server.ask("GET", "/a")
    headed, body = await server.ask("HEAD", "/a")
    assert (headed.status, body) == (200, "")
    without_date = [{k: v for k, v in response.headers.items() if k != "Date"} for response in (got, headed)]
    assert without_date[0] == without_date[1]
    assert server.store.attempts[1:] == []


@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        ("text/plain", "text/plain; charset=utf-8", "1"),
        (
            "application/vnd.requestcounter.v1+json",
            "application/vnd.requestcounter.v1+json",
            '{"path": "/a", "count": 1}',
        ),
    ],
)
async def test_representation_is_negotiated(server: Server, accept: str, content_type: str, body: str) -> None:
    response, actual = await server.ask("PUT", "/a", headers={"Accept": accept})
    assert (response.headers["Content-Type"], actual) == (content_type, body)


def assert_problem(response: aiohttp.ClientResponse, body: str, status: int, name: str) -> None:
    problem = json.loads(body)
    assert response.status == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["API-Version"] == "1"
    assert problem["status"] == status
    assert problem["type"] == f"https://requestcounter.io/problems/{name}"
    assert problem["detail"]


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"])
async def test_other_methods_are_refused_with_those_allowed(server: Server, method: str) -> None:
    response, body = await server.ask(method, "/a")
    assert_problem(response, body, 405, "method-not-allowed")
    assert response.headers["Allow"] == "GET, HEAD, PUT"


@pytest.mark.parametrize(
    ("target", "headers", "status", "name"),
    [
        ("/%zz", {}, 400, "invalid-path"),
        ("/" + "x" * MAX_PATH_BYTES, {}, 414, "path-too-long"),
        ("/" + "x" * 8_000, {}, 414, "path-too-long"),
        ("/" + "x" * 60_000, {}, 431, "head-too-large"),
        ("/a", {"Accept": "application/vnd.requestcounter.v2+json"}, 406, "not-acceptable"),
        ("/a", {"Accept": "image/png"}, 406, "not-acceptable"),
    ],
)
async def test_refused_request_is_a_problem_and_not_counted(
    server: Server, target: str, headers: dict[str, str], status: int, name: str
) -> None:
    response, body = await server.ask("PUT", target, headers=headers)
    assert_problem(response, body, status, name)
    assert server.store.attempts == []


async def test_new_path_beyond_the_limit_is_refused_and_known_ones_go_on(server: Server) -> None:
    for number in range(MAX_PATHS):
        await server.ask("PUT", f"/{number}")
    assert_problem(*await server.ask("PUT", "/one-too-many"), 507, "too-many-paths")
    assert json.loads((await server.ask("PUT", "/0"))[1])["count"] == 2
    assert json.loads((await server.ask("GET", "/one-too-many"))[1])["count"] == 0


@pytest.mark.parametrize("chunked", [False, True])
async def test_body_is_ignored_up_to_a_limit(server: Server, *, chunked: bool) -> None:
    async def stream(size: int) -> AsyncIterator[bytes]:
        yield b"x" * size

    def body(size: int) -> object:
        return stream(size) if chunked else b"x" * size

    response, _ = await server.ask("PUT", "/a", data=body(MAX_BODY_BYTES))
    assert response.status == 200
    assert_problem(*await server.ask("PUT", "/a", data=body(MAX_BODY_BYTES + 1)), 413, "body-too-large")
    assert json.loads((await server.ask("GET", "/a"))[1])["count"] == 1


async def test_expectation_is_met_or_refused(server: Server) -> None:
    response, _ = await server.ask("PUT", "/a", data=b"x", expect100=True)
    assert response.status == 200
    assert_problem(*await server.ask("PUT", "/a", data=b"x", headers={"Expect": "tea"}), 417, "expectation-failed")


@pytest.mark.parametrize("method", ["PUT", "GET"])
async def test_store_that_does_not_answer_is_503_with_a_time_to_retry(server: Server, method: str) -> None:
    server.store.open.clear()
    response, body = await server.ask(method, "/a")
    assert_problem(response, body, 503, "store-unavailable")
    assert response.headers["Retry-After"] == "1"


async def test_lost_reply_is_not_the_clients_business(server: Server) -> None:
    server.store.faults.extend([Fault.REPLY_LOST, Fault.REFUSED])
    assert json.loads((await server.ask("PUT", "/a"))[1])["count"] == 1


async def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    requests = b"".join(b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi" for _ in range(3))
    answer = await server.ask_raw(requests + b"GET http://x/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    counts = [line.partition("}")[0] for line in answer.split('"count": ')[1:]]
    assert counts == ["1", "2", "3", "3"]


@pytest.mark.parametrize("request_bytes", [b"\x16\x03\x01\r\n\r\n", b"PUT\r\n\r\n", b"PUT /a HTTP/9.9\r\n\r\n"])
async def test_what_is_not_http_is_a_problem_too(server: Server, request_bytes: bytes) -> None:
    answer = await server.ask_raw(request_bytes)
    head, _, body = answer.partition("\r\n\r\n")
    assert " 400 " in head.partition("\r\n")[0]
    assert "Content-Type: application/problem+json" in head
    assert json.loads(body)["type"] == "https://requestcounter.io/problems/bad-request"


@pytest.mark.parametrize(("target", "status"), [("*", 405), ("a", 400)])
async def test_other_forms_of_targets(server: Server, target: str, status: int) -> None:
    method = "OPTIONS" if target == "*" else "GET"
    answer = await server.ask_raw(f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert f" {status} " in answer.partition("\r\n")[0]


async def test_requests_are_measured(server: Server) -> None:
    await server.ask("PUT", "/a")
    await server.ask("DELETE", "/a")
    page = server.metrics.render().decode()
    assert 'counter_requests_total{code="200",method="PUT"} 1.0' in page
    assert 'counter_requests_total{code="405",method="other"} 1.0' in page
    assert 'counter_batch_requests_count{operation="increment"} 1.0' in page
    assert 'counter_store_duration_seconds_count{operation="increment"} 1.0' in page
