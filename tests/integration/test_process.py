"""`python -m counter_service` as a user runs it: restarts, signals, mistakes, and workers that share a port."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.redis_server import RedisServer
from tests.support.service_process import ServiceProcess

REPOSITORY = Path(__file__).resolve().parents[2]


async def test_without_arguments_counts_survive_a_restart(tmp_path: Path) -> None:
    async with ServiceProcess(tmp_path) as service:
        assert [await service.count("PUT", "/a/b") for _ in range(3)] == [1, 2, 3]
        assert await service.stop() == 0
    async with ServiceProcess(tmp_path) as service:
        assert await service.count("GET", "/a/b") == 3
        assert await service.count("PUT", "/a/b") == 4
        assert await service.count("GET", "/") == 4
        assert json.loads((await service.admin("/api/v1/total"))[1]) == {"total": 4}


async def test_start_line_tells_where_it_serves_and_keeps_the_password(tmp_path: Path) -> None:
    store = "--store=redis://user:secret@127.0.0.1:1/0"
    async with ServiceProcess(tmp_path, store, wait_until_ready=False) as service:
        started = service.logged("serving")
        assert started
        assert (started["store"], started["durability"]) == ("redis://user@127.0.0.1:1/0", "Persisted")
        status, readiness = await service.admin("/readyz")
        assert status == 503
        assert "store" in json.loads(readiness)["failures"]
        assert await service.stop() == 0
    assert "secret" not in str(service.log)


async def test_stopping_service_is_not_ready_and_still_counts_until_the_delay_ends(tmp_path: Path) -> None:
    async with ServiceProcess(tmp_path, "--drain-delay-s=3") as service:
        service.process.send_signal(signal.SIGTERM)
        await eventually(lambda: service.logged("stopping"))
        status, readiness = await service.admin("/readyz")
        assert (status, json.loads(readiness)["failures"]) == (503, {"draining": "the service is stopping"})
        assert await service.count("PUT", "/a") == 1
        assert await service.process.wait() == 0


async def test_stop_under_load_loses_nothing_acknowledged(tmp_path: Path) -> None:
    async with ServiceProcess(tmp_path) as service, Ledger(service.url, rate_per_s=500) as ledger:
        await eventually(lambda: ledger.books.acknowledged > 100)
        assert await service.stop() == 0
    async with ServiceProcess(tmp_path, f"--port={service.url.rpartition(':')[2]}"):
        await ledger.verify()


async def test_killed_service_loses_nothing_acknowledged(tmp_path: Path) -> None:
    async with ServiceProcess(tmp_path) as service, Ledger(service.url, rate_per_s=500) as ledger:
        await eventually(lambda: ledger.books.acknowledged > 100)
        service.process.kill()
        await service.process.wait()
    async with ServiceProcess(tmp_path, f"--port={service.url.rpartition(':')[2]}"):
        await ledger.verify()


def run_to_its_end(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "counter_service", *flags],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("flags", "status", "sentence"),
    [
        (["--port=-1"], 2, "--port (COUNTER_PORT): should be greater than or equal to 0"),
        (["--workers=2"], 2, "--workers (COUNTER_WORKERS): sqlite:// is for one process"),
        (["--nonsense"], 2, "unrecognized arguments: --nonsense"),
        (["--store=sqlite:////nowhere/at/all"], 1, "unable to open database file"),
    ],
)
def test_mistake_is_one_sentence_without_a_traceback(
    tmp_path: Path, flags: list[str], status: int, sentence: str
) -> None:
    ended = run_to_its_end(tmp_path, *flags)
    assert ended.returncode == status
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_port_in_use_is_one_sentence_without_a_traceback(tmp_path: Path, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flags = [f"--port={port}", "--admin-port=0", "--store=redis://127.0.0.1:1", f"--workers={workers}"]
        ended = run_to_its_end(tmp_path, *flags)
    assert ended.returncode == 1
    assert "in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def children_of(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
async def test_workers_share_the_port_and_are_replaced_when_they_die(tmp_path: Path, redis_server: RedisServer) -> None:
    async with ServiceProcess(tmp_path, f"--store={redis_server.url}", "--workers=2") as service:
        children = children_of(service.process.pid)
        assert len(children) == 3
        async with Ledger(service.url, rate_per_s=200) as ledger:
            await eventually(lambda: ledger.books.acknowledged > 50)
            killed = max(children)
            os.kill(killed, signal.SIGKILL)
            await eventually(lambda: len(children_of(service.process.pid) - {killed}) == 3)
            seen = ledger.books.acknowledged
            await eventually(lambda: ledger.books.acknowledged > seen + 50)
        await ledger.verify()

        async def counted() -> float:
            lines = (await service.admin("/metrics"))[1].splitlines()
            puts = [line for line in lines if line.startswith("counter_requests_total") and "PUT" in line]
            return sum(float(line.rpartition(" ")[2]) for line in puts)

        # A killed worker takes its last second's metrics with it; the books are the counts, not these.
        expected = ledger.books.acknowledged - seen

        async def is_counted() -> bool:
            return await counted() >= expected

        await eventually(is_counted)
        assert await service.stop() == 0
    assert service.logged("process died")


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
async def test_workers_are_replaced_without_a_refused_connection(tmp_path: Path, redis_server: RedisServer) -> None:
    async with ServiceProcess(tmp_path, f"--store={redis_server.url}", "--workers=2") as service:
        before = set(service.workers())
        async with Ledger(service.url, rate_per_s=300) as ledger:
            await eventually(lambda: ledger.books.acknowledged > 50)
            service.process.send_signal(signal.SIGHUP)
            await eventually(lambda: len(set(service.workers()) - before) == len(service.workers()) == 2, within_s=30)
            seen = ledger.books.acknowledged
            await eventually(lambda: ledger.books.acknowledged > seen + 100)
        assert (await ledger.verify()).errors == {}
        assert await service.stop() == 0


@pytest.mark.parametrize(
    ("flags", "status", "sentence"),
    [
        ([], 0, "settings are good"),
        (["--store=redis://127.0.0.1:1"], 1, "Connection refused"),
        (["--store-password-file=/nowhere", "--store=redis://h"], 1, "/nowhere"),
        (["--store-username-file=/nobody", "--store-password-file=/nowhere", "--store=redis://h"], 1, "/nobody"),
        (["--port=-1"], 2, "--port (COUNTER_PORT)"),
    ],
)
def test_settings_can_be_checked_without_serving(tmp_path: Path, flags: list[str], status: int, sentence: str) -> None:
    ended = run_to_its_end(tmp_path, "--check-config", *flags)
    assert (ended.returncode, sentence in ended.stderr) == (status, True), ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
async def test_workers_end_with_their_supervisor(tmp_path: Path, redis_server: RedisServer) -> None:
    async with ServiceProcess(tmp_path, f"--store={redis_server.url}", "--workers=2") as service:
        children = children_of(service.process.pid)
        service.process.kill()
        await asyncio.gather(
            *(eventually(lambda pid=pid: not _is_running(pid)) for pid in children)  # type: ignore[misc]
        )


def _is_running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
