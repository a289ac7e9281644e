"""Clients that would exhaust the service: it stays ready for others, and its memory bounded."""

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.raw_http import connected, read_answer
from tests.support.redis_server import RedisServer
from tests.support.service_process import ServiceProcess

MANY_HALF_OPEN = 5_000
MANY_IDLE = 10_000
# What the process may grow by, MiB. A connection costs some kilobytes; what is sent to be kept, nothing.
MOST_GROWTH_MIB = 120
# An honest client's request, seconds; a hundred times what it takes on a quiet machine.
HONEST_WITHIN_S = 2.0

PUT = b"PUT /honest HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(autouse=True)
def _open_files() -> Iterator[None]:
    """Let this process have as many connections as the tests want."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < MANY_IDLE + 1_000:
        pytest.skip(f"needs {MANY_IDLE + 1_000} open files; the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    async with ServiceProcess(tmp_path, "--store=memory://", "--durability=None") as running:
        yield running


def port_of(service: ServiceProcess) -> int:
    return int(service.url.rpartition(":")[2])


def memory_mib(service: ServiceProcess) -> float:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@asynccontextmanager
async def connections(
    service: ServiceProcess, count: int
) -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    """Have so many connections; opened some hundreds at a time, as the listening socket takes them."""
    opened: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    try:
        while len(opened) < count:
            some = (
                asyncio.open_connection("127.0.0.1", port_of(service)) for _ in range(min(500, count - len(opened)))
            )
            opened += await asyncio.gather(*some)
        yield opened
    finally:
        for _, writer in opened:
            writer.transport.abort()


async def assert_honest_are_served(service: ServiceProcess) -> None:
    """Ask as an honest client does, on a new connection and on an old one, and be answered in time."""
    async with connected(port_of(service)) as (reader, writer):
        for _ in range(20):
            began_s = time.monotonic()
            writer.write(PUT)
            assert (await read_answer(reader)).status == 200
            assert time.monotonic() - began_s < HONEST_WITHIN_S
    assert await service.is_ready()


async def test_thousands_of_slow_senders_are_cut_off_and_disturb_nobody(service: ServiceProcess) -> None:
    before_mib = memory_mib(service)
    async with connections(service, MANY_HALF_OPEN) as opened:
        for _, writer in opened:
            writer.write(b"PUT /slow HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        await assert_honest_are_served(service)
        assert memory_mib(service) - before_mib < MOST_GROWTH_MIB
        # Each has 10 s for its head, and is looked at once a second.
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*(reader.read() for reader, _ in opened))
        assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
        await assert_honest_are_served(service)
    assert "408" in (await service.admin("/metrics"))[1]


async def test_thousands_of_idle_connections_disturb_nobody(service: ServiceProcess) -> None:
    before_mib = memory_mib(service)
    async with connections(service, MANY_IDLE):
        await assert_honest_are_served(service)
        assert memory_mib(service) - before_mib < MOST_GROWTH_MIB


@pytest.mark.parametrize("fields", ["Content-Length: 1073741824", "Transfer-Encoding: chunked"])
async def test_body_of_a_gibibyte_is_refused_and_not_kept(service: ServiceProcess, fields: str) -> None:
    before_mib = memory_mib(service)
    async with connected(port_of(service)) as (reader, writer):
        writer.write(f"PUT /big HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n".encode())
        answer = asyncio.create_task(read_answer(reader))
        piece = b"x" * 65536
        chunk = piece if "Length" in fields else b"10000\r\n" + piece + b"\r\n"
        with contextlib.suppress(ConnectionError):
            for _ in range(16384):
                writer.write(chunk)
                await writer.drain()
        assert (await answer).status == 413
        assert memory_mib(service) - before_mib < MOST_GROWTH_MIB
    await assert_honest_are_served(service)


async def test_pipelined_flood_is_taken_at_its_own_pace_and_disturbs_nobody(service: ServiceProcess) -> None:
    before_mib = memory_mib(service)

    async def flood() -> None:
        """Send without ever reading an answer, until nothing more is taken."""
        async with connected(port_of(service)) as (_, writer):
            try:
                while True:
                    writer.write(PUT * 1000)
                    await writer.drain()
            finally:
                writer.transport.abort()

    floods = [asyncio.create_task(flood()) for _ in range(20)]
    try:
        for _ in range(5):
            await assert_honest_are_served(service)
        assert memory_mib(service) - before_mib < MOST_GROWTH_MIB
    finally:
        for one in floods:
            one.cancel()
        await asyncio.wait(floods)
    await assert_honest_are_served(service)


async def test_dead_store_and_ten_thousand_clients_end_in_refusals_not_in_memory(tmp_path: Path) -> None:
    flags = "--store=redis://127.0.0.1:1", "--request-timeout-s=3"
    async with ServiceProcess(tmp_path, *flags, wait_until_ready=False) as service:
        before_mib = memory_mib(service)
        async with connections(service, MANY_IDLE) as opened, asyncio.timeout(60):
            for _, writer in opened:
                writer.write(PUT * 4)
            answers = await asyncio.gather(*(read_answer(reader) for reader, _ in opened))
            assert {answer.status for answer in answers} == {503}
            assert memory_mib(service) - before_mib < MOST_GROWTH_MIB
            assert (await service.admin("/healthz"))[0] == 200


async def test_distinct_paths_cost_the_worker_nothing(tmp_path: Path, redis_server: RedisServer) -> None:
    paths, at_once = 100_000, 50
    async with ServiceProcess(tmp_path, f"--store={redis_server.url}", "--durability=None") as service:
        async with connected(port_of(service)) as (reader, writer):
            for first in range(0, paths, at_once):
                numbers = range(first, first + at_once)
                writer.write(b"".join(b"PUT /distinct/%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in numbers))
                for _ in numbers:
                    assert (await read_answer(reader)).status == 200
                if first == paths // 10:
                    before_mib = memory_mib(service)
        assert memory_mib(service) - before_mib < 5
        assert await service.count("GET", "/") == paths
