"""One packet of commands out, all its answers in: the way of every batch.

redis-py opens the connection: names, TLS, passwords, the database. From then on the bytes go between its transport and
hiredis directly; what redis-py's streams and pipelines do for each command costs more than all the rest of a batch.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

from hiredis import ProtocolError, Reader, pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

Command: TypeAlias = tuple[str | int | bytes, ...]


class Exchange:
    """A connection on which one packet at a time is under way; it connects when it is needed.

    All waiting is bounded by the callers' cancellation. After any doubt, a cancelled exchange included, the connection
    is closed, so a late answer can never be taken for another's.

    Args:
        make_connection: makes a connection that is not connected yet.
    """

    def __init__(self, make_connection: Callable[[], AbstractConnection]) -> None:
        self._connection = make_connection()
        self._answers: _Answers | None = None
        self._turn = asyncio.Lock()

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Send the commands in one packet and return their answers, in order; an error answer is a value.

        Raises:
            RedisError, OSError: no answer; what became of the commands is unknown.
        """
        # hiredis says tuple[X] where it means tuple[X, ...].
        packet = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]
        async with self._turn:
            try:
                if self._answers is None or self._answers.is_lost:
                    self._answers = await self._connect()
                return await self._answers.to(packet, len(commands))
            except BaseException:
                await self.aclose()
                raise

    async def ask(self, *command: str | bytes | int) -> Any:
        """Send one command and return its answer.

        Raises:
            ResponseError: Redis refuses.
            RedisError, OSError: no answer.
        """
        (answer,) = await self.send([command])
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    async def aclose(self) -> None:
        """Close the connection; the next packet opens another."""
        if self._answers is not None:
            self._answers.abort()
            self._answers = None
        await self._connection.disconnect(nowait=True)

    async def _connect(self) -> "_Answers":
        await self._connection.disconnect(nowait=True)
        await self._connection.connect()  # type: ignore[no-untyped-call]
        # redis-py has no public way to its transport; the tests of every store fail if this one is gone.
        writer = self._connection._writer  # noqa: SLF001
        return _Answers(cast("asyncio.StreamWriter", writer).transport)


class _Answers(asyncio.Protocol):
    """The receiving side of a connection; takes its transport over."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._reader = Reader(replyError=_error)
        self._received: list[Any] = []
        self._wanted = 0
        self._all_received: asyncio.Future[list[Any]] | None = None
        self.is_lost = transport.is_closing()
        transport.set_protocol(self)

    def to(self, packet: bytes, commands: int) -> asyncio.Future[list[Any]]:
        """Send a packet of so many commands; the future gets as many answers."""
        self._received, self._wanted = [], commands
        self._all_received = asyncio.get_running_loop().create_future()
        # Without flow control: a packet is bounded by the batch's limits, and is all that is under way.
        self._transport.write(packet)
        return self._all_received

    def abort(self) -> None:
        """Close the connection at once, unsent bytes or not."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not False:
                self._received.append(answer)
        except ProtocolError as error:
            self._fail(RedisConnectionError(f"what answers is not Redis: {error}"))
            self._transport.abort()
            return
        future = self._all_received
        if future is not None and len(self._received) >= self._wanted and not future.done():
            future.set_result(self._received)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.is_lost = True
        self._fail(RedisConnectionError(f"Redis closed the connection{f': {exc}' if exc else ''}"))

    def _fail(self, error: Exception) -> None:
        if self._all_received is not None and not self._all_received.done():
            self._all_received.set_exception(error)


def _error(message: str) -> ResponseError:
    """Return Redis's error reply as redis-py's error, in Redis's own words, its code included."""
    return (NoScriptError if message.startswith("NOSCRIPT") else ResponseError)(message)
