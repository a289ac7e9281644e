"""A real Redis 8 in a container on 127.0.0.1, which can be killed and started again with what it had on its disk."""

import os
import socket
import time
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from testcontainers.core.container import DockerContainer

IMAGE = os.environ.get("REDIS_TEST_IMAGE", "redis:8.0-trixie")
_START_TIMEOUT_S = 30.0
_POLL_INTERVAL_S = 0.05
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
FORGETFUL = ("--appendonly", "no", "--save", "")


class RedisServer:
    """A Redis server that runs while the `with` block does.

    Args:
        options: of redis-server; DURABLE or FORGETFUL, and more.
    """

    def __init__(self, *options: str) -> None:
        # A fixed port, because Docker would publish another one after a restart.
        self._port = _free_port()
        # The whole command is given, since not every image of Redis has an entrypoint.
        command = ["redis-server", "--dir", "/tmp", "--protected-mode", "no", *options]  # noqa: S108 -- the container's
        self._container = DockerContainer(IMAGE).with_command(command)
        # with_bind_ports would publish on all addresses, and this server has no password.
        self._container.ports["6379/tcp"] = ("127.0.0.1", self._port)  # type: ignore[assignment]

    @property
    def url(self) -> str:
        """The redis:// URL of database 0."""
        return f"redis://127.0.0.1:{self._port}"

    def client(self) -> "redis.Redis":
        """Return a client for looking and for doing harm; the caller closes it."""
        return redis.Redis(port=self._port, decode_responses=True, retry=Retry(NoBackoff(), 0))

    def __enter__(self) -> Self:
        self._container.start()
        self._wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._container.stop()

    def kill(self) -> None:
        """End the server with SIGKILL; what it had on its disk stays."""
        self._container.get_wrapped_container().kill("SIGKILL")

    def is_running(self) -> bool:
        """Whether the container runs."""
        container = self._container.get_wrapped_container()
        container.reload()
        return bool(container.status == "running")

    def start_again(self) -> None:
        """Start the killed server on the same disk and port; returns when it answers."""
        self._container.get_wrapped_container().start()
        self._wait_until_ready()

    def pause(self) -> None:
        """Stop the server in its tracks (as SIGSTOP does); connections stay open."""
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        """Let a paused server go on."""
        self._container.get_wrapped_container().unpause()

    def _wait_until_ready(self) -> None:
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        with self.client() as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError as error:
                    if time.monotonic() > deadline_s:
                        raise AssertionError(f"Redis not ready: {error}; {self._container.get_logs()}") from error
                    time.sleep(_POLL_INTERVAL_S)
                else:
                    return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
