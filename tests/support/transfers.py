"""`python -m counter_service.transfer` as a process, and the books of the counters on both of its sides."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from zlib import crc32

from counter_service.store.base import Batch
from counter_service.store.redis_address import parse_address
from counter_service.store.redis_store import RedisStore
from tests.support.eventually import eventually
from tests.support.redis_groups import ClusterServers, SentinelServers
from tests.support.redis_server import RedisServer

Servers: TypeAlias = RedisServer | SentinelServers | ClusterServers

NAME = "test"
_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Books:
    """All that a counter has to say: its counts by path, and its total."""

    counts: Mapping[str, int]
    total: int


class Transfer:
    """A transfer that runs.

    Args:
        source: where from.
        target: where to.
        flags: more of its command line; name and id have defaults.

    Attributes:
        process: it.
        log: what it logged so far, one mapping per line.
        output: what it printed, when it has ended.
    """

    def __init__(self, source: str, target: str, *flags: str) -> None:
        self.log: list[Mapping[str, Any]] = []
        self.output = ""
        self._arguments = [f"--source={source}", f"--target={target}", f"--name={NAME}", "--id=7", *flags]

    async def start(self) -> None:
        """Start it."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *["-m", "counter_service.transfer", "--log-format=json", *self._arguments],
            env=os.environ | {"PYTHONPATH": str(_REPOSITORY)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read_log())

    async def end(self) -> int:
        """Wait for its end and return its exit status."""
        assert self.process.stdout
        self.output = (await self.process.stdout.read()).decode()
        await self._reader
        return await self.process.wait()

    def logged(self, event: str) -> Sequence[Mapping[str, Any]]:
        """Return the log lines with this event."""
        return [line for line in self.log if line["event"] == event]

    def result(self) -> tuple[int, int]:
        """Return the numbers of paths and of requests in its one line of output, having checked the rest."""
        assert self.output.endswith("\n")
        result = json.loads(self.output)
        assert result.keys() == {"paths", "total", "seconds"}
        assert result["seconds"] > 0
        return result["paths"], result["total"]

    async def _read_log(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            try:
                self.log.append(json.loads(line))
            except ValueError:
                self.log.append({"event": line.decode(errors="replace").rstrip()})


async def run_transfer(source: str, target: str, *flags: str) -> tuple[int, Transfer]:
    """Run one to its end and return its exit status and what it left."""
    transfer = Transfer(source, target, *flags)
    await transfer.start()
    return await transfer.end(), transfer


async def transferred(source: str, target: str, *flags: str) -> tuple[int, int]:
    """Run one that must succeed, and return its numbers of paths and requests."""
    status, transfer = await run_transfer(source, target, *flags)
    assert status == 0, transfer.log
    return transfer.result()


async def fails(source: str, target: str, *flags: str, status: int, reason: str) -> None:
    """Run one that must end so, with one sentence and nothing else."""
    ended, transfer = await run_transfer(source, target, *flags)
    assert ended == status, transfer.log
    assert transfer.output == ""
    last = transfer.log[-1]
    assert last["event"] == ("transfer refused" if status == 3 else "transfer failed")
    assert reason in last["reason"]


def open_store(url: str, name: str = NAME, *, max_paths: int = 10**9) -> RedisStore:
    """Return the service's own store, which the caller closes."""
    return RedisStore(parse_address(url), counter=name, max_paths=max_paths, durability="None")


async def count(url: str, counts: Mapping[str, int], *, writer: str = "w", name: str = NAME) -> None:
    """Count as the service does."""
    items = list(counts.items())
    async with aclosing(open_store(url, name)) as store:
        for number, start in enumerate(range(0, len(items), 1000)):
            await store.increment(Batch(writer, number + 1, dict(items[start : start + 1000])))


async def books_of(url: str, name: str = NAME) -> Books:
    """Return what the counter has to say."""
    async with aclosing(open_store(url, name)) as store:
        counts = {path: count async for chunk in store.scan("") for path, count in chunk}
        return Books(counts, await store.total())


def data_servers(servers: Servers) -> Sequence[RedisServer]:
    """Return the servers that take writes."""
    if isinstance(servers, SentinelServers):
        return [servers.primary()]
    return servers.primaries() if isinstance(servers, ClusterServers) else [servers]


def everything_in(servers: Servers) -> Mapping[str, Any]:
    """Return all keys with what they hold, as Redis itself writes it down."""
    return dict(item for server in data_servers(servers) for item in _dumps(server))


def _dumps(server: RedisServer) -> Iterator[tuple[str, Any]]:
    with server.client() as client, client.pipeline(transaction=False) as pipeline:
        keys = list(client.scan_iter("*", count=1000))
        for key in keys:
            pipeline.hgetall(key) if key.endswith(":counts") else pipeline.get(key)
        yield from zip(keys, pipeline.execute(), strict=True)


async def holds_some(servers: Servers, paths: int) -> None:
    """Wait until there are so many paths."""

    def held() -> int:
        total = 0
        for server in data_servers(servers):
            with server.client() as client:
                total += sum(int(str(client.hlen(key))) for key in client.scan_iter(f"{{{NAME}/*}}:counts"))
        return total

    await eventually(lambda: held() >= paths, within_s=30)


def check_shards(servers: Servers, name: str = NAME) -> None:
    """Check that each shard's total is the sum of its counts, and each path where it belongs."""
    held = everything_in(servers)
    shards = 64 if isinstance(servers, ClusterServers) else 1
    for shard in range(shards):
        counts = held.get(f"{{{name}/{shard}}}:counts", {})
        assert {crc32(path.encode()) % shards for path in counts} <= {shard}
        assert sum(map(int, counts.values())) == int(held.get(f"{{{name}/{shard}}}:total", 0))
