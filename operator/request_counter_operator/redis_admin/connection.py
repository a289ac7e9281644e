"""A connection to one Redis server or sentinel, as the operator's user; every question has a deadline."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from request_counter_operator.api import RequestCounter
from request_counter_operator.errors import RedisSilentError
from request_counter_operator.names import REDIS_PORT, SENTINEL_PORT, child_name
from request_counter_operator.redis_admin.trust import Trust, TrustingConnection
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.topology import sentinel_names, server_names

Command: TypeAlias = Sequence[str | int | bytes]

TIMEOUT_S = 2.0
"""For connecting, and for each answer: a server that takes longer is as good as gone to whoever counts."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a server or sentinel listens, and as whom it is asked.

    Attributes:
        name: of its pod, as people know it.
        host: of the Service that stands for the pod alone.
        trust: what it has to prove by TLS; None where there is none.
    """

    name: str
    host: str
    port: int
    credentials: Credentials
    trust: Trust | None = None


def doors(
    counter: RequestCounter, credentials: Credentials, trust: Trust | None = None
) -> tuple[list[Door], list[Door]]:
    """Return where all servers and all sentinels of a counter's own Redis listen."""
    namespace = counter.metadata.namespace

    def door(name: str, host: str, port: int) -> Door:
        return Door(name, f"{host}.{namespace}.svc", port, credentials, trust)

    servers, sentinels = server_names(counter), sentinel_names(counter)
    if counter.spec.store.redis.mode == "Standalone":
        # The only pod has no Service of its own: it is all that is behind the one that clients use.
        return [door(name, child_name(counter, "redis"), REDIS_PORT) for name in servers], []
    return [door(name, name, REDIS_PORT) for name in servers], [door(name, name, SENTINEL_PORT) for name in sentinels]


class Asked:
    """One open connection."""

    def __init__(self, name: str, client: "Redis") -> None:
        self._name = name
        self._client = client

    async def __call__(self, *command: str | int | bytes) -> Any:
        """Send a command; return its answer, in redis-py's types with text as ``str``.

        Raises:
            RedisSilentError: no answer, or an error, whose text it has.
        """
        try:
            return await self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisSilentError(f"{self._name}: {str(error) or type(error).__name__}") from error

    async def all(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one packet; return their answers, in order, as Redis sends them.

        It is the connection on which single commands go as well: what these have set for it, such as WATCH, counts, and
        WAIT waits for these commands. redis-py's pipelines would use another one.

        Raises:
            RedisSilentError: likewise, of the first one that failed; the others were run all the same.
        """
        try:
            await self._client.initialize()
            connection: Any = self._client.connection  # initialize has made it
            await connection.send_packed_command(connection.pack_commands(commands))
            answers = [await _answer(connection) for _ in commands]
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisSilentError(f"{self._name}: {str(error) or type(error).__name__}") from error
        refused = next((answer for answer in answers if isinstance(answer, ResponseError)), None)
        if refused is not None:
            raise RedisSilentError(f"{self._name}: {refused}") from refused
        return answers

    @property
    def presented(self) -> bytes:
        """The certificate that the server has shown (DER), when it has answered once; empty without TLS."""
        connection = self._client.connection
        return connection.presented if isinstance(connection, TrustingConnection) else b""

    async def info(self, section: str) -> dict[str, Any]:
        """Return a section of INFO; numbers as such.

        Raises:
            RedisSilentError: likewise.
        """
        answer: dict[str, Any] = await self("INFO", section)
        return answer


async def _answer(connection: AbstractConnection) -> Any:
    """Return the next answer; a refusal is a value."""
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


@asynccontextmanager
async def asking(door: Door, generation: int | None = None, *, is_text: bool = True) -> AsyncIterator[Asked]:
    """Open a connection as the operator's user of this generation; the newest one by default.

    Unless ``is_text``, answers are as Redis sends them, with ``bytes`` for text.
    """
    client = Redis(
        host=door.host,
        port=door.port,
        username=door.credentials.user("operator", generation),
        password=door.credentials.password("operator", generation),
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        decode_responses=is_text,
        single_connection_client=True,
        driver_info=None,
    )
    if door.trust is not None:
        client.connection_pool.connection_class = TrustingConnection
        client.connection_pool.connection_kwargs["trust"] = door.trust
    try:
        yield Asked(door.name, client)
    finally:
        await client.aclose()
