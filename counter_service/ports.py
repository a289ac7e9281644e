"""The two ports as things that are open while a `with` block runs, and are drained when it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import web

from counter_service.admin import Readiness, make_admin_app
from counter_service.app import CounterHandler, DataServer
from counter_service.batching import IncrementQueue, ReadQueue
from counter_service.grouping import GroupLimits
from counter_service.metrics import ServiceMetrics
from counter_service.settings import Settings
from counter_service.store.base import CounterStore

# Of the request's time, what one exchange may take: enough for a slow fsync, and time left for another try on a new
# connection.
_ATTEMPT_PART: Final = 0.4
# Of the shutdown's time, what connections get; the queues, which answer them, get the rest.
_CONNECTIONS_PART: Final = 0.8
_BACKLOG_CONNECTIONS: Final = 1024
_ADMIN_SHUTDOWN_TIMEOUT_S: Final = 1.0

_log = structlog.get_logger()


@asynccontextmanager
async def data_port(settings: Settings, store: CounterStore, metrics: ServiceMetrics) -> AsyncIterator[int]:
    """Serve the data port while the block runs.

    On the way out it stops accepting, lets the requests under way end within shutdown_timeout_s, and has all increments
    acknowledged or refused.

    Yields:
        The port listened on.

    Raises:
        OSError: the address cannot be listened on.
    """
    limits = GroupLimits(
        request_timeout_s=settings.request_timeout_s, attempt_timeout_s=settings.request_timeout_s * _ATTEMPT_PART
    )
    increments, reads = IncrementQueue(store, limits, metrics), ReadQueue(store, limits, metrics)
    handler = CounterHandler(increments, reads, metrics, max_path_bytes=settings.max_path_bytes)
    server = DataServer(handler, max_path_bytes=settings.max_path_bytes)
    runner = web.ServerRunner(server, shutdown_timeout=settings.shutdown_timeout_s * _CONNECTIONS_PART)
    port = await _listen(runner, settings.host, settings.port, share=settings.workers > 1)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(increments.run()), tasks.create_task(reads.run())]
        try:
            yield port
        finally:
            await runner.cleanup()
            timeout_s = settings.shutdown_timeout_s * (1 - _CONNECTIONS_PART)
            if not all(await asyncio.gather(increments.aclose(timeout_s), reads.aclose(timeout_s))):
                _log.warning("requests were not answered before the end")
                for task in running:
                    task.cancel()


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
    app = make_admin_app(store, readiness, metrics)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_ADMIN_SHUTDOWN_TIMEOUT_S)
    port = await _listen(runner, settings.host, settings.admin_port, share=False)
    try:
        yield port
    finally:
        await runner.cleanup()


async def _listen(runner: web.BaseRunner, host: str, port: int, *, share: bool) -> int:
    await runner.setup()
    site = web.TCPSite(runner, host, port, reuse_port=share, backlog=_BACKLOG_CONNECTIONS)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return int(runner.addresses[0][1])
