"""Counts in this process's memory: for tests and trials. They end with the process; one process only."""

from collections.abc import AsyncIterator, Sequence
from itertools import islice

from counter_service.errors import StaleBatchError
from counter_service.store.base import Batch

_SCAN_CHUNK_PATHS = 1000


class MemoryStore:
    """The reference implementation of CounterStore: every rule of its contract in its shortest form."""

    def __init__(self, *, max_paths: int) -> None:
        self._max_paths = max_paths
        self._counts: dict[str, int] = {}
        self._total = 0
        # One process is one writer; others appear in tests only, so writers need not expire.
        self._once: dict[tuple[str, str], int] = {}
        self._writers: dict[str, tuple[int, Sequence[int | None]]] = {}

    async def increment(self, batch: Batch) -> Sequence[int | None]:
        """See CounterStore; never unavailable."""
        sequence, reply = self._writers.get(batch.writer_id, (0, ()))
        if batch.sequence < sequence:
            raise StaleBatchError(f"batch {batch.sequence} comes after batch {sequence}")
        if batch.sequence > sequence:
            reply = [self._add(path, amount) for path, amount in batch.increments.items()]
            self._writers[batch.writer_id] = batch.sequence, reply
        return reply

    def _add(self, path: str, amount: int) -> int | None:
        if path not in self._counts and len(self._counts) >= self._max_paths:
            return None
        self._counts[path] = self._counts.get(path, 0) + amount
        self._total += amount
        return self._counts[path]

    async def increment_once(self, path: str, key: str) -> int | None:
        """See CounterStore; remembers for as long as the process lives."""
        count = self._once.get((path, key))
        if count is None:
            count = self._add(path, 1)
            if count is not None:
                self._once[path, key] = count
        return count

    async def delete(self, path: str) -> int:
        """See CounterStore."""
        count = self._counts.pop(path, 0)
        self._total -= count
        return count

    async def scan(self, prefix: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """See CounterStore."""
        matching = iter([item for item in self._counts.items() if item[0].startswith(prefix)])
        while chunk := list(islice(matching, _SCAN_CHUNK_PATHS)):
            yield chunk

    async def read(self, paths: Sequence[str]) -> Sequence[int]:
        """See CounterStore."""
        return [self._counts.get(path, 0) for path in paths]

    async def total(self) -> int:
        """See CounterStore."""
        return self._total

    async def ping(self) -> None:
        """See CounterStore; always succeeds."""

    async def aclose(self) -> None:
        """See CounterStore; the counts are gone with the object."""
