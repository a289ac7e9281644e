"""Ten counters whose pods die at random: no Redis and no sentinel ever takes another counter's for one of its own.

With operators that name groups alike, or that remember addresses of pods which others have now, it has happened.
"""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import pytest
from aiohttp import ClientError

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl, KubectlError
from tests.support.resources import GATE, answers, host, resource
from tests.survival.report import Report

Read = TypeVar("Read")

FOR_S = 900
EVERY_S = 10
LOOK_EVERY = 3
"""Deletions. A look is a command in each of the pods, which costs more than all of their counting."""
ALL_READY_WITHIN_S = 900
READ_WITHIN_S = 120
SMALL = {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "256Mi"}}
PAIRS = {"mode": "Sentinel", "replicas": 1}
REDISES: list[dict[str, Any]] = [
    *([PAIRS] * 5),
    {"mode": "Cluster", "replicas": 1},
    *([{"mode": "Standalone"}] * 4),
]
"""As small as they can be: 35 servers and sentinels, each probed every other second, keep two cores busy."""
COUNTERS = {f"counter-{number}": redis for number, redis in enumerate(REDISES)}
SERVERS = "--selector=app.kubernetes.io/component in (redis,cluster,sentinel)"
KNOW_OTHERS = {name for name, redis in COUNTERS.items() if redis["mode"] != "Standalone"}
INSTANCE = "app.kubernetes.io/instance"
ASK = {
    "redis": ". /etc/request-counter/config/common.sh; log_in_as /etc/request-counter/replication;"
    " cli info replication; cli cluster nodes",
    "sentinel": ". /etc/request-counter/config/common.sh; log_in_as /etc/request-counter/sentinel;"
    ' for what in replicas sentinels; do cli -p 26379 sentinel $what "$GROUP"; done; cli -p 26379 sentinel masters',
}
"""By container: whom it knows, in which form does not matter."""

pytestmark = pytest.mark.timeout(3_600)


@dataclass
class Looks:
    """How often a server or sentinel told whom it knows."""

    answered: int = 0
    known: int = 0


def spec(redis: dict[str, Any]) -> dict[str, Any]:
    durability = "Persisted" if redis["mode"] == "Standalone" else "Replicated"
    store = {"durability": durability, "redis": redis | {"resources": SMALL}}
    return {"replicas": 1, "resources": SMALL, "store": store}


async def test_ten_counters_never_meet(namespace: Kubectl, report: Report) -> None:
    row = report.neighbours(len(COUNTERS))
    await namespace.apply(*(resource(namespace, spec(redis), name) for name, redis in COUNTERS.items()))
    await all_ready(namespace)
    looks, deleted, choice = Looks(), 0, random.Random(1)  # noqa: S311 - the same pods each time
    async with AsyncExitStack() as stack:
        ledgers = [await readable(partial(stack.enter_async_context, ledger_of(namespace, name))) for name in COUNTERS]
        until_s = time.monotonic() + FOR_S
        while time.monotonic() < until_s:
            next_s = time.monotonic() + EVERY_S
            await delete_one(namespace, choice)
            deleted += 1
            if deleted % LOOK_EVERY == 0:
                await nobody_knows_strangers(namespace, looks)
            await asyncio.sleep(next_s - time.monotonic())
        await all_ready(namespace)
    await nobody_knows_strangers(namespace, looks)
    books = [await readable(ledger.verify) for ledger in ledgers]
    # Every server and sentinel was asked again and again, and most of what they know is others.
    assert looks.answered >= deleted // LOOK_EVERY * len(COUNTERS)
    assert looks.known >= looks.answered
    acknowledged = sum(one.acknowledged for one in books)
    row.passed(f"{deleted} in {FOR_S // 60} min", f"{looks.answered:,}", "0", f"{acknowledged:,}", "0")


def ledger_of(kubectl: Kubectl, name: str) -> Ledger:
    return Ledger(GATE, host=host(kubectl, name), paths=20, rate_per_s=10)


async def readable(read: Callable[[], Awaitable[Read]]) -> Read:
    """Return what is read; a counter that cannot be read at this moment is asked again."""
    found: list[Read] = []

    async def is_read() -> bool:
        with suppress(ClientError):
            found.append(await read())
        return bool(found)

    await eventually(is_read, within_s=READ_WITHIN_S, every_s=1)
    return found[0]


async def all_ready(kubectl: Kubectl) -> None:
    """Wait until all counters are, as kubectl would not be allowed to wait so long in one command."""

    async def are_ready() -> bool:
        found = (await kubectl.get("requestcounters"))["items"]
        conditions = [c for one in found for c in one.get("status", {}).get("conditions", ()) if c["type"] == "Ready"]
        return [c["status"] for c in conditions] == ["True"] * len(COUNTERS)

    await eventually(are_ready, within_s=ALL_READY_WITHIN_S, every_s=5)
    for name in COUNTERS:
        await eventually(lambda name=name: answers(kubectl, name), within_s=30)  # type: ignore[misc]


async def delete_one(kubectl: Kubectl, choice: random.Random) -> None:
    pods = [pod["metadata"]["name"] for pod in (await kubectl.get("pods", SERVERS))["items"]]
    how = choice.choice([(), ("--grace-period=0", "--force")])
    await kubectl("delete", "pod", choice.choice(pods), "--wait=false", "--ignore-not-found", *how)


async def nobody_knows_strangers(kubectl: Kubectl, looks: Looks) -> None:
    """Ask every server and sentinel whom it knows; of these, none is another counter's.

    Raises:
        AssertionError: One knows another counter's address.
    """
    pods = (await kubectl.get("pods", SERVERS))["items"]
    services = (await kubectl.get("services"))["items"]
    owners = {service["spec"]["clusterIP"]: service["metadata"]["labels"][INSTANCE] for service in services}
    owners |= {pod["status"]["podIP"]: pod["metadata"]["labels"][INSTANCE] for pod in pods if "podIP" in pod["status"]}
    few = asyncio.Semaphore(4)

    async def look(pod: dict[str, Any]) -> None:
        name, own = pod["metadata"]["name"], pod["metadata"]["labels"][INSTANCE]
        container = "sentinel" if "sentinel" in name else "redis"
        async with few:
            try:
                told = await kubectl("exec", name, f"--container={container}", "--", "bash", "-c", ASK[container])
            except KubectlError:
                return  # it is just going or coming
        known = set(re.findall(r"\d+\.\d+\.\d+\.\d+", told))
        looks.answered += 1
        looks.known += sum(owners.get(address) == own for address in known)
        assert {owners.get(address, own) for address in known} <= {own}, f"{name} knows {known}"

    await asyncio.gather(*(look(pod) for pod in pods if pod["metadata"]["labels"][INSTANCE] in KNOW_OTHERS))
