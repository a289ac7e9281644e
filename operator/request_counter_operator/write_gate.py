"""Whether this process may write to the cluster: open for a time, and never longer than its lease is surely its own.

A write that was let through may still be on its way when the gate closes. ``until_quiet`` waits for those.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from request_counter_operator.errors import NotLeadingError


class WriteGate:
    """Closed at first. One event loop owns it.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open_until_s = float("-inf")
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def is_open(self) -> bool:
        """Whether a write would be let through now."""
        return self._clock() < self._open_until_s

    def open_until(self, deadline_s: float) -> None:
        """Let writes through until the clock shows ``deadline_s``."""
        self._open_until_s = deadline_s

    def close(self) -> None:
        """Let no further write through."""
        self._open_until_s = float("-inf")

    @contextmanager
    def write(self) -> Iterator[float]:
        """Go through the gate for one write, and give the seconds within which it must have ended.

        Raises:
            NotLeadingError: The gate is closed.
        """
        left_s = self._open_until_s - self._clock()
        if left_s <= 0:
            raise NotLeadingError("the lease is another's, or not surely ours any more")
        self._under_way += 1
        self._quiet.clear()
        try:
            yield left_s
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._quiet.set()

    async def until_quiet(self, timeout_s: float) -> bool:
        """Wait until no write is under way; return whether that came to be in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._quiet.wait()
        except TimeoutError:
            return False
        return True
