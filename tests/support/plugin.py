"""The kubectl plugin, as a user runs it: ``kubectl requestcounter``, found on the PATH."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.kubectl import COMMAND_TIMEOUT_S, CONTEXT, Kubectl, executable


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: exit code, standard output, standard error."""

    code: int
    output: str
    errors: str


async def plugin(
    kubectl: Kubectl, command: str, *arguments: str, stdin: str = "", kubeconfig: Path | None = None
) -> Ended:
    """Run a command of the plugin in the namespace of ``kubectl``, as the user of ``kubeconfig`` if there is one."""
    folders = [str(Path(sys.executable).parent), str(Path(executable()).parent), os.environ["PATH"]]
    whose = [f"--context={CONTEXT}"] if kubeconfig is None else [f"--kubeconfig={kubeconfig}"]
    process = await asyncio.create_subprocess_exec(
        executable(),
        "requestcounter",
        command,
        *whose,
        f"--namespace={kubectl.namespace}",
        *arguments,
        env=os.environ | {"PATH": os.pathsep.join(folders)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            output, errors = await process.communicate(stdin.encode())
    except BaseException:
        process.kill()
        await process.communicate()
        raise
    return Ended(process.returncode or 0, output.decode(), errors.decode())
