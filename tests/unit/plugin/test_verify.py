"""The verdict on a counter: right for one that counts, wrong for those that lose or double, none where none answers."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from kubectl_requestcounter.errors import PluginError
from kubectl_requestcounter.target import Target
from kubectl_requestcounter.verify import VerifyOptions, verify
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess

IN_MEMORY = ("--store=memory://", "--durability=None")
OPTIONS = VerifyOptions(url="", host_header=None, admin_url=None, rate=200, paths=3, seconds=0.5, keep=True)


@asynccontextmanager
async def counter(count: Callable[[int], int]) -> AsyncIterator[str]:
    """Have a counter whose next count for a path is ``count`` of the last one, and which tells one more than that."""
    counts: dict[str, int] = {}

    async def put(request: web.Request) -> web.Response:
        before = counts.get(request.path, 0)
        counts[request.path] = count(before)
        return web.json_response({"path": request.path, "count": before + 1})

    async def get(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path, "count": counts.get(request.path, 0)})

    app = web.Application()
    app.router.add_put("/{path:.*}", put)
    app.router.add_get("/{path:.*}", get)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_counter_that_counts_is_right_and_the_paths_are_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ServiceProcess(tmp_path, *IN_MEMORY) as service:
        assert await service.count("PUT", "/others") == 1
        options = replace(OPTIONS, url=service.url, admin_url=service.admin_url, keep=False)
        assert await verify(Target(), "hits", options) == 0
        assert await service.count("GET", "/") == 1
    output = capsys.readouterr().out
    assert "all 3 paths are counted right" in output
    assert output.count("/ledger/") == 3


async def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path) -> None:
    program = "from kubectl_requestcounter.cli import main; main()"
    async with ServiceProcess(tmp_path, *IN_MEMORY) as service:
        addresses = f"--url={service.url}", f"--admin-url={service.admin_url}"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", program, "verify", "hits", "--seconds=100", *addresses),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=asyncio.subprocess.PIPE,
        )
        await eventually(lambda: has_counted(service), within_s=30)
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
        assert (process.returncode, errors) == (130, b"stopped\n")
        assert await service.count("GET", "/") == 0


async def has_counted(service: ServiceProcess) -> bool:
    return await service.count("GET", "/") > 10


async def test_paths_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    async with ServiceProcess(tmp_path, *IN_MEMORY) as service:
        assert await verify(Target(), "hits", replace(OPTIONS, url=service.url)) == 0
        assert await service.count("GET", "/") > 10


async def test_paths_that_cannot_be_removed_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    async with counter(lambda last: last + 1) as url:
        # It is no admin port, and answers DELETE with 405.
        assert await verify(Target(), "hits", replace(OPTIONS, url=url, admin_url=url, keep=False)) == 0
    assert "3 paths below /ledger/" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count", "wrong"),
    [
        pytest.param(lambda last: last + 1 if last != 5 else 5, "counted", id="loses"),
        pytest.param(lambda last: last + 2, "counted", id="doubles"),
        pytest.param(lambda last: 0 if last == 5 else last + 1, "acknowledged", id="is emptied"),
    ],
)
async def test_a_counter_that_miscounts_is_wrong(
    count: Callable[[int], int], wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with counter(count) as url:
        assert await verify(Target(), "hits", replace(OPTIONS, url=url)) == 1
    output = capsys.readouterr().out
    assert "3 of 3 paths are counted wrong" in output
    assert wrong in output


async def test_many_paths_are_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    async with counter(lambda last: last + 1) as url:
        assert await verify(Target(), "hits", replace(OPTIONS, url=url, paths=30)) == 0
    assert "/ledger/" not in capsys.readouterr().out


async def test_where_nothing_answers_nothing_is_verified() -> None:
    async with counter(lambda last: last + 1) as url:
        pass
    with pytest.raises(PluginError, match=f"the counter does not answer at {url}"):
        await verify(Target(), "hits", replace(OPTIONS, url=url))


async def test_where_nothing_is_acknowledged_nothing_is_verified(tmp_path: Path) -> None:
    async with ServiceProcess(tmp_path, *IN_MEMORY, "--max-paths=1") as service:
        await service.count("PUT", "/the-only-path")
        with pytest.raises(PluginError, match=r"nothing is verified, for no request was acknowledged: .*507"):
            await verify(Target(), "hits", replace(OPTIONS, url=service.url))
