"""Requests that arrive while the store is busy form the next group: the queue under group commit and grouped reads.

One exchange with the store is under way at a time, so a group is as large as the store is slow and no timer delays
anybody. A group, not a request, is the unit of everything: it is sent, sent again and given up as a whole, and its
deadline is that of its first request. To keep this fair, a group stops admitting when it has been open for a small
part of the time limit. Nothing is done per request but one lookup and one append.

Groups leave in the order of their deadlines, so a group that is still queued at its deadline was never sent, and is
not counted.

Bounds: paths and bytes per group, requests and bytes in the queue. A full queue refuses; callers that can wait ask
`has_room` first.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from counter_service.errors import CounterServiceError, StoreUnavailableError
from counter_service.metrics import ServiceMetrics
from counter_service.resending import Resender
from counter_service.store.base import CounterStore
from counter_service.waiting import FutureWaiter, Waiter

# A group admits for this part of its time limit, so that its last request still has most of the limit left.
_ADMITTING_PART = 1 / 8


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLimits:
    """Bounds of a queue.

    Attributes:
        request_timeout_s: longest time from a request's arrival to its answer, seconds.
        attempt_timeout_s: longest time for one exchange with the store, seconds.
        longest_pause_s: longest time between two attempts, seconds; the first pauses are shorter.
        max_group_paths: most paths in a group; bounds how long one script blocks Redis.
        max_group_bytes: most bytes of path in a group, so bounds the size of one command.
        max_waiting_requests: most requests in the queue and under way.
        max_waiting_bytes: most bytes of path in the queue and under way.
    """

    request_timeout_s: float = 5.0
    attempt_timeout_s: float = 2.0
    longest_pause_s: float = 0.25
    max_group_paths: int = 1_000
    max_group_bytes: int = 256 * 1024
    max_waiting_requests: int = 20_000
    max_waiting_bytes: int = 16 * 1024 * 1024


class Group:
    """Requests that are answered together: waiters by path, in order of arrival."""

    __slots__ = ("admits_until_s", "deadline_s", "path_bytes", "requests", "waiters")

    def __init__(self, now_s: float, limits: GroupLimits) -> None:
        self.admits_until_s = now_s + limits.request_timeout_s * _ADMITTING_PART
        self.deadline_s = now_s + limits.request_timeout_s
        self.path_bytes = 0
        self.requests = 0
        self.waiters: dict[str, list[Waiter]] = {}

    def fail(self, error: CounterServiceError) -> None:
        """Tell every waiter that there is no acknowledgement."""
        for waiters in self.waiters.values():
            for waiter in waiters:
                waiter.fail(error)


class GroupQueue(ABC):
    """A bounded queue of requests in front of a store; subclasses say what one exchange is.

    `run` must be running for requests to be answered. Not thread-safe: one event loop owns it.

    Attributes:
        has_room: whether `submit` would take a request now, unless it is closed; for reading only.
    """

    operation: str

    def __init__(self, store: CounterStore, limits: GroupLimits, metrics: ServiceMetrics) -> None:
        self._store = store
        self._limits = limits
        self._metrics = metrics.store(self.operation)
        self._resender = Resender(limits.attempt_timeout_s, limits.longest_pause_s, self._metrics)
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Group] = deque()
        self._waiting_requests = 0
        self._waiting_bytes = 0
        self._closing = False
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._when_room: deque[Callable[[], None]] = deque()
        self.has_room = True

    def call_when_room(self, callback: Callable[[], None]) -> None:
        """Call back once, on the event loop, when `has_room` is true again; those who asked first are called first.

        Whoever is called finds room, if it asks for no more than one request's.
        """
        self._when_room.append(callback)

    def submit(self, path: str, waiter: Waiter) -> None:
        """Queue a request and return at once.

        Raises:
            StoreUnavailableError: the queue is full or closed; the request is not in it.
        """
        if not self.has_room or self._closing:
            raise StoreUnavailableError("Too many requests are waiting for the store.")
        group = self._queue[-1] if self._queue else self._open_group()
        if self._loop.time() > group.admits_until_s:
            group = self._open_group()
        waiters = group.waiters.get(path)
        if waiters is not None:
            waiters.append(waiter)
        else:
            group = self._add_path(group, path, waiter)
        group.requests += 1
        self._waiting_requests += 1
        if self._waiting_requests >= self._limits.max_waiting_requests:
            self.has_room = False

    async def request(self, path: str) -> int:
        """Queue a request, wait for room first if need be, and return its count.

        Cancelled while its group is still queued, the request is taken out and will not be counted.

        Raises:
            CounterServiceError: as its waiter was told; StoreUnavailableError when request_timeout_s ends first.
        """
        waiter = FutureWaiter(self._loop.create_future())
        try:
            # The group's deadline begins when there is room, so the request needs a clock of its own.
            async with asyncio.timeout(self._limits.request_timeout_s):
                while not self.has_room:
                    room = self._loop.create_future()
                    self.call_when_room(lambda room=room: room.done() or room.set_result(None))  # type: ignore[misc]
                    await room
                self.submit(path, waiter)
                return await waiter.future
        except TimeoutError as error:
            raise StoreUnavailableError("The store did not acknowledge in time.") from error
        finally:
            if waiter.future.cancelled():
                self._withdraw(path, waiter)

    async def run(self) -> None:
        """Exchange groups with the store until `aclose`; however it ends, nobody is left waiting."""
        try:
            while not self._closing:
                await self._work.wait()
                while self._queue:
                    await self._serve(self._queue.popleft())
                self._work.clear()
        finally:
            self._closing = True
            self._idle.set()
            while self._queue:
                self._release(group := self._queue.popleft())
                group.fail(StoreUnavailableError("The service is stopping."))

    async def aclose(self, timeout_s: float) -> bool:
        """Refuse new requests, let `run` answer those that wait, and end it.

        Args:
            timeout_s: how long to wait for that, seconds.

        Returns:
            Whether all were answered; if not, `run` goes on and is the caller's to cancel.
        """
        self._closing = True
        self._work.set()
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    @abstractmethod
    async def _exchange(self, group: Group) -> Callable[[], None]:
        """Send one group to the store.

        Returns:
            What tells each waiter its count.

        Raises:
            CounterServiceError: no acknowledgement.
        """

    async def _serve(self, group: Group) -> None:
        """Exchange one group and tell its waiters; however it ends, they are told."""
        self._metrics.count_batch(group.requests, self._waiting_requests)
        tell: Callable[[], None] = partial(group.fail, StoreUnavailableError("The service is stopping."))
        try:
            if self._loop.time() < group.deadline_s:
                tell = await self._exchange(group)
            else:
                tell = partial(group.fail, StoreUnavailableError("The store did not acknowledge in time."))
        except CounterServiceError as error:
            tell = partial(group.fail, error)
        finally:
            # Not at once: first the next group leaves, so that the store works while these answers are written.
            self._loop.call_soon(self._finish, group, tell)

    def _finish(self, group: Group, tell: Callable[[], None]) -> None:
        tell()
        self._release(group)

    def _add_path(self, group: Group, path: str, waiter: Waiter) -> Group:
        """Add a path that the group has not, to the next group if this one's bounds say so; return the group."""
        limits, size = self._limits, len(path)
        if len(group.waiters) >= limits.max_group_paths or group.path_bytes + size > limits.max_group_bytes:
            group = self._open_group()
        group.waiters[path] = [waiter]
        group.path_bytes += size
        self._waiting_bytes += size
        if self._waiting_bytes >= limits.max_waiting_bytes:
            self.has_room = False
        return group

    def _open_group(self) -> Group:
        group = Group(self._loop.time(), self._limits)
        self._queue.append(group)
        self._idle.clear()
        self._work.set()
        return group

    def _release(self, group: Group) -> None:
        self._waiting_requests -= group.requests
        self._waiting_bytes -= group.path_bytes
        self._make_room()

    def _make_room(self) -> None:
        limits = self._limits
        self.has_room = (
            self._waiting_requests < limits.max_waiting_requests and self._waiting_bytes < limits.max_waiting_bytes
        )
        while self._when_room and self.has_room:
            self._when_room.popleft()()

    def _withdraw(self, path: str, waiter: Waiter) -> None:
        for group in self._queue:
            waiters = group.waiters.get(path, [])
            if waiter in waiters:
                waiters.remove(waiter)
                group.requests -= 1
                self._waiting_requests -= 1
                if not waiters:
                    del group.waiters[path]
                    group.path_bytes -= len(path)
                    self._waiting_bytes -= len(path)
        self._make_room()
