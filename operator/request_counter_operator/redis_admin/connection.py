"""A connection to one Redis server or sentinel, as the operator's user; every question has a deadline."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from request_counter_operator.api import RequestCounter
from request_counter_operator.errors import RedisSilentError
from request_counter_operator.names import REDIS_PORT, SENTINEL_PORT, child_name
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.topology import sentinel_names, server_names

TIMEOUT_S = 2.0
"""For connecting, and for each answer: a server that takes longer is as good as gone to whoever counts."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a server or sentinel listens, and as whom it is asked.

    Attributes:
        name: of its pod, as people know it.
        host: of the Service that stands for the pod alone.
    """

    name: str
    host: str
    port: int
    credentials: Credentials


def doors(counter: RequestCounter, credentials: Credentials) -> tuple[list[Door], list[Door]]:
    """Return where all servers and all sentinels of a counter's own Redis listen."""
    namespace = counter.metadata.namespace

    def door(name: str, host: str, port: int) -> Door:
        return Door(name, f"{host}.{namespace}.svc", port, credentials)

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

    async def __call__(self, *command: str | int) -> Any:
        """Send a command; return its answer, in redis-py's types with text as ``str``.

        Raises:
            RedisSilentError: no answer, or an error, whose text it has.
        """
        try:
            return await self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisSilentError(f"{self._name}: {str(error) or type(error).__name__}") from error

    async def info(self, section: str) -> dict[str, Any]:
        """Return a section of INFO; numbers as such.

        Raises:
            RedisSilentError: likewise.
        """
        answer: dict[str, Any] = await self("INFO", section)
        return answer


@asynccontextmanager
async def asking(door: Door, generation: int | None = None) -> AsyncIterator[Asked]:
    """Open a connection as the operator's user of this generation; the newest one by default."""
    client = Redis(
        host=door.host,
        port=door.port,
        username=door.credentials.user("operator", generation),
        password=door.credentials.password("operator", generation),
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        single_connection_client=True,
        driver_info=None,
    )
    try:
        yield Asked(door.name, client)
    finally:
        await client.aclose()
