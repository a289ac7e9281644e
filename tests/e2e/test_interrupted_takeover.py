"""A primary dies while another one is taking over, and is back before that is done: two of them, for a moment.

The sentinel that leads a failover tells nobody before the next primary has said that it is one. Who is started
meanwhile is told that it is the primary still; a replica confirms what it takes, until that one is sent to the next.
"""

from contextlib import suppress

import pytest

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.nodes import Process, process_of_pod
from tests.support.resources import GATE, acknowledged, host, ready, start, store_status, with_redis

ENOUGH = 600
LOG_IN = ". /etc/request-counter/config/common.sh; log_in_as /etc/request-counter/"

pytestmark = pytest.mark.timeout(420)


async def test_who_is_back_during_a_takeover_counts_nothing_that_the_next_primary_lacks(namespace: Kubectl) -> None:
    await start(namespace, with_redis({"mode": "Sentinel"}))
    servers = (await store_status(namespace))["servers"]
    old = next(server["name"] for server in servers if server["role"] == "Primary")
    heir, other = (server["name"] for server in servers if server["role"] != "Primary")
    await at_server(namespace, other, "config set replica-priority 200")
    await eventually(lambda: is_told(namespace, "slave-priority\n200"), within_s=30)
    primary, next_primary = await server_of(namespace, old), await server_of(namespace, heir)

    async with Ledger(GATE, host=host(namespace), paths=200, rate_per_s=300) as ledger:
        await acknowledged(ledger, ENOUGH)
        # What was counted so far is not what this is about: the heir has it, as when a primary hands over.
        await at_server(namespace, old, "client pause 30000 write")
        await eventually(lambda: have_the_same(namespace, old, heir))
        await next_primary.signal("STOP")  # it will hear that it is to take over, and not yet
        try:
            assert await at_sentinel(namespace, 'failover "$GROUP"') == "OK\n"
            await eventually(lambda: is_told(namespace, "slave,promoted"))
            await primary.signal("KILL")
            await eventually(lambda: is_primary_again(namespace, old), within_s=6)
            with suppress(AssertionError):
                await acknowledged(ledger, ENOUGH, within_s=2)
        finally:
            await next_primary.signal("CONT")
        await eventually(lambda: is_primary(namespace, heir), within_s=60)
        await acknowledged(ledger, ENOUGH)
    await ready(namespace)
    await ledger.verify()


async def server_of(kubectl: Kubectl, pod: str) -> Process:
    return await process_of_pod(await kubectl.get("pod", pod), "redis-server")


async def at_server(kubectl: Kubectl, pod: str, command: str) -> str:
    return await kubectl("exec", pod, "--", "bash", "-c", f"{LOG_IN}replication; cli {command}")


async def have_the_same(kubectl: Kubectl, primary: str, replica: str) -> bool:
    sent = (await at_server(kubectl, primary, "role")).split()[1]
    return (await at_server(kubectl, replica, "role")).split()[3:5] == ["connected", sent]


async def at_sentinel(kubectl: Kubectl, command: str) -> str:
    line = f"{LOG_IN}sentinel; cli -p 26379 sentinel {command}"
    return await kubectl("exec", "hits-sentinel-0", "--", "bash", "-c", line)


async def is_told(kubectl: Kubectl, what: str) -> bool:
    """Whether the first sentinel says something of a replica."""
    return what in await at_sentinel(kubectl, 'replicas "$GROUP"')


async def is_primary_again(kubectl: Kubectl, pod: str) -> bool:
    """Whether its server has been started a second time, as a primary."""
    (container,) = (await kubectl.get("pod", pod))["status"]["containerStatuses"]
    if container["restartCount"] == 0 or "running" not in container["state"]:
        return False
    log = await kubectl("logs", pod)
    return "start: as the primary" in log and "Ready to accept connections" in log


async def is_primary(kubectl: Kubectl, pod: str) -> bool:
    """Whether the resource's status says so."""
    servers = (await store_status(kubectl)).get("servers", ())
    return {"name": pod, "role": "Primary"} in [{k: server[k] for k in ("name", "role")} for server in servers]
