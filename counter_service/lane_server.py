"""Makes the data port's connections, ends those whose client is too slow, and ends all of them gracefully."""

import asyncio
import time

import structlog

from counter_service.data_server import DataServer
from counter_service.lane import Lane
from counter_service.lane_context import LaneContext

_TICK_S = 1.0

_log = structlog.get_logger()


class LaneServer:
    """The factory of connections for asyncio's create_server.

    Args:
        context: what all connections have in common.
        data_server: gets the connections that the lane does not want.
    """

    def __init__(self, context: LaneContext, data_server: DataServer) -> None:
        self._context = context
        self._data_server = data_server
        self._lanes: set[Lane] = set()
        self._loop = asyncio.get_running_loop()
        self._all_gone = asyncio.Event()
        self._tick_handle = self._loop.call_later(_TICK_S, self._tick)

    def __call__(self) -> Lane:
        """Return the protocol for one connection."""
        lane = Lane(self._context, on_gone=self._forget)
        self._lanes.add(lane)
        return lane

    def drain(self) -> None:
        """Serve on, but end every connection with its next answer, so that clients go elsewhere."""
        self._context.is_draining = True
        self._context.answers.announce_close()
        self._data_server.drain()

    async def aclose(self, timeout_s: float) -> None:
        """End all connections, each when what it asked is answered; after timeout_s seconds in any case."""
        self.drain()
        deadline_s = self._loop.time() + timeout_s
        for lane in list(self._lanes):
            lane.end()
        try:
            async with asyncio.timeout_at(deadline_s):
                while self._lanes:
                    self._all_gone.clear()
                    await self._all_gone.wait()
        except TimeoutError:
            _log.warning("connections had to be cut", connections=len(self._lanes))
        self._data_server.pre_shutdown()
        await self._data_server.shutdown(max(0.0, deadline_s - self._loop.time()))
        self._tick_handle.cancel()
        self._context.metrics.flush()

    def _forget(self, lane: Lane) -> None:
        self._lanes.discard(lane)
        if not self._lanes:
            self._all_gone.set()

    def _tick(self) -> None:
        """Keep the Date and the metrics up to date, and end connections that wait for their client for too long."""
        self._context.answers.set_date()
        self._context.metrics.flush()
        now_s = time.perf_counter()
        for lane in list(self._lanes):
            lane.check_time(now_s)
        self._data_server.check_time(now_s)
        self._tick_handle = self._loop.call_later(_TICK_S, self._tick)
