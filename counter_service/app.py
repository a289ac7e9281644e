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
from aiohttp import HttpVersion11, web

from counter_service.batching import TOTAL, IncrementQueue, ReadQueue
from counter_service.errors import (
    BodyTooLargeError,
    CounterServiceError,
    ExpectationFailedError,
    InvalidRequestError,
    MethodNotAllowedError,
    RateLimitedError,
    RequestTimeoutError,
)
from counter_service.metrics import ServiceMetrics
from counter_service.paths import normalize_path
from counter_service.ratelimit import RateLimiter, client_of
from counter_service.representation import (
    COMMON_HEADERS,
    PROBLEM_MEDIA_TYPE,
    MediaType,
    negotiate,
    problem_headers,
    problem_of,
    render_count,
    render_problem,
)

# A body is ignored; one of this length, bytes, is still read so that the connection can be used again.
MAX_BODY_BYTES: Final = 64 * 1024
# Room in the request line for a query that is ignored, or a path so long that it gets its own answer (414), bytes.
_REQUEST_LINE_SLACK_BYTES: Final = 8 * 1024
# A body comes within this time, seconds, or the request is refused.
_BODY_TIMEOUT_S: Final = 10.0
# How long a connection stays open without a request, seconds: above the idle time of common proxies and load balancers
# (60 s), so that it is them who close.
KEEPALIVE_TIMEOUT_S: Final = 75.0
# A byte of a path may arrive as three characters.
_PERCENT_ENCODED_BYTES: Final = 3

_COUNT_HEADERS: Final = {kind: {**COMMON_HEADERS} | {"Content-Type": kind.value} for kind in MediaType}
_PROBLEM_HEADERS: Final = {**COMMON_HEADERS} | {"Content-Type": PROBLEM_MEDIA_TYPE}

_log = structlog.get_logger()


def longest_request_line_bytes(max_path_bytes: int) -> int:
    """Return how long a request line may be, bytes, if normalized paths may have max_path_bytes."""
    return _PERCENT_ENCODED_BYTES * max_path_bytes + _REQUEST_LINE_SLACK_BYTES


class CounterHandler:
    """Answers requests from two queues.

    Args:
        queues: for increments and for reads.
        metrics: where answers are counted.
        max_path_bytes: longest normalized path, bytes.
        limiter: refuses requests beyond a rate; None lets all pass.

    Attributes:
        is_draining: whether every connection is to end with its next answer.
    """

    def __init__(
        self,
        queues: tuple[IncrementQueue, ReadQueue],
        metrics: ServiceMetrics,
        *,
        max_path_bytes: int,
        limiter: RateLimiter | None = None,
    ) -> None:
        self._increments, self._reads = queues
        self._limiter = limiter
        self._metrics = metrics
        self._max_path_bytes = max_path_bytes
        self.is_draining = False

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
        if self.is_draining:
            response.force_close()
        duration_s = time.perf_counter() - started_s
        self._metrics.requests(request.method, response.status).observe(duration_s)
        if _log.is_enabled_for(logging.DEBUG):
            _log.debug(
                "request", method=request.method, target=request.raw_path, code=response.status, duration_s=duration_s
            )
        return response

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        method = request.method
        if method not in {"PUT", "GET", "HEAD"}:
            raise MethodNotAllowedError(f"Paths are counted with PUT and read with GET or HEAD, not {method}.")
        if request.version == HttpVersion11 and len(request.headers.getall("Host", [])) != 1:
            raise InvalidRequestError("A request of HTTP/1.1 has exactly one Host field.")
        media_type = negotiate(", ".join(request.headers.getall("Accept", [])))
        path = normalize_path(request.raw_path, self._max_path_bytes)
        self._check_rate(request, path)
        if request.body_exists:
            try:
                async with asyncio.timeout(_BODY_TIMEOUT_S):
                    await _discard_body(request)
            except TimeoutError as error:
                raise RequestTimeoutError("The request did not arrive whole in time.") from error
        if method == "PUT":
            count = await self._increments.request(path)
        else:
            count = await self._reads.request(TOTAL if path == "/" else path)
        return web.Response(body=render_count(path, count, media_type), headers=_COUNT_HEADERS[media_type])

    def _check_rate(self, request: web.BaseRequest, path: str) -> None:
        if self._limiter is None:
            return
        forwarded_for = ",".join(request.headers.getall("X-Forwarded-For", []))
        client = client_of(request.remote or "", forwarded_for, self._limiter.limit.trusted_hops)
        refusal = self._limiter.admit(client, path, time.perf_counter())
        if refusal is not None:
            raise RateLimitedError(refusal)


class DataServer(web.Server):
    """The factory of connections: an aiohttp server whose own refusals (what is not HTTP) are problem documents too."""

    def __init__(self, handler: CounterHandler, *, max_path_bytes: int) -> None:
        # The access log is aiohttp's; ours is structured and off the path of a request.
        self._options: dict[str, Any] = {
            "access_log": None,
            "max_line_size": longest_request_line_bytes(max_path_bytes),
            "keepalive_timeout": KEEPALIVE_TIMEOUT_S,
        }
        super().__init__(handler)
        self._handler = handler

    def drain(self) -> None:
        """Serve on, but end every connection with its next answer."""
        self._handler.is_draining = True

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
    response = _problem_response(*problem_of(error))
    response.headers.update(problem_headers(error))
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
