"""`python -m counter_service` as a real process on free ports, as a user starts it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.support.eventually import eventually

_REPOSITORY = Path(__file__).resolve().parents[2]
_START_TIMEOUT_S = 30.0


class ServiceProcess:
    """The service, running and ready while the `async with` block does; stopped with SIGTERM at its end.

    Args:
        folder: its current folder.
        flags: its command line; the ports are chosen here.
        module: what to run.
        wait_until_ready: whether entering waits for /readyz, or only for the process to answer.

    Attributes:
        log: what it logged so far, one mapping per line.
    """

    def __init__(
        self, folder: Path, *flags: str, wait_until_ready: bool = True, module: str = "counter_service"
    ) -> None:
        self.log: list[Mapping[str, Any]] = []
        self.url = ""
        self.admin_url = ""
        self._folder = folder
        self._flags = flags
        self._module = module
        self._wait_until_ready = wait_until_ready

    async def __aenter__(self) -> Self:
        arguments = ["-m", self._module, "--port=0", "--admin-port=0", "--log-format=json", *self._flags]
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=self._folder,
            env=os.environ | {"PYTHONPATH": str(_REPOSITORY)},
            stderr=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read_log())
        await eventually(lambda: self.logged("serving") or self._reader.done(), within_s=_START_TIMEOUT_S)
        started = self.logged("serving")
        assert started, f"ended before it served: {self.log}"
        self.url, self.admin_url = started["address"], started["admin_address"]
        if self._wait_until_ready:
            await eventually(self.is_ready, within_s=_START_TIMEOUT_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        await self.process.wait()
        await self._reader

    def logged(self, event: str) -> Mapping[str, Any] | None:
        """Return the first log line with this event, or None."""
        return next((line for line in self.log if line["event"] == event), None)

    async def stop(self) -> int:
        """Send SIGTERM, wait for the end, and return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    async def count(self, method: str, path: str) -> int:
        """Send one request to the data port and return the count it answers."""
        async with aiohttp.ClientSession() as session, session.request(method, self.url + path) as response:
            response.raise_for_status()
            return int((await response.json())["count"])

    async def admin(self, path: str) -> tuple[int, str]:
        """Return status and body of one request to the admin port."""
        async with aiohttp.ClientSession() as session, session.get(self.admin_url + path) as response:
            return response.status, await response.text()

    def workers(self) -> list[int]:
        """Return the ids of the processes with the data port, where there are several."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sorted(map(int, children))[1:]  # the first is the admin port's

    async def is_ready(self) -> bool:
        """Whether /readyz says so."""
        return (await self.admin("/readyz"))[0] == 200

    async def _read_log(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            try:
                self.log.append(json.loads(line))
            except ValueError:
                self.log.append({"event": line.decode(errors="replace").rstrip()})
