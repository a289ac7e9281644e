"""New connections in the place of all old ones when the credentials or certificates they were made with have changed.

Whoever rotates a user deletes it when no connection of it is left; what is connected still, Redis cuts off. So no
connection may stay, idle or not, on any server; and none may be given up before there is one that works.
Source: https://redis.io/docs/latest/commands/acl-deluser/
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from redis.asyncio.connection import AbstractConnection

from counter_service.store.redis_address import RedisAddress
from counter_service.store.redis_exchange import Exchange
from counter_service.store.store_files import StoreFiles

# How often the files are looked at, and new ones that do not work yet are tried again, seconds.
_LOOK_INTERVAL_S: Final = 1.0
# How long one new connection may take, the last answers on the old one included, seconds.
_RENEW_TIMEOUT_S: Final = 2.0
# How many are made at a time: reading the certificates takes 20 ms of TLS, and requests are answered in between.
_AT_A_TIME: Final = 4

_log = structlog.get_logger()


class Renewal:
    """The connections of a store, which are replaced when the files of its address change.

    It looks at them from the first connection on, until it is closed. What is refused is tried again until it works;
    until then the old connections are used.

    Args:
        address: whose files, and whose user to tell of.
    """

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._files = StoreFiles(address.files)
        self._exchanges: list[Exchange] = []
        self._at_a_time = asyncio.Semaphore(_AT_A_TIME)
        self._watching: asyncio.Task[None] | None = None

    def exchange(self, make_connection: Callable[[], AbstractConnection]) -> Exchange:
        """Return an exchange whose connection is replaced as well."""
        exchange = Exchange(make_connection)
        self._exchanges.append(exchange)
        if self._address.files and self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        return exchange

    async def aclose(self) -> None:
        """Look no longer; connections that were to be replaced stay as they are. Idempotent."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])

    async def _watch(self) -> None:
        old: list[Exchange] = []
        told: str | None = None
        while True:
            await asyncio.sleep(_LOOK_INTERVAL_S)
            if self._files.have_changed():
                old, told = self._exchanges.copy(), None
            elif not old:
                continue
            failures = await asyncio.gather(*map(self._replace, old))
            old = [exchange for exchange, failure in zip(old, failures, strict=True) if failure is not None]
            reason = next(filter(None, failures), None)
            if reason is not None and reason != told:
                _log.warning("new credentials do not work yet", user=self._address.username, reason=reason)
            told = reason
            if not old and (connections := sum(exchange.is_connected for exchange in self._exchanges)):
                _log.info("credentials renewed", user=self._address.username, connections=connections)

    async def _replace(self, exchange: Exchange) -> str | None:
        """Return None if no old connection is left; else why."""
        try:
            async with self._at_a_time, asyncio.timeout(_RENEW_TIMEOUT_S):
                await exchange.renew()
        except Exception as error:  # noqa: BLE001 -- whatever it is, the next look must come; it is told and tried again
            return str(error) or type(error).__name__
        return None
