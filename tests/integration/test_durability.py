"""What each durability promises, proved by SIGKILL under load, with a control that shows the proof can fail."""

from pathlib import Path

import pytest

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.redis_server import DURABLE, FORGETFUL, RedisServer
from tests.support.service_process import ServiceProcess


async def kill_redis_under_load(service: ServiceProcess, redis_server: RedisServer) -> Ledger:
    """Kill Redis and start it again while 200 PUT/s go to 50 paths; return the books once the service is back."""
    async with Ledger(service.url, paths=50, rate_per_s=200) as ledger:
        await eventually(lambda: ledger.books.acknowledged > 300, within_s=30)
        redis_server.kill()
        await eventually(lambda: not redis_server.is_running())
        before = ledger.books.attempted.total()
        await eventually(lambda: ledger.books.attempted.total() > before + 100)
        redis_server.start_again()
        acknowledged = ledger.books.acknowledged
        await eventually(lambda: ledger.books.acknowledged > acknowledged + 300, within_s=30)
    return ledger


async def test_persisted_loses_nothing_acknowledged_when_redis_is_killed(tmp_path: Path) -> None:
    with RedisServer(*DURABLE) as redis_server:
        async with ServiceProcess(tmp_path, f"--store={redis_server.url}") as service:
            ledger = await kill_redis_under_load(service, redis_server)
            books = await ledger.verify()
    assert books.longest_gap_s < 15


async def test_persisted_waits_out_a_redis_that_comes_back_in_time(tmp_path: Path) -> None:
    with RedisServer(*DURABLE) as redis_server:
        flags = f"--store={redis_server.url}", "--request-timeout-s=25"
        async with ServiceProcess(tmp_path, *flags) as service:
            ledger = await kill_redis_under_load(service, redis_server)
            books = await ledger.verify()
    assert books.errors == {}


async def test_control_without_persistence_loses_and_the_ledger_sees_it(tmp_path: Path) -> None:
    with RedisServer(*FORGETFUL) as redis_server:
        async with ServiceProcess(tmp_path, f"--store={redis_server.url}", "--durability=None") as service:
            ledger = await kill_redis_under_load(service, redis_server)
            with pytest.raises(AssertionError, match="discrepancies"):
                await ledger.verify()
