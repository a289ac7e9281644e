"""The fast lane: one connection on which plain PUTs and GETs are answered with little more than the bytes they are.

A request that is not plain (see `heads`) is handed over to aiohttp, the connection and all bytes from that request's
first on included, once everything before it is answered; from then on aiohttp has the connection. Both answer alike.

Requests are answered in the order they came. The lane stops reading, and so makes the client wait and not the memory
grow, while too many of the connection's requests are under way, while the queue in front of the store has no room, and
while the client does not take its answers.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, cast

from counter_service.errors import (
    CounterServiceError,
    HeadTooLargeError,
    InvalidRequestError,
    RateLimitedError,
    RequestTimeoutError,
    StoreUnavailableError,
)
from counter_service.heads import HEAD_END, PlainRequest
from counter_service.lane_context import LaneContext
from counter_service.ratelimit import RateLimiter, client_of

# Why the lane does not read, as bits: pipelined too deep, no room in the queue, answers not taken, to be handed over,
# a read behind increments or an increment behind reads, which have queues of their own but must see each other.
_DEEP: Final = 1
_NO_ROOM: Final = 2
_NOT_TAKEN: Final = 4
_LEAVING: Final = 8
_OTHER_KIND: Final = 16
_HEAD_END_BYTES: Final = len(HEAD_END)


class _Slot:
    """One request's place in the order of answers; the waiter that the queue tells."""

    __slots__ = ("_arrived_s", "_lane", "_request", "answer")

    def __init__(self, lane: "Lane", request: PlainRequest, arrived_s: float) -> None:
        self._lane = lane
        self._request = request
        self._arrived_s = arrived_s
        self.answer: bytes | None = None

    def resolve(self, count: int) -> None:
        """Answer with the count."""
        context, request = self._lane.context, self._request
        context.counted[request.is_put].observe(time.perf_counter() - self._arrived_s)
        if context.logs_requests:
            context.log(request, HTTPStatus.OK)
        self._lane.answer(self, context.answers.count(request, count))

    def fail(self, error: CounterServiceError) -> None:
        """Answer with the error's problem document."""
        context, request = self._lane.context, self._request
        request_id = context.failures.note(request.method, request.path, error, request.request_id)
        status, answer = context.answers.problem(error, request_id=request_id)
        context.metrics.requests(request.method, status).observe(time.perf_counter() - self._arrived_s)
        if context.logs_requests:
            context.log(request, status)
        self._lane.answer(self, answer)


