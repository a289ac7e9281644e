"""The operator's own HTTP port: /healthz, /readyz and /metrics.

Alive is an operator whose watches are begun anew in time and whose queue moves; that the port answers at all shows
that the event loop does. Ready is one that has read all lists, leading or standing by.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import generate_latest

from request_counter_operator.metrics import OperatorMetrics
from request_counter_operator.watch_pulse import WatchPulse

QUEUE_STALLED_AFTER_S = 120.0
"""A key that no worker has taken up for so long: each worker hangs, for every request to elsewhere has a deadline."""


class Health:
    """What keeps the operator from its work.

    Args:
        pulse: of the watches.
        oldest_s: for how long the oldest key has been waiting in the queue, seconds.
        is_started: whether all lists were read.
    """

    def __init__(self, pulse: WatchPulse, oldest_s: Callable[[], float], is_started: Callable[[], bool]) -> None:
        self._pulse = pulse
        self._oldest_s = oldest_s
        self._is_started = is_started

    def failures(self) -> dict[str, str]:
        """Return the reason of each failing check, by name; empty when alive."""
        found = {}
        if stalled := self._pulse.stalled():
            found["watch"] = f"not begun anew in time: {', '.join(sorted(stalled))}"
        if (oldest_s := self._oldest_s()) > QUEUE_STALLED_AFTER_S:
            found["queue"] = f"a resource has been waiting for {oldest_s:.0f} s"
        return found

    def unready(self) -> dict[str, str]:
        """Return the reason of each failing check, by name; empty when ready."""
        return self.failures() | ({} if self._is_started() else {"start": "the lists are being read"})


@asynccontextmanager
async def serve_probes(port: int, health: Health, metrics: OperatorMetrics) -> AsyncIterator[None]:
    """Answer on ``port`` of all addresses while the block runs.

    Raises:
        OSError: The port is taken.
    """

    def check(find: Callable[[], dict[str, str]]) -> Callable[[web.Request], object]:
        async def answer(_request: web.Request) -> web.Response:
            failures = find()
            return web.json_response({"failures": failures}, status=503 if failures else 200)

        return answer

    async def exposition(_request: web.Request) -> web.Response:
        text = generate_latest(metrics.registry)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.router.add_get("/healthz", check(health.failures))  # type: ignore[arg-type]
    app.router.add_get("/readyz", check(health.unready))  # type: ignore[arg-type]
    app.router.add_get("/metrics", exposition)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()
