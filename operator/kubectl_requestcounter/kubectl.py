"""The user's own kubectl, for what it does and no library: apply as it applies, and forward ports."""

import asyncio
import json
import re
import shutil
from collections import deque
from types import TracebackType
from typing import Any, Self

from kubectl_requestcounter.errors import KubectlError, PluginError
from kubectl_requestcounter.target import Target

_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ->")
_QUOTED_OBJECT = re.compile(r'Invalid value: "\{.*\}": ', re.DOTALL)
"""With an unknown field, kubectl quotes the whole object, managed fields and all, before it says which."""

_START_TIMEOUT_S = 20.0
_RESTART_PAUSE_S = 0.5
_PROBES = 2
_PROBE_INTERVAL_S = 1.0
_PROBE_TIMEOUT_S = 3.0


def executable() -> str:
    """Return the path of kubectl.

    Raises:
        PluginError: There is none on the PATH.
    """
    found = shutil.which("kubectl")
    if found is None:
        raise PluginError("there is no kubectl on the PATH")
    return found


async def dry_run_apply(
    target: Target, document: dict[str, Any], options: tuple[str, ...]
) -> tuple[dict[str, Any], str]:
    """Return what a resource would be after ``kubectl apply``, by the API server's word, and kubectl's warnings.

    Only kubectl knows what its user left out since the last time: that would be taken away.

    Args:
        target: Where.
        document: The resource as in the user's file.
        options: More options of ``kubectl apply``.

    Raises:
        KubectlError: It was refused; the message is kubectl's own, without a quotation of the whole object.
    """
    arguments = ["apply", "--dry-run=server", "--output=json", "--filename=-", *options]
    process = await asyncio.create_subprocess_exec(
        executable(),
        *target.kubectl_options(),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(json.dumps(document).encode())
    if process.returncode:
        raise KubectlError(_QUOTED_OBJECT.sub("", errors.decode().strip()))
    applied: dict[str, Any] = json.loads(output)
    return applied, errors.decode().strip()


class PortForward:
    """A way to a Service's pod through the API server, while the `async with` block runs.

    Kubectl leads to one pod and ends with it; then it is started again, at the same local port, and leads to another.

    Attributes:
        url: The local address; known within the block.
    """

    def __init__(self, target: Target, service: str, port: int) -> None:
        self.url = ""
        self._target = target
        self._service = service
        self._port = port
        self._words: deque[str] = deque(maxlen=5)

    async def __aenter__(self) -> Self:
        """Begin.

        Raises:
            KubectlError: It cannot be, for example because no pod is running.
        """
        local_port = await self._start(local_port="")
        self.url = f"http://127.0.0.1:{local_port}"
        self._keeper = asyncio.create_task(self._keep(local_port))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        await self._end()

    async def _start(self, local_port: str) -> str:
        """Start kubectl and return the local port, once it listens there."""
        self._process = await asyncio.create_subprocess_exec(
            executable(),
            *self._target.kubectl_options(),
            "port-forward",
            "--address=127.0.0.1",
            f"service/{self._service}",
            f"{local_port}:{self._port}",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C is for us: what was begun is ended in order, and that needs the way to the pod.
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                async for line in self._lines():
                    if match := _FORWARDING.search(line):
                        return match[1]
        except BaseException as error:
            await self._end()
            if isinstance(error, TimeoutError):
                raise KubectlError(f"kubectl port-forward service/{self._service} does not begin") from error
            raise
        await self._end()
        raise KubectlError(" ".join(self._words) or f"kubectl port-forward service/{self._service} ended")

    async def _lines(self) -> Any:
        assert self._process.stdout  # noqa: S101 - it is piped
        async for line in self._process.stdout:
            self._words.append(line.decode(errors="replace").strip())
            yield self._words[-1]

    async def _keep(self, local_port: str) -> None:
        """Start kubectl again, whenever it ended or leads nowhere."""
        while True:
            watching = [asyncio.create_task(self._drain()), asyncio.create_task(self._probe(int(local_port)))]
            try:
                await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in watching:
                    task.cancel()
                await asyncio.gather(*watching, return_exceptions=True)
            await self._end()
            await self._restart(local_port)

    async def _restart(self, local_port: str) -> None:
        while True:
            try:
                await self._start(local_port)
            except KubectlError:
                await asyncio.sleep(_RESTART_PAUSE_S)
            else:
                return

    async def _drain(self) -> None:
        """Read what kubectl says until it ends, lest it wait for its reader."""
        async for _ in self._lines():
            pass

    async def _probe(self, local_port: int) -> None:
        """Return when nothing came back twice in a row.

        When a pod's network is gone before its connections are closed, kubectl does not learn of it, and hangs.
        """
        failures = 0
        while failures < _PROBES:
            await asyncio.sleep(_PROBE_INTERVAL_S)
            failures = 0 if await _answers(local_port) else failures + 1

    async def _end(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()


async def _answers(local_port: int) -> bool:
    """Return whether a server is at the other end: it answers anything to a method that asks for nothing."""
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", local_port)
            try:
                writer.write(b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return await reader.read(1) != b""
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
