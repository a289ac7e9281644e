"""What the service asks of a store, method by method: the only module of this folder the rest of the service imports.

Exactly once is a contract between two sides. The sender numbers its batches, has one batch at a time under way, and
sends that very batch again until it knows the outcome or gives up; it never changes a batch that was sent. The store
applies a batch atomically and only if its number is higher than every number it has applied for that writer, keeps
the reply with the number, and gives the kept reply to a repeat. So a reply lost on its way costs a repeat, never a
double count.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

# A writer that was silent for so long is forgotten. Its batches live for seconds, so no repeat can arrive later than
# that.
WRITER_EXPIRY_S = 3600
# How long the answer to an idempotency key is remembered.
IDEMPOTENCY_EXPIRY_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Batch:
    """Increments that are applied together or not at all.

    Attributes:
        writer_id: the sender; unique to one process run.
        sequence: the batch's number, 1 and up, rising with each of the writer's batches.
        increments: normalized path -> how much to add, count, 1 and up.
    """

    writer_id: str
    sequence: int
    increments: Mapping[str, int]


class CounterStore(Protocol):
    """A durable map of path -> count, shared by all processes of one counter.

    Methods may be called concurrently, `increment` excepted: one batch per writer at a time. No method has a time
    limit of its own; callers cancel. A cancelled call leaves the store usable and, for `increment`, the outcome
    unknown, as after StoreUnavailableError.
    """

    async def increment(self, batch: Batch) -> Sequence[int | None]:
        """Apply a batch, or learn what came of it when it was applied before.

        Returns:
            For each path, in the batch's order, its count with the batch included; None for a path that is new and
            was refused because the counter holds as many paths as it may (nothing of it was counted). A reply is
            an acknowledgement: the counts are as durable as the store was asked to make them.

        Raises:
            StaleBatchError: a batch of this writer with a higher number was applied; this one never will be again.
            StoreUnavailableError: outcome unknown; send the same batch again.
        """
        ...

    async def increment_once(self, path: str, key: str) -> int | None:
        """Count one request for a path under a client's idempotency key, or learn what came of it before.

        Args:
            path: normalized path.
            key: the client's name for this one request, among all it makes for the path within 24 hours.

        Returns:
            The path's count with the request included, the same to every repeat; None as in `increment`. A reply is
            an acknowledgement as of `increment`.

        Raises:
            StoreUnavailableError: outcome unknown; ask again with the same key.
        """
        ...

    async def delete(self, path: str) -> int:
        """Forget a path, and take its count off the total with it, atomically and as durably as counting.

        Returns:
            The count it had; 0 if there was none.

        Raises:
            StoreUnavailableError: outcome unknown; deleting again does no harm.
        """
        ...

    def scan(self, prefix: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """Go through all paths with this prefix and their counts, in no order, about a thousand at a time.

        The store serves others in between. A path that is counted for the first time or deleted meanwhile may or may
        not be among them, and one may come twice.

        Raises:
            StoreUnavailableError: no answer; what came so far is not all.
        """
        ...

    async def read(self, paths: Sequence[str]) -> Sequence[int]:
        """Return the counts of normalized paths, in their order; 0 for a path never counted.

        Every count acknowledged before the call is included. Not a snapshot over several paths.

        Raises:
            StoreUnavailableError: no answer.
        """
        ...

    async def total(self) -> int:
        """Return the sum of all counts, kept with them atomically; one lookup, whatever the number of paths.

        Raises:
            StoreUnavailableError: no answer.
        """
        ...

    async def ping(self) -> None:
        """Prove that the store could acknowledge now, with the durability it was asked for.

        Raises:
            StoreUnavailableError: it could not; the message says why.
        """
        ...

    async def aclose(self) -> None:
        """Release connections, threads and files. Idempotent; waits for what is under way."""
        ...
