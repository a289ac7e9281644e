"""Waiting for a condition with a deadline: what tests do instead of sleeping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

_POLL_INTERVAL_S = 0.02


async def eventually(
    condition: Callable[[], object | Awaitable[object]], *, within_s: float = 10.0, every_s: float = _POLL_INTERVAL_S
) -> None:
    """Return as soon as the condition holds.

    Args:
        condition: returns, or awaits to, something true when it holds; an AssertionError or OSError means not yet.
        within_s: how long to wait, seconds.
        every_s: how often to look, for conditions that cost something, seconds.

    Raises:
        AssertionError: it did not hold in time; the message tells its last state.
    """
    deadline_s = time.monotonic() + within_s
    while True:
        last: object
        try:
            last = condition()
            if inspect.isawaitable(last):
                last = await last
        except (AssertionError, OSError) as error:
            last = error
        if last and not isinstance(last, BaseException):
            return
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {within_s} s; last: {last!r}")
        await asyncio.sleep(every_s)
