"""aiohttp's connections as this service wants them: with bounds on heads, and every refusal a problem document.

Built on aiohttp's low-level server: there is one resource, so there is nothing to route.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, cast

import structlog
from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.http_exceptions import LineTooLong

from counter_service.errors import (
    CounterServiceError,
    HeadTooLargeError,
    InvalidRequestError,
    RequestError,
    RequestTimeoutError,
)
from counter_service.representation import (
    COMMON_HEADERS,
    PROBLEM_MEDIA_TYPE,
    problem_headers,
    problem_of,
)
from counter_service.wire import AnswerWriter

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

KEEPALIVE_TIMEOUT_S: Final = 75.0
"""How long a connection stays open without a request, seconds: above the idle time of common proxies and load balancers
(60 s), so that it is them who close."""
HEAD_TIMEOUT_S: Final = 10.0
"""How long the head of a request may take from its first byte to its last, seconds."""

# A byte of a path may arrive as three characters.
_PERCENT_ENCODED_BYTES: Final = 3
# Room in the request line for a query that is ignored, or a path so long that it gets its own answer (414), bytes.
_REQUEST_LINE_SLACK_BYTES: Final = 8 * 1024
# All header fields of a request together, bytes: what common servers take.
_MAX_FIELDS_BYTES: Final = 16 * 1024
# For how long a body that is not wanted is read on, seconds, so that its sender gets to see the answer.
_LINGERING_S: Final = 2.0
# What is longer than a head may be is no head if it is still there after so long, seconds.
_PARSING_S: Final = 1.0

_PROBLEM_HEADERS: Final = {**COMMON_HEADERS} | {"Content-Type": PROBLEM_MEDIA_TYPE}

_log = structlog.get_logger()


def longest_head_bytes(max_path_bytes: int) -> int:
    """Return how long a request line and its fields may be, bytes, if normalized paths may have max_path_bytes."""
    return _longest_line_bytes(max_path_bytes) + _MAX_FIELDS_BYTES


def problem_response(error: CounterServiceError, request_id: str = "") -> web.Response:
    """Return aiohttp's response for an error."""
    status, body = problem_of(error, request_id)
    return web.Response(status=status, body=body, headers=_PROBLEM_HEADERS | dict(problem_headers(error)))


class DataServer(web.Server):
    """The factory of connections.

    Args:
        handler: answers requests; it must not raise but for a client that is gone.
        max_path_bytes: longest normalized path, bytes.
    """

    def __init__(self, handler: Handler, *, max_path_bytes: int) -> None:
        # The access log is aiohttp's; ours is structured and off the path of a request.
        self._options: dict[str, Any] = {
            "access_log": None,
            "max_line_size": _longest_line_bytes(max_path_bytes),
            "keepalive_timeout": KEEPALIVE_TIMEOUT_S,
            "auto_decompress": False,  # bodies are ignored
            "lingering_time": _LINGERING_S,
        }
        super().__init__(self._handle)
        self._handler = handler
        self.max_head_bytes = longest_head_bytes(max_path_bytes)
        self._is_draining = False

    def drain(self) -> None:
        """Serve on, but end every connection with its next answer."""
        self._is_draining = True

    def check_time(self, now_s: float) -> None:
        """End the connections whose client takes too long to send a head.

        Args:
            now_s: of time.perf_counter.
        """
        for connection in self.connections:
            if isinstance(connection, _Connection):
                connection.check_time(now_s)

    def __call__(self) -> web.RequestHandler:
        """Return the protocol for one connection."""
        return _Connection(self, loop=asyncio.get_running_loop(), **self._options)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = cast("_Connection", request.protocol)
        connection.begin_request()
        try:
            self._check_head(request)
            response = await self._handler(request)
            # After an upgrade, which is ignored, aiohttp takes what follows for another protocol.
            if self._is_draining or "Upgrade" in request.headers:
                response.force_close()
        except RequestError as error:
            response = _last_response(error)
        finally:
            connection.end_request()
        return response

    def _check_head(self, request: web.BaseRequest) -> None:
        """Refuse what aiohttp lets pass."""
        if request.version not in {HttpVersion10, HttpVersion11}:
            raise InvalidRequestError("The version must be HTTP/1.1 or HTTP/1.0.")
        fields_bytes = sum(len(name) + len(value) + len(": \r\n") for name, value in request.raw_headers)
        line_bytes = len(f"{request.method} {request.raw_path} HTTP/1.1\r\n\r\n")
        if line_bytes + fields_bytes > self.max_head_bytes:
            raise HeadTooLargeError


class _Connection(web.RequestHandler):
    """One connection; knows whether a request is being answered, or the next one's head awaited."""

    __slots__ = ("_head_began_s", "_in_request", "_max_head_bytes", "_unread_bytes")

    def __init__(self, server: DataServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._max_head_bytes = server.max_head_bytes
        self._in_request = False
        self._unread_bytes = 0
        self._head_began_s: float | None = None

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if not self._in_request:
            self._unread_bytes += len(data)
            if self._head_began_s is None:
                self._head_began_s = time.perf_counter()
        super().data_received(data)

    def begin_request(self) -> None:
        """Take note that a head came in whole."""
        self._in_request = True

    def end_request(self) -> None:
        """Take note that the next head is awaited."""
        self._in_request = False
        self._unread_bytes = 0
        self._head_began_s = None

    def check_time(self, now_s: float) -> None:
        """See DataServer.check_time."""
        if self._in_request or self._head_began_s is None:
            return
        waited_s = now_s - self._head_began_s
        if waited_s > HEAD_TIMEOUT_S:
            self._refuse(RequestTimeoutError("The request did not arrive whole in time."))
        elif waited_s > _PARSING_S and self._unread_bytes > self._max_head_bytes:
            self._refuse(HeadTooLargeError())

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
        error: CounterServiceError = InvalidRequestError("The request could not be understood.")
        if isinstance(exc, LineTooLong):
            error = HeadTooLargeError()
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            error = CounterServiceError()
        elif message:
            # What aiohttp got may be quoted behind the first colon or line.
            error = InvalidRequestError(message.partition("\n")[0].partition(":")[0] + ".")
        return _last_response(error)

    def _refuse(self, error: CounterServiceError) -> None:
        if self.transport is not None:
            self.transport.write(AnswerWriter().problem(error, close=True)[1])
            self.force_close()


def _longest_line_bytes(max_path_bytes: int) -> int:
    return _PERCENT_ENCODED_BYTES * max_path_bytes + _REQUEST_LINE_SLACK_BYTES


def _last_response(error: CounterServiceError) -> web.Response:
    """Return the response after which the connection is closed, because where the next request begins is unknown."""
    response = problem_response(error)
    # aiohttp says so to HTTP/1.1 only, which it does not take broken requests for.
    response.headers["Connection"] = "close"
    response.force_close()
    return response
