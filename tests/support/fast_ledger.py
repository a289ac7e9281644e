"""A ledger that sends thousands of PUTs a second, on many connections of plain sockets."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

from kubectl_requestcounter.ledger import Ledger

_COUNT: Final = re.compile(rb'"count": (\d+)}$')
_LENGTH: Final = re.compile(rb"\r\nContent-Length: (\d+)\r\n")
_RECONNECT_PAUSE_S: Final = 0.05
# More than any server under test takes to give up.
_LAST_ANSWERS_WITHIN_S: Final = 30.0


@dataclass
class Timeline:
    """Acknowledgements by second since the ledger began."""

    began_s: float = field(default_factory=time.monotonic)
    acknowledged: dict[int, int] = field(default_factory=dict)

    def note(self) -> None:
        """Count one acknowledgement, now."""
        second = int(time.monotonic() - self.began_s)
        self.acknowledged[second] = self.acknowledged.get(second, 0) + 1

    def recovered_after_s(self, ended_at_s: float, rate_per_s: float) -> float:
        """Return how long after a moment (of time.monotonic) the full rate was there again, seconds.

        Full is nine tenths of the rate over a whole second; infinite if that never came.
        """
        offset_s = ended_at_s - self.began_s
        for second in range(int(offset_s), max(self.acknowledged, default=0)):
            if self.acknowledged.get(second, 0) >= 0.9 * rate_per_s:
                return max(0.0, second + 1 - offset_s)
        return float("inf")


class FastLedger(Ledger):
    """See Ledger; each connection has one request under way at a time.

    Args:
        base_url: of the counter, http://address:port.
        rate_per_s: requests to begin per second, while they are answered in time.
        connections: how many.
        paths: over how many paths to spread the requests.
    """

    def __init__(self, base_url: str, *, rate_per_s: float, connections: int = 250, paths: int = 100) -> None:
        super().__init__(base_url, rate_per_s=rate_per_s, paths=paths)
        self.timeline = Timeline()
        address = urlsplit(base_url)
        self._address = str(address.hostname), int(address.port or 80)
        self._connections = connections
        self._rate_per_s = rate_per_s
        self._is_ending = False

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Each connection ends with the answer that it waits for: only then are the books complete.
        self._is_ending = True
        await asyncio.wait([self._sender], timeout=_LAST_ANSWERS_WITHIN_S)
        await super().__aexit__(kind, error, traceback)

    async def _send(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self._connections):
                group.create_task(self._send_on_one(number))

    async def _send_on_one(self, number: int) -> None:
        interval_s = self._connections / self._rate_per_s
        begin_at_s = time.monotonic() + interval_s * number / self._connections
        connection: _Connection | None = None
        turn = number
        while True:
            await asyncio.sleep(begin_at_s - time.monotonic())
            if self._is_ending:
                return
            begin_at_s = max(begin_at_s + interval_s, time.monotonic() - interval_s)
            path = self._paths[turn % len(self._paths)]
            turn += self._connections + 1
            try:
                if connection is None or connection.is_lost:
                    connection = await self._connect()
                self.books.attempted[path] += 1
                status, body = await connection.ask(b"PUT %b HTTP/1.1\r\nHost: ledger\r\n\r\n" % path.encode())
            except OSError as error:
                self.books.errors[type(error).__name__] += 1
                await asyncio.sleep(_RECONNECT_PAUSE_S)
                continue
            count = _COUNT.search(body)
            if status == b"200" and count:
                self.books.answers.setdefault(path, []).append(int(count[1]))
                self.timeline.note()
                self._note_gap()
                self._last_success_s = time.monotonic()
            else:
                self.books.errors[status.decode()] += 1

    async def _connect(self) -> "_Connection":
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, *self._address)
        return connection


class _Connection(asyncio.Protocol):
    """One connection; asks, and waits for the answer."""

    def __init__(self) -> None:
        self.is_lost = False
        self._received = b""
        self._answer: asyncio.Future[tuple[bytes, bytes]] | None = None

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """Return status and body.

        Raises:
            ConnectionError: the connection ended first.
        """
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not end or length is None or len(body) < int(length[1]):
            return
        self._received = b""
        if b"\r\nConnection: close" in head:
            self.is_lost = True
            self._transport.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((head[9:12], body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed"))
