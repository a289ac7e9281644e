"""kubectl, as a user types it: always with our own context, never with whatever the user has selected."""

import asyncio
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import yaml

CONTEXT = "kind-request-counter"
CACHED = Path.home() / ".cache" / "request-counter" / "bin"
COMMAND_TIMEOUT_S = 180


class KubectlError(Exception):
    """kubectl ended with an error; the message is what it wrote to standard error."""


def executable() -> str:
    """Return the kubectl that came with the cluster, or else the user's."""
    cached = CACHED / "kubectl"
    found = str(cached) if cached.exists() else shutil.which("kubectl")
    assert found, "there is no kubectl: run `make up` first"
    return found


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Runs kubectl against the local cluster, in one namespace."""

    namespace: str = "default"

    def within(self, namespace: str) -> Self:
        """Return the same for another namespace."""
        return replace(self, namespace=namespace)

    async def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a command and return what it wrote to standard output.

        Raises:
            KubectlError: It ended with an error.
        """
        process = await asyncio.create_subprocess_exec(
            executable(),
            f"--context={CONTEXT}",
            f"--namespace={self.namespace}",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        given = None if stdin is None else stdin.encode()
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                output, errors = await process.communicate(given)
        except BaseException:
            process.kill()
            await process.communicate()
            raise
        if process.returncode:
            raise KubectlError(errors.decode().strip())
        return output.decode()

    async def apply(self, *manifests: dict[str, Any], options: tuple[str, ...] = ()) -> str:
        """Apply manifests as a user's file would be."""
        return await self("apply", "--filename=-", *options, stdin=yaml.safe_dump_all(manifests))

    async def get(self, *what: str) -> dict[str, Any]:
        """Return an object or a list.

        Raises:
            KubectlError: There is none.
        """
        answer: dict[str, Any] = json.loads(await self("get", *what, "--output=json"))
        return answer

    async def find(self, *what: str) -> dict[str, Any] | None:
        """Return an object, or None where there is none."""
        try:
            return await self.get(*what)
        except KubectlError as error:
            if "NotFound" in str(error):
                return None
            raise

    async def wait(self, what: str, condition: str, *, within_s: float) -> None:
        """Wait until a resource has a condition, as ``kubectl wait --for`` does.

        Raises:
            KubectlError: It has not, in time.
        """
        await self("wait", what, f"--for={condition}", f"--timeout={within_s:.0f}s")
