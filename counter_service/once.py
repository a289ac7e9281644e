"""Requests with an Idempotency-Key: counted once, however often their sender repeats them.

Source: draft-ietf-httpapi-idempotency-key-header-07. A key belongs to one path, and is remembered for a day.
"""

import asyncio
import re
from typing import Final

from counter_service.errors import InvalidRequestError, StoreUnavailableError, TooManyPathsError
from counter_service.grouping import GroupLimits
from counter_service.metrics import ServiceMetrics
from counter_service.resending import Resender
from counter_service.store.base import CounterStore

# The draft wants a string in quotes (RFC 8941); what most clients send is the bare value. Both mean the same key.
_KEY: Final = re.compile(r'"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})')
# Each is an exchange of its own with the store, so that many at once would wait longer than they may.
_MAX_WAITING: Final = 1_000


class OnceCounter:
    """Counts one request at a time under its key.

    Args:
        store: remembers the keys.
        limits: for how long to try.
        metrics: where attempts are counted, as operation increment_once.
    """

    def __init__(self, store: CounterStore, limits: GroupLimits, metrics: ServiceMetrics) -> None:
        self._store = store
        self._timeout_s = limits.request_timeout_s
        self._loop = asyncio.get_running_loop()
        self._resender = Resender(limits.attempt_timeout_s, limits.longest_pause_s, metrics.store("increment_once"))
        self._waiting = 0

    async def request(self, path: str, key: str) -> int:
        """Count the path, or return what was answered to this key before.

        Raises:
            TooManyPathsError: the path is new, and one too many.
            StoreUnavailableError: not acknowledged; a repeat with the same key is safe.
        """
        if self._waiting >= _MAX_WAITING:
            raise StoreUnavailableError("Too many requests are waiting for the store.")
        self._waiting += 1
        try:
            deadline_s = self._loop.time() + self._timeout_s
            count = await self._resender.send(lambda: self._store.increment_once(path, key), deadline_s)
        finally:
            self._waiting -= 1
        if count is None:
            raise TooManyPathsError
        return count


def parse_key(field_value: str) -> str:
    """Return the key that an Idempotency-Key field names.

    Raises:
        InvalidRequestError: it is empty, longer than 255 characters, or holds others than printable ASCII.
    """
    match = _KEY.fullmatch(field_value.strip())
    if match is None:
        raise InvalidRequestError("An Idempotency-Key is 1 to 255 printable ASCII characters, with or without quotes.")
    return match[1] or match[2]
