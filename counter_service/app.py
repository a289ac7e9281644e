"""The data port on aiohttp: all of the HTTP contract (docs/http-api.md), with every error as a problem document."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from counter_service.batching import TOTAL, IncrementQueue, ReadQueue
from counter_service.data_server import problem_response
from counter_service.errors import (
    BodyTooLargeError,
    CounterServiceError,
    ExpectationFailedError,
    MethodNotAllowedError,
    RateLimitedError,
    RequestTimeoutError,
)
from counter_service.failures import FailureLog
from counter_service.metrics import ServiceMetrics
from counter_service.once import OnceCounter, parse_key
from counter_service.paths import normalize_path
from counter_service.ratelimit import RateLimiter, client_of
from counter_service.representation import COMMON_HEADERS, MediaType, negotiate, render_count

# A body is ignored; one of this length, bytes, is still read so that the connection can be used again.
MAX_BODY_BYTES: Final = 64 * 1024
BODY_TIMEOUT_S: Final = 10.0
"""A body comes within this time, seconds, or the request is refused."""

_COUNT_HEADERS: Final = {kind: {**COMMON_HEADERS} | {"Content-Type": kind.value} for kind in MediaType}

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Counters:
    """What requests are passed on to: increments and reads in groups, and increments with a key."""

    increments: IncrementQueue
    reads: ReadQueue
    once: OnceCounter


class CounterHandler:
    """Answers requests.

    Args:
        counters: what to ask.
        metrics: where answers are counted.
        failures: where failed requests are logged.
        max_path_bytes: longest normalized path, bytes.
        limiter: refuses requests beyond a rate; None lets all pass.
        body_timeout_s: longest time for a body to come, seconds.
    """

    def __init__(
        self,
        counters: Counters,
        metrics: ServiceMetrics,
        failures: FailureLog,
        *,
        max_path_bytes: int,
        limiter: RateLimiter | None = None,
        body_timeout_s: float = BODY_TIMEOUT_S,
    ) -> None:
        self._counters = counters
        self._limiter = limiter
        self._metrics = metrics
        self._failures = failures
        self._max_path_bytes = max_path_bytes
        self._body_timeout_s = body_timeout_s

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; never raises, so that no error leaves as anything but a problem document."""
        started_s = time.perf_counter()
        try:
            response = await self._answer(request)
        except (ConnectionError, asyncio.CancelledError):
            raise  # the client is gone
        except Exception as error:  # noqa: BLE001 -- the one top level of a request: logged with its traceback, answered 500
            known = error if isinstance(error, CounterServiceError) else CounterServiceError()
            wished_id = request.headers.get("X-Request-Id", "")
            response = problem_response(known, self._failures.note(request.method, request.raw_path, error, wished_id))
        if request.body_exists and not request.content.at_eof():
            response.force_close()  # what is left of the body is not worth reading
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
        media_type = negotiate(", ".join(request.headers.getall("Accept", [])))
        path = normalize_path(request.raw_path, self._max_path_bytes)
        self._check_rate(request, path)
        if request.body_exists:
            try:
                async with asyncio.timeout(self._body_timeout_s):
                    await _discard_body(request)
            except TimeoutError as error:
                raise RequestTimeoutError("The request did not arrive whole in time.") from error
        count = await self._count(request, path)
        return web.Response(body=render_count(path, count, media_type), headers=_COUNT_HEADERS[media_type])

    async def _count(self, request: web.BaseRequest, path: str) -> int:
        if request.method != "PUT":
            return await self._counters.reads.request(TOTAL if path == "/" else path)
        key = request.headers.getall("Idempotency-Key", [])
        if key:
            return await self._counters.once.request(path, parse_key(", ".join(key)))
        return await self._counters.increments.request(path)

    def _check_rate(self, request: web.BaseRequest, path: str) -> None:
        if self._limiter is None:
            return
        forwarded_for = ",".join(request.headers.getall("X-Forwarded-For", []))
        client = client_of(request.remote or "", forwarded_for, self._limiter.limit.trusted_hops)
        refusal = self._limiter.admit(client, path, time.perf_counter())
        if refusal is not None:
            raise RateLimitedError(refusal)


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