class Lane(asyncio.Protocol):
    """One connection.

    Args:
        context: what all connections have in common.
        on_gone: called when this connection is no lane any more: it ended, or aiohttp has it.
    """

    def __init__(self, context: LaneContext, on_gone: Callable[["Lane"], None]) -> None:
        self.context = context
        self._on_gone = on_gone
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # a protocol without one does nothing
        self._peer = ""
        self._slots: deque[_Slot] = deque()
        self._queue = context.reads  # which all slots' requests are in
        self._rest = b""
        self._holds = 0
        self._is_ending = False
        self._client_ended = False
        # Since when what the lane waits for has not come, be it a request, the rest of one, room, or the client. Where
        # it is a request, since when the last one arrived: its answer costs no look at the clock.
        self._waiting_since_s = time.perf_counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its base class
        self._write: Callable[[bytes], None] = self._transport.write
        self._peer = client_of(str((transport.get_extra_info("peername") or ("",))[0]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """See asyncio.Protocol. Requests under way are counted nevertheless: they were sent."""
        self._go()

    def eof_received(self) -> bool:
        """See asyncio.Protocol: a client may end its side first; what it has asked is answered."""
        self._client_ended = True
        return bool(self._slots or self._holds)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        now_s = time.perf_counter()
        if self._rest:
            data = self._rest + data
            self._rest = b""
        else:
            self._waiting_since_s = now_s
        if self._holds:
            self._rest = data
        else:
            self._read(data, now_s)

    def pause_writing(self) -> None:
        """See asyncio.Protocol: the client does not take its answers."""
        self._waiting_since_s = time.perf_counter()
        self._hold(_NOT_TAKEN)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._release(_NOT_TAKEN)

    def answer(self, slot: _Slot, answer: bytes) -> None:
        """Send the answer as soon as all before it are sent."""
        slots = self._slots
        if slots[0] is not slot:
            slot.answer = answer
            return
        self._write(answer)
        slots.popleft()
        while slots and slots[0].answer is not None:
            self._write(slots.popleft().answer)  # type: ignore[arg-type]  # not None: just looked at
        if self._holds & _DEEP and len(slots) <= self.context.limits.max_pipelined // 2:
            self._release(_DEEP)
        if not slots and (self._holds or self._is_ending or self._client_ended or self.context.is_draining):
            self._all_answered()

    def end(self) -> None:
        """Close as soon as everything that was asked is answered; ask for nothing more."""
        self._is_ending = True
        if not self._slots and self._transport is not None:
            self._transport.close()

    def check_time(self, now_s: float) -> None:
        """End the connection if its client lets us wait for too long.

        Args:
            now_s: of time.perf_counter.
        """
        waited_s = now_s - self._waiting_since_s
        limits = self.context.limits
        if self._holds & _NOT_TAKEN:
            if waited_s > limits.keepalive_timeout_s:
                self._transport.abort()
        elif self._slots or self._holds & _LEAVING:
            pass  # it is us who are awaited
        elif self._holds & _NO_ROOM:
            if waited_s > limits.request_timeout_s:
                self._refuse(StoreUnavailableError("Too many requests are waiting for the store."))
        elif self._rest:
            if waited_s > limits.head_timeout_s:
                self._refuse(RequestTimeoutError("The request did not arrive whole in time."))
        elif waited_s > limits.keepalive_timeout_s:
            self._transport.close()

    def _read(self, data: bytes, now_s: float) -> None:
        """Take all whole requests from the data, and keep the rest."""
        heads, start, size = self.context.heads, 0, len(data)
        while start < size and not self._holds and not self._is_ending:
            end = data.find(HEAD_END, start)
            if end < 0:
                self._check_unfinished(data, start)
                break
            end += _HEAD_END_BYTES
            request = heads.read(data if end - start == size else data[start:end])
            if request is None:
                self._leave(data[start:])
                return
            if not self._submit(request, now_s):
                break
            start = end
        if start < size:
            self._rest = data[start:]

    def _submit(self, request: PlainRequest, now_s: float) -> bool:
        """Take one request, unless it must wait."""
        context, slots = self.context, self._slots
        queue = context.increments if request.is_put else context.reads
        if queue is not self._queue:
            if slots:
                self._hold(_OTHER_KIND)
                return False
            self._queue = queue
        if not queue.has_room:
            self._hold(_NO_ROOM)
            queue.call_when_room(lambda: self._release(_NO_ROOM))
            return False
        slot = _Slot(self, request, now_s)
        slots.append(slot)
        if len(slots) >= context.limits.max_pipelined:
            self._hold(_DEEP)
        try:
            if context.limiter is not None:
                self._check_rate(context.limiter, request, now_s)
            queue.submit(request.key, slot)
        except CounterServiceError as error:
            slot.fail(error)
        return True

    def _check_rate(self, limiter: RateLimiter, request: PlainRequest, now_s: float) -> None:
        hops = limiter.limit.trusted_hops
        client = client_of(self._peer, request.forwarded_for, hops) if hops else self._peer
        refusal = limiter.admit(client, request.path, now_s)
        if refusal is not None:
            raise RateLimitedError(refusal)

    def _check_unfinished(self, data: bytes, start: int) -> None:
        """Refuse what cannot become a request any more, before its sender can make us keep it."""
        if len(data) - start > self.context.limits.max_head_bytes:
            self._leave(b"", HeadTooLargeError())
        elif data.count(b"\n", start) != data.count(b"\r\n", start):
            self._leave(b"", InvalidRequestError("A line of the request does not end with CR LF."))

    def _leave(self, data: bytes, error: CounterServiceError | None = None) -> None:
        """Hand the connection over with these bytes, or end it with an error, once all requests are answered."""
        self._hold(_LEAVING)
        self._rest = data
        self._parting_error: CounterServiceError | None = error
        if not self._slots:
            self._all_answered()

    def _all_answered(self) -> None:
        if self._transport.is_closing():
            return
        if self._holds & _LEAVING:
            if self._parting_error is not None:
                self._refuse(self._parting_error)
            else:
                self._hand_over()
        elif self._is_ending or self.context.is_draining or (self._client_ended and not self._holds):
            self._transport.close()
        elif self._holds & _OTHER_KIND:
            self._release(_OTHER_KIND)

    def _hand_over(self) -> None:
        transport, data = self._transport, self._rest
        self._go()
        protocol = self.context.next_protocol()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._holds & _NOT_TAKEN:
            protocol.pause_writing()
        transport.resume_reading()
        protocol.data_received(data)

    def _go(self) -> None:
        self._rest = b""
        self._write = _drop
        self._on_gone(self)

    def _refuse(self, error: CounterServiceError) -> None:
        status, answer = self.context.answers.problem(error, close=True)
        self.context.metrics.requests("", status).observe(time.perf_counter() - self._waiting_since_s)
        self._write(answer)
        self._transport.close()

    def _hold(self, reason: int) -> None:
        if not self._holds and not self._transport.is_closing():
            self._transport.pause_reading()
        self._holds |= reason

    def _release(self, reason: int) -> None:
        self._holds &= ~reason
        if self._holds or self._transport.is_closing():
            return
        self._transport.resume_reading()
        self._waiting_since_s = now_s = time.perf_counter()
        if self._rest:
            data, self._rest = self._rest, b""
            self._read(data, now_s)


def _drop(answer: bytes) -> None:
    """Take an answer that nobody waits for any more."""
