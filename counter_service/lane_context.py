"""What all connections of the data port have in common, as each of them sees it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from aiohttp import web

from counter_service.data_server import HEAD_TIMEOUT_S, KEEPALIVE_TIMEOUT_S
from counter_service.failures import FailureLog
from counter_service.grouping import GroupQueue
from counter_service.heads import HeadReader, PlainRequest
from counter_service.metrics import Observations, ServiceMetrics
from counter_service.ratelimit import RateLimiter
from counter_service.wire import AnswerWriter

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """Bounds of one connection.

    Attributes:
        max_path_bytes: longest normalized path, bytes.
        max_head_bytes: longest request line and header fields together, bytes.
        max_pipelined: most requests of one connection that are under way.
        head_timeout_s: longest time from a request's first byte to the end of its head, seconds.
        keepalive_timeout_s: longest time without a request, and for a client to take an answer, seconds.
        request_timeout_s: longest time to wait for room in the queue, seconds.
    """

    max_path_bytes: int
    max_head_bytes: int
    max_pipelined: int = 64
    head_timeout_s: float = HEAD_TIMEOUT_S
    keepalive_timeout_s: float = KEEPALIVE_TIMEOUT_S
    request_timeout_s: float = 5.0


@dataclass(slots=True)
class LaneContext:
    """The connections' common ground.

    Attributes:
        increments, reads: the queues in front of the store.
        next_protocol: makes the protocol that a connection is handed over to.
        failures: where failed requests are logged.
        limiter: refuses requests beyond a rate; None lets all pass.
        counted: series of the GETs and of the PUTs that were answered with a count.
        logs_requests: whether `log` would write anything.
        is_draining: whether every connection ends with its next answer.
    """

    increments: GroupQueue
    reads: GroupQueue
    next_protocol: Callable[[], web.RequestHandler]
    metrics: ServiceMetrics
    failures: FailureLog
    limits: LaneLimits
    limiter: RateLimiter | None = None
    is_draining: bool = False
    answers: AnswerWriter = field(init=False, default_factory=AnswerWriter)
    heads: HeadReader = field(init=False)
    counted: tuple[Observations, Observations] = field(init=False)
    logs_requests: bool = field(init=False)

    def __post_init__(self) -> None:
        """Make what follows from the rest."""
        self.heads = HeadReader(self.limits.max_path_bytes)
        self.counted = self.metrics.requests("GET", HTTPStatus.OK), self.metrics.requests("PUT", HTTPStatus.OK)
        self.logs_requests = _log.is_enabled_for(logging.DEBUG)

    def log(self, request: PlainRequest, status: int) -> None:
        """Log one answer at debug."""
        _log.debug("request", method=request.method, target=request.path, code=status)
