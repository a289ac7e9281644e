"""The data port on aiohttp: all of the HTTP contract (docs/http-api.md), with every error as a problem document.

Built on aiohttp's low-level server: there is one resource, so there is nothing to route. `DataServer` is what a
connection is given to, be it by a listening socket or by another protocol that hands over a connection it does not
want.
"""

import asyncio
import logging
import time
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web

from counter_service.batching import TOTAL, IncrementQueue, ReadQueue
from counter_service.errors import (
    BodyTooLargeError,
    CounterServiceError,
    ExpectationFailedError,
    MethodNotAllowedError,
)
from counter_service.metrics import ServiceMetrics
from counter_service.paths import normalize_path
from counter_service.representation import (
    ALLOWED_METHODS,
    API_VERSION,
    PROBLEM_MEDIA_TYPE,
    RETRY_AFTER_S,
    MediaType,
    negotiate,
    problem_of,
    render_count,
    render_problem,
)

# A body is ignored; one of this length, bytes, is still read so that the connection can be used again.
MAX_BODY_BYTES: Final = 64 * 1024
# Room in the request line for a query that is ignored, or a path so long that it gets its own answer (414), bytes.
_REQUEST_LINE_SLACK_BYTES: Final = 64 * 1024
# A byte of a path may arrive as three characters.
_PERCENT_ENCODED_BYTES: Final = 3

_COMMON_HEADERS: Final = {
    "API-Version": API_VERSION,
    # The answer is out of date with the next PUT, and depends on Accept.
    "Cache-Control": "no-store",
    "Vary": "Accept",
    # aiohttp would name itself and Python with their versions.
    "Server": "request-counter",
}
_COUNT_HEADERS: Final = {kind: _COMMON_HEADERS | {"Content-Type": kind.value} for kind in MediaType}
_PROBLEM_HEADERS: Final = _COMMON_HEADERS | {"Content-Type": PROBLEM_MEDIA_TYPE}

_log = structlog.get_logger()


class CounterHandler:
    """Answers requests from two queues; holds no state of its own."""

    def __init__(
        self, increments: IncrementQueue, reads: ReadQueue, metrics: ServiceMetrics, *, max_path_bytes: int
    ) -> None:
        self._increments = increments
        self._reads = reads
        self._metrics = metrics
        self._max_path_bytes = max_path_bytes

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; never raises, so that no error leaves as anything but a problem document."""
        started_s = time.perf_counter()
        try:
            response = await self._answer(request)
        except CounterServiceError as error:
            response = _problem(error)
        except (ConnectionError, asyncio.CancelledError):
            raise  # the client is gone
        except Exception:  # noqa: BLE001 -- the one top level of a request: logged with its traceback, answered 500
            _log.exception("request failed", method=request.method, target=request.raw_path)
            response = _problem(CounterServiceError())
        duration_s = time.perf_counter() - started_s
        self._metrics.count_request(request.method, response.status, duration_s)
        if _log.is_enabled_for(logging.DEBUG):
            _log.debug(
                "request", method=request.method, target=request.raw_path, code=response.status, duration_s=duration_s
            )
        return response

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        method = request.method
        if method not in {"PUT", "GET", "HEAD"}:
            raise MethodNotAllowedError(f"Paths are counted with PUT and read with GET or HEAD, not {method}.")
        media_type = negotiate(request.headers.get("Accept", ""))
        path = normalize_path(request.raw_path, self._max_path_bytes)
        if request.body_exists:
            await _discard_body(request)
        if method == "PUT":
            count = await self._increments.request(path)
        else:
            count = await self._reads.request(TOTAL if path == "/" else path)
        return web.Response(body=render_count(path, count, media_type), headers=_COUNT_HEADERS[media_type])


class DataServer(web.Server):
    """The factory of connections: an aiohttp server whose own refusals (what is not HTTP) are problem documents too."""

    def __init__(self, handler: CounterHandler, *, max_path_bytes: int) -> None:
        # The access log is aiohttp's; ours is structured and off the path of a request.
        line_bytes = _PERCENT_ENCODED_BYTES * max_path_bytes + _REQUEST_LINE_SLACK_BYTES
        self._options: dict[str, Any] = {"access_log": None, "max_line_size": line_bytes}
        super().__init__(handler)

    def __call__(self) -> web.RequestHandler:
        """Return the protocol for one connection."""
        return _Connection(self, loop=asyncio.get_running_loop(), **self._options)


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what aiohttp could not parse, and close the connection: where the next request begins is unknown."""
        _log.debug("bad request", remote=request.remote, reason=repr(exc))
        if request.writer.output_size > 0:
            raise ConnectionError("the answer was begun already")
        # aiohttp's message may quote what it got; its first line up to a colon does not.
        detail = (message or "The request could not be understood.").partition("\n")[0].partition(":")[0] + "."
        response = _problem_response(HTTPStatus(status), render_problem(HTTPStatus(status), "bad-request", detail))
        response.force_close()
        return response


def _problem(error: CounterServiceError) -> web.Response:
    status, body = problem_of(error)
    response = _problem_response(status, body)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ALLOWED_METHODS
    return response


def _problem_response(status: HTTPStatus, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, headers=_PROBLEM_HEADERS)


async def _discard_body(request: web.BaseRequest) -> None:
    """Read the body to its end, so that the next request on the connection is found behind it."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise BodyTooLargeError(f"Bodies are ignored, and not read beyond {MAX_BODY_BYTES} bytes.")
    expectation = request.headers.get("Expect", "").lower()
    if expectation == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # What was written is no part of the answer, which aiohttp must not believe to be begun.
        request.writer.output_size = 0
    elif expectation:
        raise ExpectationFailedError("The only expectation that can be met is 100-continue.")
    received = 0
    async for chunk in request.content.iter_any():
        received += len(chunk)
        if received > MAX_BODY_BYTES:
            raise BodyTooLargeError(f"Bodies are ignored, and not read beyond {MAX_BODY_BYTES} bytes.")
