"""What the pods of the local cluster show in a TLS handshake, or say in plain text: by a way from here to each."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.kubectl import CONTEXT, Kubectl, executable

_TIMEOUT_S = 10.0


async def shown(kubectl: Kubectl, pod: str, port: int, *, authority: bytes, name: str) -> bytes:
    """Return the certificate that a pod shows (DER), which this authority has signed and which names that name."""
    context = ssl.create_default_context(cadata=authority.decode())
    async with _way_to(kubectl, pod, port) as local, asyncio.timeout(_TIMEOUT_S):
        _, writer = await asyncio.open_connection("127.0.0.1", local, ssl=context, server_hostname=name)
        leaf: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return leaf


async def says(kubectl: Kubectl, pod: str, port: int, words: bytes) -> bytes:
    """Return what a pod answers to these words without TLS; empty when it just ends the connection."""
    async with _way_to(kubectl, pod, port) as local, asyncio.timeout(_TIMEOUT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", local)
        try:
            writer.write(words)
            return await reader.read(100)
        except ConnectionError:
            return b""
        finally:
            writer.close()


@asynccontextmanager
async def _way_to(kubectl: Kubectl, pod: str, port: int) -> AsyncIterator[int]:
    """Give a port of this machine that leads to one of a pod."""
    options = (f"--context={CONTEXT}", f"--namespace={kubectl.namespace}", "port-forward", f"pod/{pod}", f":{port}")
    forwarding = await asyncio.create_subprocess_exec(
        executable(), *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert forwarding.stdout
        async with asyncio.timeout(_TIMEOUT_S):
            line = (await forwarding.stdout.readline()).decode()
        found = re.match(r"Forwarding from 127\.0\.0\.1:(\d+) ", line)
        assert found, f"there is no way to {pod}: {line!r}"
        yield int(found[1])
    finally:
        forwarding.kill()
        await forwarding.wait()
