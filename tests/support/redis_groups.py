"""Real groups of Redis servers: a primary with replicas and sentinels, and a Redis Cluster; members can be killed."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, cast

import redis

from tests.support.redis_server import DURABLE, RedisServer

GROUP = "counts"
# Quick to notice, so that tests are; patient enough for a busy machine.
_DOWN_AFTER_MS = 1500
_FAILOVER_TIMEOUT_MS = 5000
_START_TIMEOUT_S = 60.0
_POLL_INTERVAL_S = 0.1


class SentinelServers:
    """One primary, two replicas and three sentinels while the `with` block runs.

    Attributes:
        servers: the three with data; the first is the primary to begin with.
    """

    def __init__(self) -> None:
        # A primary that no replica follows any more takes no writes: what it took would be lost with it.
        self.servers = [
            RedisServer(*DURABLE, "--min-replicas-to-write", "1", "--min-replicas-max-lag", "2") for _ in "123"
        ]
        config = (
            f"sentinel monitor {GROUP} 127.0.0.1 {self.servers[0].port} 2\n"
            f"sentinel down-after-milliseconds {GROUP} {_DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {GROUP} {_FAILOVER_TIMEOUT_MS}\n"
        )
        file = {"sentinel.conf": config}
        self.sentinels = [RedisServer("/data/sentinel.conf", files=file, program="redis-sentinel") for _ in "123"]
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """The redis+sentinel:// URL."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{GROUP}"

    def __enter__(self) -> Self:
        with self._stack:
            self._start()
            self._stack = self._stack.pop_all()  # all is well, so that they are to stay
        return self

    def _start(self) -> None:
        for server in self.servers:
            self._stack.enter_context(server)
        for replica in self.servers[1:]:
            with replica.client() as client:
                client.replicaof("127.0.0.1", str(self.servers[0].port))
        _wait_until(lambda: _info(self.servers[0], "replication")["connected_slaves"] == 2)
        for sentinel in self.sentinels:
            self._stack.enter_context(sentinel)
        _wait_until(self._is_complete)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def primary(self) -> RedisServer:
        """Return the server that the sentinels call primary."""
        with self.sentinels[0].client() as client:
            _, port = cast("tuple[str, str]", client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", GROUP))
        return next(server for server in self.servers if server.port == int(port))

    def flush(self) -> None:
        """Forget all data."""
        _wait_until(self._flush)

    def _flush(self) -> bool:
        with self.primary().client() as client:
            client.flushall()
            return int(str(client.execute_command("WAIT", "2", "5000"))) == 2

    def _is_complete(self) -> bool:
        """Whether each sentinel knows both others and both replicas."""
        for sentinel in self.sentinels:
            with sentinel.client() as client:
                known = cast("dict[str, Any]", client.sentinel_master(GROUP))
                if (known["num-slaves"], known["num-other-sentinels"], known["flags"]) != (2, 2, "master"):
                    return False
        return True


class ClusterServers:
    """A Redis Cluster of three primaries with a replica each, while the `with` block runs."""

    def __init__(self) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(_DOWN_AFTER_MS))
        self.servers = [RedisServer(*DURABLE, *options) for _ in range(6)]
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """The redis+cluster:// URL, naming two of the six."""
        return f"redis+cluster://127.0.0.1:{self.servers[0].port},127.0.0.1:{self.servers[5].port}"

    def __enter__(self) -> Self:
        with self._stack:
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def _start(self) -> None:
        for server in self.servers:
            self._stack.enter_context(server)
        addresses = [f"127.0.0.1:{server.port}" for server in self.servers]
        self.servers[0].run("redis-cli", "--cluster", "create", *addresses, "--cluster-replicas", "1", "--cluster-yes")
        _wait_until(self.is_whole)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def primaries(self) -> list[RedisServer]:
        """Return the servers that take writes."""
        return [
            server
            for server in self.servers
            if server.is_running() and _info(server, "replication")["role"] == "master"
        ]

    def flush(self) -> None:
        """Forget all data."""
        for primary in self.primaries():
            with primary.client() as client:
                client.flushall()
                client.execute_command("WAIT", "1", "5000")

    def is_whole(self) -> bool:
        """Whether every server serves, and every replica follows."""
        for server in self.servers:
            with server.client() as client:
                if "cluster_state:ok" not in str(client.execute_command("CLUSTER", "INFO")):
                    return False
            state = _info(server, "replication")
            if state["role"] == "slave" and state["master_link_status"] != "up":
                return False
        return len(self.primaries()) == 3


def _info(server: RedisServer, section: str) -> dict[str, Any]:
    with server.client() as client:
        return cast("dict[str, Any]", client.info(section))


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            if condition():
                return
        except redis.RedisError:
            pass
        assert time.monotonic() < deadline_s, "the servers have not found each other"
        time.sleep(_POLL_INTERVAL_S)
