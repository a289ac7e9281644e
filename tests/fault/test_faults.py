"""Exact counts through every failure: a ledger at full rate while something dies; controls show that it can fail."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kubectl_requestcounter.ledger import Books
from tests.fault.report import Report
from tests.support.eventually import eventually
from tests.support.fast_ledger import FastLedger
from tests.support.redis_groups import ClusterServers, SentinelServers
from tests.support.redis_server import DURABLE, FORGETFUL, RedisServer
from tests.support.service_process import ServiceProcess
from tests.support.tcp_proxy import TcpProxy

FULL_SERVICE_WITHIN_S = 15.0
# When the fault begins, as a part of the run.
BEGIN = 0.25

pytestmark = pytest.mark.timeout(400)


class Run:
    """One run: the books, and when the fault ended."""

    def __init__(self, ledger: FastLedger, rate: float) -> None:
        self.ledger = ledger
        self.rate = rate
        self.ended_at_s = time.monotonic()

    def fault_ends(self) -> None:
        """Take note that from now on nothing stands in the way."""
        self.ended_at_s = time.monotonic()

    async def hold(self, report: Report, fault: str) -> Books:
        """Hold the counter to the books, and the recovery to its limit."""
        books = await self.ledger.verify()
        recovered_after_s = self.ledger.timeline.recovered_after_s(self.ended_at_s, self.rate)
        report.add(fault, books, recovered_after_s)
        assert recovered_after_s <= FULL_SERVICE_WITHIN_S
        return books


@asynccontextmanager
async def running(url: str, seconds: float, rate: float) -> AsyncIterator[Run]:
    """Send for so many seconds, a quarter of them before the block; what the block does is the fault."""
    began_s = time.monotonic()
    async with FastLedger(url, rate_per_s=rate) as ledger:
        run = Run(ledger, rate)
        await asyncio.sleep(seconds * BEGIN)
        assert ledger.timeline.acknowledged, "nothing was acknowledged before the fault"
        yield run
        await asyncio.sleep(began_s + seconds - time.monotonic())


async def kill_and_start_again(server: RedisServer, run: Run) -> None:
    server.kill()
    await eventually(lambda: not server.is_running())
    await asyncio.sleep(3)
    await asyncio.to_thread(server.start_again)
    run.fault_ends()


async def test_redis_killed(tmp_path: Path, seconds: float, rate: float, report: Report) -> None:
    with RedisServer(*DURABLE) as server:
        async with ServiceProcess(tmp_path, f"--store={server.url}") as service:
            async with running(service.url, seconds, rate) as run:
                await kill_and_start_again(server, run)
            await run.hold(report, "Redis: SIGKILL, started again after 3 s (`Persisted`)")


async def test_redis_stopped(tmp_path: Path, seconds: float, rate: float, report: Report) -> None:
    with RedisServer(*DURABLE) as server:
        async with ServiceProcess(tmp_path, f"--store={server.url}") as service:
            async with running(service.url, seconds, rate) as run:
                await asyncio.to_thread(server.pause)
                await asyncio.sleep(10)
                await asyncio.to_thread(server.resume)
                run.fault_ends()
            await run.hold(report, "Redis: stopped for 10 s, as by SIGSTOP")


async def cut_every_second(proxy: TcpProxy, run: Run, seconds: float) -> None:
    for _ in range(int(seconds / 2)):
        proxy.cut_at_next_reply()
        await asyncio.sleep(1)
    run.fault_ends()


async def test_connections_cut(tmp_path: Path, seconds: float, rate: float, report: Report) -> None:
    with RedisServer(*DURABLE) as server:
        async with (
            TcpProxy(server.address) as proxy,
            ServiceProcess(tmp_path, f"--store=redis://127.0.0.1:{proxy.port}") as service,
        ):
            async with running(service.url, seconds, rate) as run:
                await cut_every_second(proxy, run, seconds)
            books = await run.hold(report, "Connections to Redis: all cut every second, just before a reply")
    assert books.errors == {}


async def test_redis_out_of_disk(tmp_path: Path, seconds: float, rate: float, report: Report) -> None:
    # With appendfsync always, Redis ends itself when it cannot write: what it says yes to must be on the disk.
    with RedisServer(*DURABLE, tmpfs_megabytes=256) as server:
        async with ServiceProcess(tmp_path, f"--store={server.url}") as service:
            async with running(service.url, seconds, rate) as run:
                server.fill_disk()
                await eventually(lambda: not server.is_running(), within_s=30)
                await asyncio.sleep(3)
                server.free_disk()
                await asyncio.to_thread(server.start_again)
                run.fault_ends()
            await run.hold(report, "Redis: no space left on its disk for 3 s and more")


async def test_sentinel_failover(tmp_path: Path, seconds: float, rate: float, report: Report) -> None:
    with SentinelServers() as servers:
        flags = f"--store={servers.url}", "--durability=Replicated"
        async with ServiceProcess(tmp_path, *flags) as service:
            async with running(service.url, seconds, rate) as run:
                killed = servers.primary()
                killed.kill()
                run.fault_ends()  # nobody comes to help: the failover is part of the recovery
                await eventually(lambda: servers.primary() is not killed, within_s=30)
            await run.hold(report, "Sentinel: primary killed for good (`Replicated`)")


async def test_cluster_failover(tmp_path: Path, seconds: float, rate: float, report: Report) -> None:
    with ClusterServers() as servers:
        flags = f"--store={servers.url}", "--durability=Replicated"
        async with ServiceProcess(tmp_path, *flags) as service:
            async with running(service.url, seconds, rate) as run:
                killed = servers.primaries()[0]
                killed.kill()
                await eventually(lambda: len(servers.primaries()) == 3, within_s=30)
                # Its data has one copy now, and Replicated promises two: the service waits for the server's return.
                await asyncio.to_thread(killed.start_again)
                run.fault_ends()
            await run.hold(report, "Cluster: a primary killed, failed over, back as a replica (`Replicated`)")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_workers_end(tmp_path: Path, seconds: float, rate: float, report: Report, number: signal.Signals) -> None:
    with RedisServer(*DURABLE) as server:
        async with ServiceProcess(tmp_path, f"--store={server.url}", "--workers=2") as service:
            async with running(service.url, seconds, rate) as run:
                for _ in range(int(seconds / 10)):
                    os.kill(service.workers()[0], number)
                    await asyncio.sleep(5)
                run.fault_ends()
            await run.hold(report, f"Service: a worker gets {number.name} every 5 s, of two")


async def found_by(ledger: FastLedger) -> str:
    """Return what the books find wrong, in short."""
    with pytest.raises(AssertionError, match="discrepancies") as found:
        await ledger.verify()
    return str(found.value).partition(";")[0]


async def test_control_without_persistence(tmp_path: Path, seconds: float, rate: float, report: Report) -> None:
    with RedisServer(*FORGETFUL) as server:
        async with ServiceProcess(tmp_path, f"--store={server.url}", "--durability=None") as service:
            async with running(service.url, seconds / 3, rate) as run:
                await kill_and_start_again(server, run)
            report.add_control("Redis: SIGKILL", "persistence (`None`)", await found_by(run.ledger))


async def test_control_without_batch_numbers(tmp_path: Path, seconds: float, rate: float, report: Report) -> None:
    module = "tests.support.naive_service"
    with RedisServer(*DURABLE) as server:
        async with TcpProxy(server.address) as proxy:
            store = f"--store=redis://127.0.0.1:{proxy.port}"
            async with ServiceProcess(tmp_path, store, module=module) as service:
                async with running(service.url, seconds / 3, rate) as run:
                    await cut_every_second(proxy, run, seconds / 3)
                found = await found_by(run.ledger)
                report.add_control(
                    "Connections to Redis: cut every second, just before a reply", "batch numbers", found
                )
