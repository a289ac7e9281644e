"""What is done to a counter's Redis: each fault, as one would meet it, and who is primary when it comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.nodes import CONTROL_PLANE, PodNetwork, Process, docker, process_of_pod

SERVERS = "--selector=app.kubernetes.io/instance=hits,app.kubernetes.io/component in (redis,cluster)"
SENTINELS = "--selector=app.kubernetes.io/instance=hits,app.kubernetes.io/component=sentinel"
NOW = ("--grace-period=0", "--force", "--wait=false")
PARTITION_S = 60
STANDSTILL_S = 5.5
"""About as long as it takes until another one is primary."""


async def primaries(kubectl: Kubectl) -> list[str]:
    """Return the pods that are primaries, by the resource's status."""
    status = (await kubectl.get("requestcounter", "hits"))["status"]["store"]
    return [str(server["name"]) for server in status["servers"] if server["role"] == "Primary"]


async def primary(kubectl: Kubectl) -> str:
    """Return the first of them."""
    return (await primaries(kubectl))[0]


async def node_of(kubectl: Kubectl, pod: str) -> str:
    """Return the node that a pod is on."""
    return str((await kubectl.get("pod", pod))["spec"]["nodeName"])


async def process_of_primary(kubectl: Kubectl) -> Process:
    """Return a primary's server."""
    return await process_of_pod(await kubectl.get("pod", await primary(kubectl)), "redis-server")


async def pod_deleted(kubectl: Kubectl) -> None:
    """The primary's pod, by force."""
    await kubectl("delete", "pod", await primary(kubectl), *NOW)


async def process_killed(kubectl: Kubectl) -> None:
    """The primary's process, by SIGKILL."""
    await (await process_of_primary(kubectl)).signal("KILL")


async def process_hung(kubectl: Kubectl) -> None:
    """The primary's process stands still, and goes on when another one is just taking over."""
    process = await process_of_primary(kubectl)
    await process.signal("STOP")
    try:
        await asyncio.sleep(STANDSTILL_S)
    finally:
        await process.signal("CONT")


async def pod_and_volume_deleted(kubectl: Kubectl) -> None:
    """The primary's pod together with all its data."""
    pod = await primary(kubectl)
    await kubectl("delete", "persistentvolumeclaim", f"data-{pod}", "--wait=false")
    await kubectl("delete", "pod", pod, *NOW)


async def all_servers_deleted(kubectl: Kubectl) -> None:
    """All servers with data at once, by force."""
    await kubectl("delete", "pods", SERVERS, *NOW)


async def all_deleted(kubectl: Kubectl) -> None:
    """All servers and all sentinels at once, by force."""
    await asyncio.gather(kubectl("delete", "pods", SERVERS, *NOW), kubectl("delete", "pods", SENTINELS, *NOW))


async def sentinels_deleted(kubectl: Kubectl) -> None:
    """All sentinels, by force, and the primary's process a moment later."""
    await kubectl("delete", "pods", SENTINELS, *NOW)
    await process_killed(kubectl)


async def partitioned(kubectl: Kubectl) -> None:
    """The primary hears nobody and is heard by nobody for a minute; then it is back."""
    async with PodNetwork(await process_of_primary(kubectl)).alone():
        await asyncio.sleep(PARTITION_S)


async def nodes_of_primaries(kubectl: Kubectl) -> list[str]:
    """Return the node of each primary, by the resource's status."""
    return [await node_of(kubectl, pod) for pod in await primaries(kubectl)]


async def move_to_a_worker(kubectl: Kubectl) -> None:
    """See to it that a primary is on no node that all else depends on here: the one of API server and Ingress."""

    async def is_there() -> bool:
        if set(await nodes_of_primaries(kubectl)) != {CONTROL_PLANE}:
            return True
        await kubectl("delete", "pod", await primary(kubectl))
        await kubectl.wait("requestcounter/hits", "condition=Ready", within_s=120)
        return False

    await eventually(is_there, within_s=300)


async def are_apart(kubectl: Kubectl) -> bool:
    """Return whether no node has two primaries."""
    nodes = await nodes_of_primaries(kubectl)
    return len(set(nodes)) == len(nodes)


@asynccontextmanager
async def node_stopped(kubectl: Kubectl) -> AsyncIterator[None]:
    """A primary's node is switched off, and on again."""
    node = next(node for node in await nodes_of_primaries(kubectl) if node != CONTROL_PLANE)
    await docker("stop", "--time=0", node)
    try:
        yield
    finally:
        await docker("start", node)
        await kubectl.wait(f"node/{node}", "condition=Ready", within_s=180)
