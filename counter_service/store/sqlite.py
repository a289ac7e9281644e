"""Counts in one SQLite file: the embedded default, for a single process that must not lose anything.

All SQL runs on one dedicated thread, so the event loop never waits for a disk and statements never interleave. A
batch is one transaction: one fsync for all requests in it.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from counter_service.errors import StaleBatchError, StoreMisconfiguredError, StoreUnavailableError
from counter_service.store.base import IDEMPOTENCY_EXPIRY_S, WRITER_EXPIRY_S, Batch

Result = TypeVar("Result")

# The number of paths is kept in `totals`, because counting rows would take time proportional to them.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS counts (
  counter TEXT, path TEXT, count INTEGER NOT NULL, PRIMARY KEY (counter, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (
  counter TEXT PRIMARY KEY, total INTEGER NOT NULL, paths INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS writers (
  id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, reply TEXT NOT NULL, seen_at_s REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS once (
  counter TEXT, path TEXT, key TEXT, count INTEGER NOT NULL, counted_at_s REAL NOT NULL,
  PRIMARY KEY (counter, path, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS once_by_age ON once (counted_at_s);
"""
_SCAN_CHUNK_PATHS = 1000
_REFUSED = "-"
# Longest wait for another program that holds the file's write lock, such as a backup.
_LOCK_TIMEOUT_S = 1.0


