"""A client that keeps books: it knows what it asked for and what was acknowledged, and holds the counter to it.

``kubectl requestcounter verify`` runs it against a live counter, the project's own tests against counters in trouble.

The promise under test: for each path, and in total, acknowledged <= count <= attempted, whatever dies; and no two
acknowledged requests for one path were told the same count. The lower bound finds lost requests, the upper bound
requests counted twice.
"""

import asyncio
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp

from kubectl_requestcounter.errors import DiscrepancyError

# More than any server under test takes to give up, so that the outcome is the server's word and not our impatience.
_CLIENT_TIMEOUT_S = 30.0
_SHOWN_DISCREPANCIES = 10


@dataclass(slots=True)
class Books:
    """What happened, so far.

    Attributes:
        attempted: path -> requests sent, or meant to be.
        answers: path -> counts in the acknowledgements (200), each one request.
        errors: kind ("503", "ClientOSError") -> requests that were not acknowledged.
        longest_gap_s: longest time without an acknowledgement, seconds.
    """

    attempted: Counter[str] = field(default_factory=Counter)
    answers: dict[str, list[int]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    longest_gap_s: float = 0.0

    @property
    def acknowledged(self) -> int:
        """How many requests were acknowledged, over all paths."""
        return sum(map(len, self.answers.values()))

    def __str__(self) -> str:
        return (
            f"{self.attempted.total()} attempted, {self.acknowledged} acknowledged, errors {dict(self.errors)}, "
            f"longest gap {self.longest_gap_s:.2f} s"
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """What the books and the counter say of one path, in requests; ``problem`` is None where they agree."""

    path: str
    acknowledged: int
    counted: int
    attempted: int
    problem: str | None


class Ledger:
    """Sends PUTs at a steady rate while its `async with` block runs; `verify` then compares the counter with the books.

    Args:
        base_url: of the counter, for example http://127.0.0.1:8000.
        host: Host header to send, for a counter behind an ingress.
        paths: over how many paths to spread the requests; the paths are new ones, so nobody else counts them.
        rate_per_s: requests to begin per second.
        max_in_flight: most requests under way; at this number the rate yields.
        total_is_ours: whether nobody else counts meanwhile, so that the total can be held to the books as well.
    """

    def __init__(
        self,
        base_url: str,
        *,
        host: str | None = None,
        paths: int = 50,
        rate_per_s: float = 200.0,
        max_in_flight: int = 2_000,
        total_is_ours: bool = True,
    ) -> None:
        prefix = f"/ledger/{secrets.token_hex(4)}"
        self.books = Books()
        self._base_url = base_url.rstrip("/")
        self._headers = {"Host": host} if host else {}
        self._paths = [f"{prefix}/{number}" for number in range(paths)]
        self._interval_s = 1 / rate_per_s
        self._max_in_flight = max_in_flight
        self._total_is_ours = total_is_ours
        self._total_before = 0
        self._requests: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        # To HTTP, PUT is idempotent, so aiohttp's client sends it again, unasked, when a connection it used before
        # turns out to be closed. To a counter that is another request: an attempt is a connection taken to send on.
        sendings = aiohttp.TraceConfig()
        sendings.on_connection_create_end.append(self._note_attempt)
        sendings.on_connection_reuseconn.append(self._note_attempt)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._max_in_flight),
            timeout=aiohttp.ClientTimeout(total=_CLIENT_TIMEOUT_S),
            headers=self._headers,
            trace_configs=[sendings],
        )
        try:
            self._total_before = await self._read("/")
        except BaseException:
            await self._session.close()
            raise
        self._last_success_s = time.monotonic()
        self._sender = asyncio.create_task(self._send())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sender.cancel()
        # What is under way ends within the client's timeout; only then are the books complete.
        await asyncio.gather(self._sender, *self._requests, return_exceptions=True)
        self._note_gap()
        await self._session.close()

    @property
    def paths(self) -> list[str]:
        """The paths that the requests are for."""
        return list(self._paths)

    async def audit(self) -> list[Entry]:
        """Read the counter and compare it with the books, path by path; the block must have ended.

        Raises:
            aiohttp.ClientError: it could not be read.
        """
        async with self._open_session() as self._session:
            return [self._entry(path, await self._read(path)) for path in self._paths]

    async def verify(self) -> Books:
        """Read the counter and hold it to the books; the block must have ended.

        Raises:
            DiscrepancyError: a count is out of its bounds, or was told twice; the message lists where and by how much.
            aiohttp.ClientError: it could not be read.
        """
        wrong = [entry.problem for entry in await self.audit() if entry.problem is not None]
        async with self._open_session() as self._session:
            total = await self._read("/") - self._total_before
        attempted = self.books.attempted.total()
        if self._total_is_ours and not self.books.acknowledged <= total <= attempted:
            wrong.append(f"total: {self.books.acknowledged} acknowledged, {total} counted, {attempted} attempted")
        if wrong:
            shown = "\n  ".join(wrong[:_SHOWN_DISCREPANCIES])
            raise DiscrepancyError(f"{len(wrong)} discrepancies; {self.books}:\n  {shown}")
        return self.books

    def _open_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers=self._headers, timeout=aiohttp.ClientTimeout(total=_CLIENT_TIMEOUT_S))

    def _entry(self, path: str, count: int) -> Entry:
        answers = self.books.answers.get(path, [])
        problem = self._problem(path, count, answers)
        return Entry(path, len(answers), count, self.books.attempted[path], problem)

    def _problem(self, path: str, count: int, answers: list[int]) -> str | None:
        attempted = self.books.attempted[path]
        if not len(answers) <= count <= attempted:
            return f"{path}: {len(answers)} acknowledged, {count} counted, {attempted} attempted"
        if told_twice := [answer for answer, times in Counter(answers).items() if times > 1]:
            return f"{path}: told twice: {told_twice}"
        return None

    async def _send(self) -> None:
        begin_at_s = time.monotonic()
        for number in range(2**63):
            while len(self._requests) >= self._max_in_flight:
                await asyncio.wait(self._requests, return_when=asyncio.FIRST_COMPLETED)
            request = asyncio.create_task(self._put(self._paths[number % len(self._paths)]))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)
            # After a stall the rate goes on from now: a burst of all that was missed would test something else.
            begin_at_s = max(begin_at_s + self._interval_s, time.monotonic() - self._interval_s)
            await asyncio.sleep(begin_at_s - time.monotonic())

    async def _put(self, path: str) -> None:
        try:
            async with self._session.put(self._base_url + path, trace_request_ctx=path) as response:
                if response.status != HTTPStatus.OK:
                    self.books.errors[str(response.status)] += 1
                    return
                count = int((await response.json())["count"])
        except (aiohttp.ClientError, TimeoutError) as error:
            self.books.errors[type(error).__name__] += 1
            return
        self.books.answers.setdefault(path, []).append(count)
        self._note_gap()
        self._last_success_s = time.monotonic()

    async def _note_attempt(self, _session: aiohttp.ClientSession, context: SimpleNamespace, _event: object) -> None:
        if context.trace_request_ctx is not None:
            self.books.attempted[context.trace_request_ctx] += 1

    def _note_gap(self) -> None:
        self.books.longest_gap_s = max(self.books.longest_gap_s, time.monotonic() - self._last_success_s)

    async def _read(self, path: str) -> int:
        async with self._session.get(self._base_url + path) as response:
            response.raise_for_status()
            return int((await response.json())["count"])
