"""Real servers of a Redis Cluster that nobody has brought together yet, and the operator's way of keeping them."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import redis

from request_counter_operator.redis_admin.cluster.keeper import ClusterKeeper
from request_counter_operator.redis_admin.cluster.layout import Layout, layout_of
from request_counter_operator.redis_admin.cluster.nodes import parse_nodes, slots_in
from request_counter_operator.redis_admin.connection import Door
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.render.credentials import Credentials
from tests.support.counters import counter
from tests.support.eventually import eventually
from tests.support.redis_server import DURABLE, RedisServer

CREDENTIALS = Credentials("root")
NODE_TIMEOUT_MS = 1500


class OperatedCluster:
    """The servers of the counter ``default/hits``, empty and alone while the `with` block begins.

    Attributes:
        layout: who is to be there; a test may put another one in its place.
        servers: by the names of their pods.
        doors: where the operator finds them, likewise.
        may_act: what the operator asks before each command.
        hosts: on which nodes of Kubernetes it finds the pods.
    """

    def __init__(self, shards: int = 3, *, clock: Callable[[], float] = time.monotonic) -> None:
        spec = {"store": {"redis": {"mode": "Cluster", "shards": shards, "replicas": 1}}}
        self.layout: Layout = replace(layout_of(counter(spec)), is_promised=True)
        self.servers = {name: _server(name, *DURABLE) for name in self.layout.names}
        self.doors = {name: _door(name, server) for name, server in self.servers.items()}
        self.may_act: Callable[[], bool] = lambda: True
        self.hosts: Mapping[str, str] = {}
        self.operator = ClusterKeeper(clock)
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """The redis+cluster:// URL."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{server.port}' for server in self.servers.values())}"

    def __enter__(self) -> Self:
        with self._stack, ThreadPoolExecutor(8) as threads:
            list(threads.map(self._stack.enter_context, self.servers.values()))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    async def look(self) -> StoreReading:
        """Let the operator look once, and do what it then does."""

        async def hosts() -> Mapping[str, str]:
            return self.hosts

        return await self.operator.look(self.layout, self.doors, self.may_act, hosts)

    async def until(self, condition: Callable[[StoreReading], object], *, within_s: float = 60.0) -> StoreReading:
        """Let the operator look again and again until what it sees is so."""
        seen: list[StoreReading] = []

        async def is_so() -> object:
            seen.append(await self.look())
            assert condition(seen[-1]), seen[-1]
            return True

        await eventually(is_so, within_s=within_s, every_s=0.3)
        return seen[-1]

    async def whole(self) -> StoreReading:
        """Let the operator look until it finds nothing more to do."""
        return await self.until(lambda reading: reading.is_whole)

    def latch(self) -> None:
        """Note that the cluster has come together once, as the status does."""
        self.layout = replace(self.layout, has_begun=True)

    def add_shard(self) -> None:
        """Ask for one more shard, whose servers start."""
        number = len(self.layout.shards)
        names = tuple(f"hits-cluster-{number}-{pod}" for pod in range(2))
        for name in names:
            self.servers[name] = self._stack.enter_context(_server(name, *DURABLE))
            self.doors[name] = _door(name, self.servers[name])
        self.layout = replace(self.layout, shards=(*self.layout.shards, names), wanted=number + 1)

    def ask(self, name: str, *command: str | int) -> Any:
        """Ask one server."""
        with self.servers[name].client() as client:
            return client.execute_command(*command)

    def id_of(self, name: str) -> str:
        """Return a server's id."""
        return str(self.ask(name, "CLUSTER", "MYID"))

    def slots_of(self, name: str) -> set[int]:
        """Return a server's slots, by its own word."""
        table = parse_nodes(self.ask(name, "CLUSTER", "NODES"))
        return slots_in(next(entry.slots for entry in table.values() if "myself" in entry.flags))

    async def lose_disk(self, name: str) -> None:
        """Kill a server; what it had on its disk is gone."""
        server = self.servers[name]
        await asyncio.to_thread(server.run, "rm", "-rf", "/tmp/appendonlydir")  # noqa: S108 - the container's
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.edit_file, "nodes.conf", lambda _: "")

    async def start_empty(self, name: str) -> None:
        """Start it again when its slots are another's, as the start script does."""
        others = [other for other, server in self.servers.items() if other != name and server.is_running()]

        def has_none() -> bool:
            tables = [parse_nodes(self.ask(other, "CLUSTER", "NODES")) for other in others]
            return not any(e.slots for table in tables for e in table.values() if e.hostname == name)

        await eventually(has_none, within_s=30)
        await asyncio.to_thread(self.servers[name].start_again)

    def disband(self) -> None:
        """Make all servers as new, without starting them anew."""
        for name in self.servers:
            with contextlib.suppress(redis.ReadOnlyError):  # a replica drops its data by itself
                self.ask(name, "FLUSHALL")
            self.ask(name, "CLUSTER", "RESET", "HARD")


def _door(name: str, server: RedisServer) -> Door:
    return Door(name, *server.address, CREDENTIALS)


def _server(name: str, *options: str) -> RedisServer:
    return RedisServer(
        *options,
        *("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS)),
        *("--cluster-require-full-coverage", "no", "--cluster-allow-replica-migration", "no"),
        *("--cluster-announce-ip", "127.0.0.1", "--cluster-announce-hostname", name),
        *("--repl-diskless-sync-delay", "0"),
        *("--user", CREDENTIALS.user("operator"), "on", f">{CREDENTIALS.password('operator')}", "~*", "&*", "+@all"),
    )


async def at_once(*calls: Callable[[], object]) -> None:
    """Run blocking calls side by side."""
    await asyncio.gather(*(asyncio.to_thread(call) for call in calls))
