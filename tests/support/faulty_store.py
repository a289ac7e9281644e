"""A CounterStore that fails, on request, in every way a network and a server can, over the real rules."""

import asyncio
from collections import deque
from collections.abc import Sequence
from enum import Enum, auto

from counter_service.errors import StoreUnavailableError
from counter_service.store.base import Batch
from counter_service.store.memory import MemoryStore


class Fault(Enum):
    """What happens to one attempt."""

    NONE = auto()
    REFUSED = auto()  # an error, nothing applied
    REPLY_LOST = auto()  # applied, then an error
    HANGS = auto()  # nothing applied, no answer
    APPLIED_THEN_HANGS = auto()  # applied, no answer
    LATE = auto()  # an error; the attempt arrives at the store when `deliver_late` is called


class FaultyStore(MemoryStore):
    """A MemoryStore with one fault per attempt, in order; without faults left it works.

    Attributes:
        faults: what happens to the next attempts.
        attempts: every batch as it was sent.
        open: cleared, attempts wait before they reach the store.
    """

    def __init__(self, *faults: Fault, max_paths: int = 1_000_000) -> None:
        super().__init__(max_paths=max_paths)
        self.faults = deque(faults)
        self.attempts: list[Batch] = []
        self.open = asyncio.Event()
        self.open.set()
        self._late: list[Batch] = []

    async def increment(self, batch: Batch) -> Sequence[int | None]:
        """Apply, fail or hang as the next fault says."""
        self.attempts.append(batch)
        await self.open.wait()
        fault = self.faults.popleft() if self.faults else Fault.NONE
        if fault is Fault.LATE:
            self._late.append(batch)
        if fault in {Fault.REFUSED, Fault.LATE}:
            raise StoreUnavailableError("refused")
        if fault is Fault.HANGS:
            await asyncio.Event().wait()
        counts = await super().increment(batch)
        if fault is Fault.REPLY_LOST:
            raise StoreUnavailableError("connection lost")
        if fault is Fault.APPLIED_THEN_HANGS:
            await asyncio.Event().wait()
        return counts

    async def read(self, paths: Sequence[str]) -> Sequence[int]:
        """Read, once the store is open."""
        await self.open.wait()
        return await super().read(paths)

    async def increment_once(self, path: str, key: str) -> int | None:
        """Count once, once the store is open."""
        await self.open.wait()
        return await super().increment_once(path, key)

    async def deliver_late(self) -> None:
        """Let what was held back arrive: packets from before everything that happened since."""
        late, self._late = self._late, []
        for batch in late:
            await super().increment(batch)
