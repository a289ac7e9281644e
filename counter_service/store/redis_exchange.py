"""One packet of commands out, all its answers in: the way of every batch.

redis-py opens the connection: names, TLS, passwords, the database. From then on the bytes go between its transport and
hiredis directly; what redis-py's streams and pipelines do for each command costs more than all the rest of a batch.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Self, TypeAlias, TypeVar, cast

from hiredis import ProtocolError, Reader, pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

Command: TypeAlias = tuple[str | int | bytes, ...]
Server = TypeVar("Server")
Told = TypeVar("Told")


# How long one server is asked something besides, seconds: there must be time left to ask another.
_ASK_TIMEOUT_S: Final = 0.5


async def asked(make_connection: Callable[[], AbstractConnection], *questions: Command) -> list[Any]:
    """Ask a server on a connection of its own, and not for long; an error answer is a value.

    Raises:
        RedisError, OSError: no answer.
    """
    exchange = Exchange(make_connection)
    try:
        async with asyncio.timeout(_ASK_TIMEOUT_S):
            return await exchange.send(questions)
    except TimeoutError as error:
        raise RedisConnectionError("no answer") from error
    finally:
        await exchange.aclose()


async def first_told(
    servers: Iterable[Server],
    connection_to: Callable[[Server], Callable[[], AbstractConnection]],
    question: Command,
    understood: Callable[[Server, Any], Told],
) -> Told:
    """Ask one server after the other until the answer of one is understood.

    Args:
        servers: in the order in which they are asked.
        connection_to: returns what makes connections to a server.
        question: the command.
        understood: returns what a server's answer means, or raises RedisError where another has to be asked.

    Raises:
        RedisError, OSError: none was understood; the last one's reason.
    """
    failure: Exception = RedisConnectionError("no server was given")
    for server in servers:
        try:
            (answer,) = await asked(connection_to(server), question)
            if isinstance(answer, ResponseError):
                raise answer
            return understood(server, answer)
        except (RedisError, OSError) as error:
            failure = error
    raise failure


class Exchange:
    """A connection on which one packet at a time is under way; it connects when it is needed.

    All waiting is bounded by the callers' cancellation. After any doubt, a cancelled exchange included, the connection
    is closed, so a late answer can never be taken for another's.

    Args:
        make_connection: makes a connection that is not connected yet; called for each, since what redis-py read from
            files it keeps for as long as the connection's object lives.
    """

    def __init__(self, make_connection: Callable[[], AbstractConnection]) -> None:
        self._make_connection = make_connection
        self._answers: _Answers | None = None
        self._turn = asyncio.Lock()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection that has not ended, as far as is known."""
        return self._answers is not None and not self._answers.is_lost

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Send the commands in one packet and return their answers, in order; an error answer is a value.

        Raises:
            RedisError, OSError: no answer; what became of the commands is unknown.
        """
        # hiredis says tuple[X] where it means tuple[X, ...].
        packet = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]
        async with self._turn:
            answers = self._answers
            try:
                if answers is None or answers.is_lost:
                    answers = await self._connect()
                return await answers.to(packet, len(commands))
            except BaseException:
                await self._drop(answers)
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

    async def renew(self) -> None:
        """Have the packets from now on go out on a connection that is made now; where there is none, make none.

        The new connection is made first. The old one is closed when the packet that is under way on it is answered, or
        when this is cancelled.

        Raises:
            RedisError, OSError, StoreUnavailableError: the new one cannot be made; the old one stays in use.
        """
        if not self.is_connected:
            async with self._turn:
                pass  # who has it may be connecting, with what the files were before
        if self.is_connected:
            await self._connect()

    async def aclose(self) -> None:
        """Close the connection; the next packet opens another."""
        await self._drop(self._answers)

    async def _connect(self) -> "_Answers":
        """Make a connection, and have it in the place of the one there is."""
        made = await _Answers.on(self._make_connection())
        before, self._answers = self._answers, made
        if before is not None:
            await before.aclose_when_answered()
        return made

    async def _drop(self, answers: "_Answers | None") -> None:
        if self._answers is answers:
            self._answers = None
        if answers is not None:
            await answers.aclose()


class _Answers(asyncio.Protocol):
    """The receiving side of a connection; takes its transport over.

    Args:
        connection: is connected; closed with this.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        # redis-py has no public way to its transport; the tests of every store fail if this one is gone.
        self._transport = cast("asyncio.StreamWriter", connection._writer).transport  # noqa: SLF001
        self._reader = Reader(replyError=_error)
        self._received: list[Any] = []
        self._wanted = 0
        self._all_received: asyncio.Future[list[Any]] | None = None
        self.is_lost = self._transport.is_closing()
        self._transport.set_protocol(self)

    @classmethod
    async def on(cls, connection: AbstractConnection) -> Self:
        """Connect, and return the receiving side.

        Raises:
            RedisError, OSError, StoreUnavailableError: it cannot be connected, or is refused.
        """
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return cls(connection)

    def to(self, packet: bytes, commands: int) -> asyncio.Future[list[Any]]:
        """Send a packet of so many commands; the future gets as many answers."""
        self._received, self._wanted = [], commands
        self._all_received = asyncio.get_running_loop().create_future()
        # Without flow control: a packet is bounded by the batch's limits, and is all that is under way.
        self._transport.write(packet)
        return self._all_received

    async def aclose(self) -> None:
        """Close the connection at once, unsent bytes or not."""
        self._transport.abort()
        await self._connection.disconnect(nowait=True)

    async def aclose_when_answered(self) -> None:
        """Close the connection after what is under way on it; when cancelled, at once."""
        try:
            if self._all_received is not None:
                await asyncio.wait([self._all_received])
        finally:
            await self.aclose()

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
