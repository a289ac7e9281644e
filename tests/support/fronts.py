"""Both front ends of the data port, each on a real socket, over one store: the lane, and aiohttp alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal

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
from tests.support.faulty_store import FaultyStore

FrontName = Literal["lane", "aiohttp"]
FRONTS: tuple[FrontName, FrontName] = ("lane", "aiohttp")


_GROUP_LIMITS = GroupLimits(request_timeout_s=5.0, attempt_timeout_s=1.0)


@dataclass(frozen=True, kw_only=True)
class FrontSettings:
    """What a front is started with; see the classes these are passed to."""

    max_path_bytes: int = 64
    group: GroupLimits = _GROUP_LIMITS
    head_timeout_s: float = 10.0
    body_timeout_s: float = 10.0
    keepalive_timeout_s: float = 75.0
    max_pipelined: int = 64
    rate_limit: RateLimit | None = None


@dataclass(frozen=True)
class Front:
    """A front end that serves; `lanes` is None for aiohttp alone."""

    port: int
    store: FaultyStore
    metrics: ServiceMetrics
    counters: Counters
    context: LaneContext
    lanes: LaneServer | None


@asynccontextmanager
async def front(
    name: FrontName, settings: FrontSettings | None = None, store: FaultyStore | None = None
) -> AsyncIterator[Front]:
    """Serve with one of the front ends while the block runs."""
    settings = settings or FrontSettings()
    store, metrics, failures = store or FaultyStore(), ServiceMetrics(), FailureLog()
    queues = IncrementQueue(store, settings.group, metrics), ReadQueue(store, settings.group, metrics)
    counters = Counters(*queues, OnceCounter(store, settings.group, metrics))
    limiter = RateLimiter(settings.rate_limit) if settings.rate_limit else None
    handler = CounterHandler(
        counters,
        metrics,
        failures,
        max_path_bytes=settings.max_path_bytes,
        limiter=limiter,
        body_timeout_s=settings.body_timeout_s,
    )
    data_server = DataServer(handler, max_path_bytes=settings.max_path_bytes)
    context = _context(settings, counters, data_server, metrics, limiter)
    lanes = LaneServer(context, data_server) if name == "lane" else None
    listener = await asyncio.get_running_loop().create_server(lanes or data_server, "127.0.0.1", 0)
    tasks = [asyncio.create_task(queue.run()) for queue in queues]
    try:
        yield Front(listener.sockets[0].getsockname()[1], store, metrics, counters, context, lanes)
    finally:
        listener.close()
        if lanes:
            await lanes.aclose(1.0)
        else:
            data_server.pre_shutdown()
            await data_server.shutdown(1.0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _context(
    settings: FrontSettings,
    counters: Counters,
    data_server: DataServer,
    metrics: ServiceMetrics,
    limiter: RateLimiter | None,
) -> LaneContext:
    limits = LaneLimits(max_path_bytes=settings.max_path_bytes, max_head_bytes=data_server.max_head_bytes)
    limits = replace(
        limits,
        max_pipelined=settings.max_pipelined,
        head_timeout_s=settings.head_timeout_s,
        keepalive_timeout_s=settings.keepalive_timeout_s,
        request_timeout_s=settings.group.request_timeout_s,
    )
    queues = counters.increments, counters.reads
    return LaneContext(*queues, data_server, metrics, FailureLog(), limits=limits, limiter=limiter)
