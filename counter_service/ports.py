"""The two ports as things that are open while a `with` block runs, and are drained when it ends."""

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import web

from counter_service.admin.api import AdminApi
from counter_service.admin.app import make_admin_app
from counter_service.admin.readiness import Readiness
from counter_service.app import CounterHandler, Counters
from counter_service.batching import IncrementQueue, ReadQueue
from counter_service.data_server import DataServer
from counter_service.failures import FailureLog
from counter_service.grouping import GroupLimits
from counter_service.lane_context import LaneContext, LaneLimits
from counter_service.lane_server import LaneServer
from counter_service.metrics import ServiceMetrics
from counter_service.once import OnceCounter
from counter_service.ratelimit import RateLimit, RateLimiter
from counter_service.settings import Settings
from counter_service.store.base import CounterStore

# Of the request's time, what one exchange may take: enough for a slow fsync, and time left for another try on a new
# connection.
_ATTEMPT_PART: Final = 0.4
# Of the shutdown's time, what connections get; the queues, which answer them, get the rest.
_CONNECTIONS_PART: Final = 0.8
_BACKLOG_CONNECTIONS: Final = 1024
_ADMIN_SHUTDOWN_TIMEOUT_S: Final = 1.0
# Room for the longest path there may be, and for what is around it.
_ADMIN_MAX_LINE_BYTES: Final = 256 * 1024

_log = structlog.get_logger()


class DataPort:
    """The data port while it is open.

    Attributes:
        port: the port listened on.
    """

    def __init__(self, lanes: LaneServer, listener: asyncio.Server) -> None:
        self._lanes = lanes
        self.port = int(listener.sockets[0].getsockname()[1])

    def drain(self) -> None:
        """Serve on, but end every connection with its next answer, so that clients go elsewhere."""
        self._lanes.drain()


@asynccontextmanager
async def data_port(
    settings: Settings, store: CounterStore, metrics: ServiceMetrics, listening: socket.socket | None = None
) -> AsyncIterator[DataPort]:
    """Serve the data port while the block runs; on a socket that listens already, if there is one.

    On the way out it stops accepting, lets the requests under way end within shutdown_timeout_s, and has all increments
    acknowledged or refused.

    Raises:
        OSError: the address cannot be listened on.
    """
    limits = GroupLimits(
        request_timeout_s=settings.request_timeout_s, attempt_timeout_s=settings.request_timeout_s * _ATTEMPT_PART
    )
    queues = IncrementQueue(store, limits, metrics), ReadQueue(store, limits, metrics)
    counters = Counters(*queues, OnceCounter(store, limits, metrics))
    lanes = _lane_server(settings, counters, metrics)
    loop = asyncio.get_running_loop()
    if listening is not None:
        listener = await loop.create_server(lanes, sock=listening, backlog=_BACKLOG_CONNECTIONS)
    else:
        listener = await loop.create_server(lanes, settings.host, settings.port, backlog=_BACKLOG_CONNECTIONS)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(queue.run()) for queue in queues]
        try:
            yield DataPort(lanes, listener)
        finally:
            listener.close()
            await lanes.aclose(settings.shutdown_timeout_s * _CONNECTIONS_PART)
            timeout_s = settings.shutdown_timeout_s * (1 - _CONNECTIONS_PART)
            if not all(await asyncio.gather(*(queue.aclose(timeout_s) for queue in queues))):
                _log.warning("requests were not answered before the end")
                for task in running:
                    task.cancel()


def _lane_server(settings: Settings, counters: Counters, metrics: ServiceMetrics) -> LaneServer:
    max_path_bytes, limiter, failures = settings.max_path_bytes, _limiter(settings), FailureLog()
    handler = CounterHandler(counters, metrics, failures, max_path_bytes=max_path_bytes, limiter=limiter)
    data_server = DataServer(handler, max_path_bytes=max_path_bytes)
    limits = LaneLimits(
        max_path_bytes=max_path_bytes,
        max_head_bytes=data_server.max_head_bytes,
        request_timeout_s=settings.request_timeout_s,
    )
    context = LaneContext(
        counters.increments, counters.reads, data_server, metrics, failures, limits=limits, limiter=limiter
    )
    return LaneServer(context, data_server)


def _limiter(settings: Settings) -> RateLimiter | None:
    rate = settings.rate_limit_requests_per_second
    if rate is None:
        return None
    burst = settings.rate_limit_burst or max(1, math.ceil(rate))
    return RateLimiter(RateLimit(rate, burst, settings.rate_limit_per, settings.rate_limit_trusted_hops))


@asynccontextmanager
async def admin_port(
    settings: Settings,
    store: CounterStore,
    metrics: ServiceMetrics,
    *,
    is_draining: Callable[[], bool],
    is_serving: Callable[[], bool],
) -> AsyncIterator[int]:
    """Serve the admin port while the block runs.

    Yields:
        The port listened on.

    Raises:
        OSError: the address cannot be listened on.
    """
    readiness = Readiness(store, is_draining=is_draining, is_serving=is_serving)
    api = AdminApi(store, max_path_bytes=settings.max_path_bytes, token_file=settings.admin_token_file)
    app = make_admin_app(readiness, metrics, api)
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=_ADMIN_SHUTDOWN_TIMEOUT_S, max_line_size=_ADMIN_MAX_LINE_BYTES
    )
    port = await _listen(runner, settings.host, settings.admin_port)
    try:
        yield port
    finally:
        await runner.cleanup()


async def _listen(runner: web.BaseRunner, host: str, port: int) -> int:
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return int(runner.addresses[0][1])
