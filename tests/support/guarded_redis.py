"""Real servers and sentinels that let in only whom the operator says: a counter's own Redis without the cluster."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import redis

from request_counter_operator.api import RequestCounter
from request_counter_operator.redis_admin.connection import Door
from request_counter_operator.redis_admin.trust import Trust
from request_counter_operator.redis_admin.users import Members
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.redis_acl import redis_users, sentinel_users
from request_counter_operator.render.redis_tls import port_lines
from request_counter_operator.render.topology import SENTINELS, group
from tests.support.redis_server import DURABLE, RedisServer

_START_TIMEOUT_S = 60.0
_POLL_INTERVAL_S = 0.1


class GuardedServer(RedisServer):
    """A server or sentinel whose default user is off, looked at as the operator's user of one generation."""

    def __init__(
        self,
        credentials: Credentials,
        *options: str,
        program: str,
        files: dict[str, str],
        certificates: Path | None = None,
    ) -> None:
        super().__init__(
            *options, program=program, files=files, tls=certificates is not None, certificates=certificates
        )
        self.credentials = credentials

    def client(self) -> "redis.Redis":
        """Return a client that is logged in as the operator."""
        tls = {"ssl": True, "ssl_cert_reqs": "none"} if self._tls else {}
        return redis.Redis(
            port=self.port,
            username=self.credentials.user("operator"),
            password=self.credentials.password("operator"),
            decode_responses=True,
            socket_timeout=10,
            **tls,  # type: ignore[arg-type]  # the library's overloads know no dict
        )


class OwnRedis:
    """The servers and sentinels of a RequestCounter while the `with` block runs, with its first users.

    Args:
        counter: whose they are.
        credentials: its first users.
        certificates: the folder with what they need for TLS; None for a Redis without.

    Attributes:
        servers: those with data; the first is the primary to begin with.
        sentinels: none when it stands alone.
    """

    def __init__(self, counter: RequestCounter, credentials: Credentials, certificates: Path | None = None) -> None:
        self._counter, self._first, self._certificates = counter, credentials, certificates
        replication = ("--masteruser", credentials.user("replication"), "--masterauth")
        options: tuple[str, ...] = (
            *DURABLE,
            "--aclfile",
            "/data/users.acl",
            *replication,
            credentials.password("replication"),
        )
        if self._is_group:
            options += ("--replica-announce-ip", "127.0.0.1")  # by which the operator knows who is primary
        options += tuple(word for line in self._tls_lines for word in f"--{line}".split())
        files = {"users.acl": redis_users(counter, credentials)}
        self.servers: list[GuardedServer] = []
        for number in range(1 + counter.spec.store.redis.replicas_per_primary):
            follows = ("--replicaof", f"127.0.0.1 {self.servers[0].port}") if number else ()
            safe = ("--min-replicas-to-write", "1", "--repl-diskless-sync-delay", "0") if self._is_group else ()
            self.servers.append(
                GuardedServer(
                    credentials,
                    *options,
                    *safe,
                    *follows,
                    program="redis-server",
                    files=files,
                    certificates=certificates,
                )
            )
        self.sentinels = [self._sentinel() for _ in range(SENTINELS if self._is_group else 0)]
        self._stack = ExitStack()

    @property
    def _is_group(self) -> bool:
        return self._counter.spec.store.redis.mode == "Sentinel"

    @property
    def _tls_lines(self) -> list[str]:
        """What redis.conf says of TLS, without the port."""
        return [line for line in port_lines(self._counter, 0) if line.partition(" ")[0] not in {"port", "tls-port"}]

    def members(self, credentials: Credentials, trust: Trust | None = None) -> Members:
        """Return where they listen, for an operator with these credentials and this trust."""

        def door(name: str, number: int, server: RedisServer) -> Door:
            return Door(f"{name}-{number}", "127.0.0.1", server.port, credentials, trust)

        return Members(
            [door("redis", *pair) for pair in enumerate(self.servers)],
            [door("sentinel", *pair) for pair in enumerate(self.sentinels)],
        )

    def __enter__(self) -> Self:
        with self._stack:
            for server in (*self.servers, *self.sentinels):
                self._stack.enter_context(server)
            _wait_until(self._is_complete)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def _sentinel(self) -> GuardedServer:
        name, user, password = group(self._counter), self._first.user("sentinel"), self._first.password("sentinel")
        config = (
            f"{sentinel_users(self._first)}"
            f"sentinel sentinel-user {user}\n"
            f"sentinel sentinel-pass {password}\n"
            f"sentinel monitor {name} 127.0.0.1 {self.servers[0].port} 2\n"
            f"sentinel auth-user {name} {user}\n"
            f"sentinel auth-pass {name} {password}\n"
            f"sentinel down-after-milliseconds {name} 4000\n"
        ) + "".join(f"{line}\n" for line in self._tls_lines)
        files = {"sentinel.conf": config}
        return GuardedServer(
            self._first, "/data/sentinel.conf", program="redis-sentinel", files=files, certificates=self._certificates
        )

    def _is_complete(self) -> bool:
        for sentinel in self.sentinels:
            with sentinel.client() as client:
                known = cast("dict[str, Any]", client.execute_command("SENTINEL MASTER", group(self._counter)))
                if (int(known["num-slaves"]), int(known["num-other-sentinels"])) != (len(self.servers) - 1, 2):
                    return False
        with self.servers[0].client() as client:
            replication = cast("dict[str, Any]", client.info("replication"))
        states = [value["state"] for value in replication.values() if isinstance(value, dict)]
        return states == ["online"] * (len(self.servers) - 1)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s, "the servers have not found each other"
        time.sleep(_POLL_INTERVAL_S)
