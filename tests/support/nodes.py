"""The cluster's nodes, which are containers of this machine: what a fault test does to them and reads from them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CONTROL_PLANE = "request-counter-control-plane"
AUDIT_LOG = "/var/log/kubernetes/audit.log"
COMMAND_TIMEOUT_S = 60


class NodeError(Exception):
    """A command on a node ended with an error; the message is what it wrote."""


async def on_node(node: str, *command: str) -> str:
    """Run a command as root on a node and return what it wrote to standard output.

    Raises:
        NodeError: It ended with an error.
    """
    return await docker("exec", node, *command)


async def docker(*arguments: str) -> str:
    """Run Docker's command line on this machine and return what it wrote to standard output.

    Raises:
        NodeError: It ended with an error.
    """
    process = await asyncio.create_subprocess_exec(
        "docker", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(COMMAND_TIMEOUT_S):
        output, errors = await process.communicate()
    if process.returncode:
        raise NodeError(f"{' '.join(arguments)}: {errors.decode().strip() or output.decode().strip()}")
    return output.decode()


@dataclass(frozen=True)
class Process:
    """A process of a pod: the node that it is on, and its id as that node sees it."""

    node: str
    pid: int

    async def signal(self, name: str) -> None:
        """Send it a signal, for example ``KILL``."""
        await on_node(self.node, "kill", f"-{name}", str(self.pid))

    async def is_alive(self) -> bool:
        """Return whether it still runs."""
        return await on_node(self.node, "bash", "-c", f"[ ! -e /proc/{self.pid} ] || echo yes") != ""


async def process_of_pod(pod: dict[str, Any], program: str) -> Process:
    """Return the first process of a pod whose command line contains ``program``.

    Raises:
        NodeError: There is none.
    """
    # By the control group, which bears the pod's UID: names of pods are used in other namespaces as well,
    # and programs such as Redis write their title over their environment.
    node, uid = pod["spec"]["nodeName"], pod["metadata"]["uid"].replace("-", ".")
    script = f'for p in $(pgrep -f "{program}"); do ! grep -q "pod{uid}" /proc/$p/cgroup || echo $p; done'
    found = (await on_node(node, "bash", "-c", f"{script}; true")).split()
    if not found:
        raise NodeError(f"no {program} of {pod['metadata']['name']} on {node}")
    return Process(node, int(found[0]))


class PodNetwork:
    """The network of one pod, by one of its processes."""

    def __init__(self, process: Process) -> None:
        self._node = process.node
        self._enter = ("nsenter", "--target", str(process.pid), "--net")

    @asynccontextmanager
    async def cut_off(self, address: str) -> AsyncIterator[None]:
        """Let nothing go to an address, without a word to anybody, while the block runs."""
        rule = ("OUTPUT", "--destination", address, "--jump", "DROP")
        await on_node(self._node, *self._enter, "iptables", "--insert", *rule)
        try:
            yield
        finally:
            await on_node(self._node, *self._enter, "iptables", "--delete", *rule)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Let nothing in or out, but what the pod says to itself, while the block runs."""
        rules = [("INPUT", "!", "--in-interface", "lo"), ("OUTPUT", "!", "--out-interface", "lo")]
        for rule in rules:
            await on_node(self._node, *self._enter, "iptables", "--insert", *rule, "--jump", "DROP")
        try:
            yield
        finally:
            for rule in rules:
                await on_node(self._node, *self._enter, "iptables", "--delete", *rule, "--jump", "DROP")

    async def connections_to(self, address: str) -> list[int]:
        """Return the pod's own ports of its established connections to an address."""
        listing = await on_node(
            self._node, *self._enter, "ss", "--no-header", "--numeric", "--tcp", "state", "established", "dst", address
        )
        return [int(line.split()[2].rpartition(":")[2]) for line in listing.splitlines()]

    @asynccontextmanager
    async def blackhole(self, ports: list[int]) -> AsyncIterator[None]:
        """Let nothing go out of these ports of the pod: their connections are dead, and nobody tells."""
        rules = [("OUTPUT", "--protocol", "tcp", "--sport", str(port), "--jump", "DROP") for port in ports]
        for rule in rules:
            await on_node(self._node, *self._enter, "iptables", "--insert", *rule)
        try:
            yield
        finally:
            for rule in rules:
                await on_node(self._node, *self._enter, "iptables", "--delete", *rule)


async def writes_by_the_operator(since: datetime) -> list[dict[str, Any]]:
    """Return the audit log's entries since then: every write of anybody in the operator's namespace.

    Renewals of the Lease are among them; ``is_lease`` tells.
    """
    log = await on_node(CONTROL_PLANE, "bash", "-c", f"cat $(ls -tr {AUDIT_LOG.removesuffix('.log')}*.log)")
    entries = [json.loads(line) for line in log.splitlines()]
    return [entry for entry in entries if datetime.fromisoformat(entry["requestReceivedTimestamp"]) >= since]


def is_lease(entry: dict[str, Any]) -> bool:
    """Return whether an entry of the audit log is about the Lease."""
    return bool(entry["objectRef"].get("resource") == "leases")


def writer(entry: dict[str, Any]) -> str:
    """Return the pod whose write an entry of the audit log is."""
    names: list[str] = entry["user"].get("extra", {}).get("authentication.kubernetes.io/pod-name", [""])
    return names[0]
