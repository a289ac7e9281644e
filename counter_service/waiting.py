"""How one waiting request is told its count: by callbacks, so that a front end without futures needs none."""

import asyncio
from typing import Protocol

from counter_service.errors import CounterServiceError


class Waiter(Protocol):
    """One waiting request. Exactly one of the two methods is called, once, on the event loop; neither may raise."""

    def resolve(self, count: int) -> None:
        """Take the count: the request is done."""

    def fail(self, error: CounterServiceError) -> None:
        """Take the reason why there is no count: the request was not acknowledged."""


class FutureWaiter:
    """A waiter for code that awaits; a cancelled future stays cancelled."""

    __slots__ = ("future",)

    def __init__(self, future: asyncio.Future[int]) -> None:
        self.future = future

    def resolve(self, count: int) -> None:
        """Set the future's result."""
        if not self.future.done():
            self.future.set_result(count)

    def fail(self, error: CounterServiceError) -> None:
        """Set the future's exception."""
        if not self.future.done():
            self.future.set_exception(error)