class SqliteStore:
    """A CounterStore in a file; see CounterStore for what its methods promise.

    Args:
        file: the database; created, with its schema, when missing. Its folder must exist.
        counter: whose counts these are; several counters can share a file.
        max_paths: how many paths the counter may hold.
        fsync: whether an acknowledged batch survives a power cut (True) or only the end of the process (False).
    """

    def __init__(self, file: Path, *, counter: str, max_paths: int, fsync: bool) -> None:
        self._file = file
        self._counter = counter
        self._max_paths = max_paths
        # https://www.sqlite.org/pragma.html#pragma_synchronous: in WAL mode NORMAL does not sync on commit, FULL does.
        self._synchronous = "FULL" if fsync else "NORMAL"
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        self._connection: sqlite3.Connection | None = None

    async def increment(self, batch: Batch) -> Sequence[int | None]:
        """See CounterStore. Cancelled, it still runs to its end on its thread, ahead of any repeat."""
        return await self._run(lambda connection: self._increment(connection, batch))

    async def increment_once(self, path: str, key: str) -> int | None:
        """See CounterStore."""
        return await self._run(lambda connection: self._transaction(connection, self._increment_once, path, key))

    async def delete(self, path: str) -> int:
        """See CounterStore."""
        return await self._run(lambda connection: self._transaction(connection, self._delete, path))

    async def scan(self, prefix: str) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """See CounterStore; in the order of the paths."""
        query = (
            "SELECT path, count FROM counts WHERE counter = ? AND path >= ? AND substr(path, 1, ?) = ? AND path > ? "
            "ORDER BY path LIMIT ?"
        )
        last = ""
        while True:
            some = (self._counter, prefix, len(prefix), prefix, last, _SCAN_CHUNK_PATHS)
            chunk = await self._run(partial(_fetch_all, query, some))
            if not chunk:
                return
            yield chunk
            last = chunk[-1][0]

    async def read(self, paths: Sequence[str]) -> Sequence[int]:
        """See CounterStore."""
        return await self._run(lambda connection: [self._count(connection, path) for path in paths])

    async def total(self) -> int:
        """See CounterStore."""
        return await self._run(self._total)

    async def ping(self) -> None:
        """See CounterStore; opens the file when it is not open yet.

        Raises:
            StoreMisconfiguredError: the file cannot be opened, or is no database.
        """
        await self._run(self._total)

    async def aclose(self) -> None:
        """See CounterStore."""
        if self._connection is not None:
            await self._run(sqlite3.Connection.close)
            self._connection = None
        self._thread.shutdown()

    async def _run(self, statement: Callable[[sqlite3.Connection], Result]) -> Result:
        def on_thread() -> Result:
            if self._connection is None:
                self._connection = self._open()
            return statement(self._connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, on_thread)
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"SQLite: {error}") from error

    def _open(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._file, timeout=_LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
            connection.executescript(_SCHEMA)
            connection.execute("INSERT OR IGNORE INTO totals VALUES (?, 0, 0)", (self._counter,))
            connection.execute("DELETE FROM writers WHERE seen_at_s < ?", (time.time() - WRITER_EXPIRY_S,))
        except sqlite3.Error as error:
            raise StoreMisconfiguredError(f"SQLite file {self._file}: {error}") from error
        return connection

    def _transaction(
        self, connection: sqlite3.Connection, statements: Callable[..., Result], *arguments: Any
    ) -> Result:
        # IMMEDIATE: what is read first must still be true when it is written.
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = statements(connection, *arguments)
            connection.execute("COMMIT")
        except BaseException:
            # Some errors, a full disk among them, have ended the transaction already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _increment(self, connection: sqlite3.Connection, batch: Batch) -> list[int | None]:
        reply = self._transaction(connection, self._apply_once, batch)
        return [None if count == _REFUSED else int(count) for count in reply.split()]

    def _increment_once(self, connection: sqlite3.Connection, path: str, key: str) -> int | None:
        now_s = time.time()
        connection.execute("DELETE FROM once WHERE counted_at_s < ?", (now_s - IDEMPOTENCY_EXPIRY_S,))
        query = "SELECT count FROM once WHERE counter = ? AND path = ? AND key = ?"
        known = connection.execute(query, (self._counter, path, key)).fetchone()
        if known:
            return int(known[0])
        reply = self._apply(connection, {path: 1})
        if reply == _REFUSED:
            return None
        row = (self._counter, path, key, int(reply), now_s)
        connection.execute("INSERT INTO once VALUES (?, ?, ?, ?, ?)", row)
        return int(reply)

    def _delete(self, connection: sqlite3.Connection, path: str) -> int:
        statement = "DELETE FROM counts WHERE counter = ? AND path = ? RETURNING count"
        row = connection.execute(statement, (self._counter, path)).fetchone()
        if row is None:
            return 0
        totals = "UPDATE totals SET total = total - ?, paths = paths - 1 WHERE counter = ?"
        connection.execute(totals, (row[0], self._counter))
        return int(row[0])

    def _apply_once(self, connection: sqlite3.Connection, batch: Batch) -> str:
        writer = "SELECT sequence, reply FROM writers WHERE id = ?"
        sequence, reply = connection.execute(writer, (batch.writer_id,)).fetchone() or (0, "")
        if batch.sequence < sequence:
            raise StaleBatchError(f"batch {batch.sequence} comes after batch {sequence}")
        if batch.sequence > sequence:
            reply = self._apply(connection, batch.increments)
            row = (batch.writer_id, batch.sequence, reply, time.time())
            connection.execute("INSERT OR REPLACE INTO writers VALUES (?, ?, ?, ?)", row)
        return str(reply)

    def _apply(self, connection: sqlite3.Connection, increments: Mapping[str, int]) -> str:
        query = "SELECT paths FROM totals WHERE counter = ?"
        (held_before,) = connection.execute(query, (self._counter,)).fetchone()
        paths, added, reply = held_before, 0, []
        for path, amount in increments.items():
            update = "UPDATE counts SET count = count + ? WHERE counter = ? AND path = ? RETURNING count"
            row = connection.execute(update, (amount, self._counter, path)).fetchone()
            if row is None and paths >= self._max_paths:
                reply.append(_REFUSED)
                continue
            if row is None:
                connection.execute("INSERT INTO counts VALUES (?, ?, ?)", (self._counter, path, amount))
                paths += 1
            reply.append(str(row[0] if row else amount))
            added += amount
        totals = "UPDATE totals SET total = total + ?, paths = ? WHERE counter = ?"
        connection.execute(totals, (added, paths, self._counter))
        return " ".join(reply)

    def _count(self, connection: sqlite3.Connection, path: str) -> int:
        query = "SELECT count FROM counts WHERE counter = ? AND path = ?"
        row = connection.execute(query, (self._counter, path)).fetchone()
        return row[0] if row else 0

    def _total(self, connection: sqlite3.Connection) -> int:
        (total,) = connection.execute("SELECT total FROM totals WHERE counter = ?", (self._counter,)).fetchone()
        return int(total)


def _fetch_all(query: str, arguments: Sequence[Any], connection: sqlite3.Connection) -> list[Any]:
    return connection.execute(query, arguments).fetchall()
