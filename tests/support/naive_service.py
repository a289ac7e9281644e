"""`python -m tests.support.naive_service`: the service as most would write it, for control runs.

It sends a batch again as if it were a new one: without the number that tells a repeat from another batch.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from counter_service import __main__ as service
from counter_service.settings import Settings
from counter_service.store.base import Batch, CounterStore
from counter_service.store.redis_store import RedisStore

_open_store = service.open_store


class NaiveStore:
    """A Redis store that takes every attempt for a batch of its own."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    async def increment(self, batch: Batch) -> Sequence[int | None]:
        """Count, again if it was sent before."""
        return await self._store.increment(replace(batch, writer_id=secrets.token_hex(8)))

    def __getattr__(self, name: str) -> object:
        """Do everything else as the store does it."""
        return getattr(self._store, name)


def open_naive_store(settings: Settings) -> CounterStore:
    """Open the store of the settings."""
    store = _open_store(settings)
    assert isinstance(store, RedisStore)
    return NaiveStore(store)  # type: ignore[return-value]  # the rest of the protocol is passed on


if __name__ == "__main__":
    service.open_store = open_naive_store
    service.main()
