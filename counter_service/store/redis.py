"""Counts in one Redis server (8.0 and later): one Lua script per batch, over redis-py's asyncio client with hiredis.

A counter's data lives in hash-tagged groups of keys, one per shard, so that a script finds all it needs in one slot
of a Redis Cluster:
`{<counter>/<shard>}:counts` (hash path -> count), `:total`, `:writer:<id>`. A single server needs one shard.

All waiting is bounded by the callers' cancellation, and all resending is the batcher's: redis-py's own timeouts and
retries are off, so that there is one place that decides. A cancelled command closes its connection, and a late reply
can never be taken for another's.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from counter_service.errors import StaleBatchError, StoreMisconfiguredError, StoreUnavailableError
from counter_service.store.base import WRITER_EXPIRY_S, Batch

_SCRIPT: Final = Path(__file__).with_name("increment.lua").read_bytes()
_SCRIPT_SHA: Final = hashlib.sha1(_SCRIPT, usedforsecurity=False).hexdigest()  # EVALSHA's own choice of digest
_REFUSED: Final = b"-"
_SHARD: Final = 0
# How long Redis may hold back WAITAOF's answer before it says "not yet" and the batch is sent again, milliseconds.
_WAITAOF_TIMEOUT_MS: Final = 1000
# Redis's messages are short; whatever is not should not fill the log.
_MAX_MESSAGE_CHARACTERS: Final = 200


class RedisStore:
    """A CounterStore in Redis; see CounterStore for what its methods promise.

    Args:
        url: redis:// or rediss://, with the user and the database if any.
        counter: the prefix of every key; several counters can share a server.
        max_paths: how many paths the counter may hold.
        persisted: acknowledge only what an fsync of the append-only file covers (WAITAOF 1 0).
        password_file: holds the password; read anew for each connection, so that it can be rotated.
        ca_file: PEM bundle to verify a rediss:// server with, instead of the system's.
    """

    def __init__(
        self,
        url: str,
        *,
        counter: str,
        max_paths: int,
        persisted: bool,
        password_file: Path | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._pool = ConnectionPool(**_connection_options(url, password_file, ca_file))
        self._redis = Redis(connection_pool=self._pool)
        self._counter = counter
        self._max_paths = max_paths
        self._persisted = persisted

    async def increment(self, batch: Batch) -> Sequence[int | None]:
        """See CounterStore. Counts are exact up to 2**53, where Lua's numbers end."""
        with _driver_errors():
            try:
                reply = await self._evaluate("EVALSHA", _SCRIPT_SHA, batch)
            except NoScriptError:
                # A restart, SCRIPT FLUSH or failover lost it. EVAL runs it and keeps it.
                reply = await self._evaluate("EVAL", _SCRIPT, batch)
            except ReadOnlyError:
                # The server became a replica: only a new connection can find the one that now is primary.
                await self._pool.disconnect()
                raise
        return [None if count == _REFUSED else int(count) for count in reply.split()]

    async def read(self, paths: Sequence[str]) -> Sequence[int]:
        """See CounterStore."""
        if not paths:
            return []
        with _driver_errors():
            values = await self._redis.hmget(self._key("counts"), list(paths))
        return [int(value or 0) for value in values]

    async def total(self) -> int:
        """See CounterStore."""
        with _driver_errors():
            return int(await self._redis.get(self._key("total")) or 0)

    async def ping(self) -> None:
        """See CounterStore.

        Raises:
            StoreMisconfiguredError: durability needs the append-only file, and Redis says it cannot wait for it.
        """
        with _driver_errors():
            if self._persisted:
                await self._redis.waitaof(1, 0, 1)
            else:
                await self._redis.ping()

    async def aclose(self) -> None:
        """See CounterStore."""
        await self._redis.aclose()
        await self._pool.aclose()

    def _key(self, suffix: str) -> str:
        return f"{{{self._counter}/{_SHARD}}}:{suffix}"

    async def _evaluate(self, command: str, script: str | bytes, batch: Batch) -> bytes:
        keys = self._key("counts"), self._key("total"), self._key(f"writer:{batch.writer_id}")
        amounts = [word for path, amount in batch.increments.items() for word in (path, amount)]
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.execute_command(
                command, script, len(keys), *keys, batch.sequence, self._max_paths, WRITER_EXPIRY_S, *amounts
            )
            if self._persisted:
                # One round trip: Redis answers both once the script's writes are on its disk.
                pipeline.execute_command("WAITAOF", 1, 0, _WAITAOF_TIMEOUT_MS)
            reply, *persisted = await pipeline.execute(raise_on_error=False)
        for answer in (reply, *persisted):
            if isinstance(answer, RedisError):
                raise answer
        if persisted and persisted[0][0] < 1:
            raise StoreUnavailableError("Redis applied the batch but has not written it to its disk yet")
        return bytes(reply)


class PasswordFile(CredentialProvider):
    """Reads the password whenever redis-py connects, so that a rotated Secret is picked up without a restart."""

    def __init__(self, username: str | None, file: Path) -> None:
        self._username = username
        self._file = file

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Return (password,) or (username, password); a trailing newline in the file does not count.

        Raises:
            StoreUnavailableError: the file cannot be read.
        """
        try:
            password = self._file.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise StoreUnavailableError(f"--store-password-file {self._file}: {error.strerror}") from error
        return (self._username, password) if self._username else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """Do the same without blocking the event loop."""
        return await asyncio.to_thread(self.get_credentials)


def _connection_options(url: str, password_file: Path | None, ca_file: Path | None) -> dict[str, Any]:
    options: dict[str, Any] = dict(parse_url(url))
    options |= {"socket_timeout": None, "socket_connect_timeout": None, "retry": Retry(NoBackoff(), 0)}
    if password_file is not None:
        options.pop("password", None)
        options["credential_provider"] = PasswordFile(options.pop("username", None), password_file)
    if ca_file is not None:
        options["ssl_ca_certs"] = str(ca_file)
    return options


@contextmanager
def _driver_errors() -> Iterator[None]:
    """Turn what redis-py and the network raise into this package's errors."""
    try:
        yield
    except (RedisError, OSError) as error:
        message = str(error)[:_MAX_MESSAGE_CHARACTERS]
        if isinstance(error, ResponseError) and message.startswith("STALE"):
            raise StaleBatchError(message) from error
        if isinstance(error, ResponseError) and "WAITAOF" in message:
            raise StoreMisconfiguredError(
                f"--durability Persisted needs Redis with appendonly yes: {message}"
            ) from error
        raise StoreUnavailableError(f"Redis: {message or type(error).__name__}") from error
