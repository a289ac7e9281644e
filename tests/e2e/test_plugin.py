"""``kubectl requestcounter``: status tells what there is, verify finds what is lost, verbs do what they say."""

import asyncio
import json
import re

import pytest

from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl, KubectlError
from tests.support.plugin import plugin
from tests.support.resources import GATE, host, ready, resource, start

IN_MEMORY = {"store": {"durability": "None", "redis": {"persistence": {"enabled": False}}}}
SMALL = {"replicas": 1}


async def test_status_tells_a_counter_with_its_children_and_events(namespace: Kubectl) -> None:
    await start(namespace)
    told = await plugin(namespace, "status", "hits")
    assert told.code == 0
    for line in (
        rf"^{namespace.namespace}/hits  http://{host(namespace)}:8080$",
        r"^Ready +True +Serving ",
        r"^Deployment/hits +2/2 +complete",
        r"^StatefulSet/hits-redis +1/1 +complete",
        r"^Pod/hits-redis-0 +yes +Running",
        r"^PersistentVolumeClaim/data-hits-redis-0 +Bound +1Gi",
        r"^Normal +Started +Pod/hits-",
    ):
        assert re.search(line, told.output, re.MULTILINE), line
    summary = json.loads((await plugin(namespace, "status", "hits", "-o", "json")).output)
    assert (summary["name"], summary["suspend"], len(summary["pods"])) == ("hits", "None", 3)
    everyone = json.loads((await plugin(namespace, "status", "-o", "json")).output)
    assert [item["name"] for item in everyone["items"]] == ["hits"]
    missing = await plugin(namespace, "status", "nope")
    assert (missing.code, missing.output) == (2, "")
    assert missing.errors.startswith('error: requestcounters.requestcounter.io "nope" not found in namespace')


async def test_verify_holds_a_counter_to_its_books_while_its_pods_go(namespace: Kubectl) -> None:
    await start(namespace)
    run = asyncio.create_task(plugin(namespace, "verify", "hits", "--seconds=15"))
    await eventually(lambda: counting(namespace), within_s=60)
    # The way to the counter leads to one of these, so it must find another.
    await namespace("delete", "pod", "--selector=app.kubernetes.io/component=service", "--wait=false")
    ended = await run
    assert ended.code == 0, ended
    assert "all 10 paths are counted right" in ended.output
    await ready(namespace)
    by_url = ("--url", GATE, "--host-header", host(namespace))
    public = await plugin(namespace, "verify", "hits", "--seconds=2", "--paths=3", *by_url)
    assert public.code == 0, public
    assert await total(namespace) == 0  # all paths are removed


async def total(kubectl: Kubectl) -> int:
    """Return the counter's total, read by way of the API server."""
    path = f"/api/v1/namespaces/{kubectl.namespace}/services/hits-admin:admin/proxy/api/v1/total"
    return int(json.loads(await kubectl("get", "--raw", path))["total"])


async def counting(kubectl: Kubectl) -> bool:
    try:
        return await total(kubectl) > 100
    except KubectlError:
        return False


async def test_verify_finds_what_a_counter_without_persistence_loses(namespace: Kubectl) -> None:
    """The control: a Redis that forgets must show, or the verdict above means nothing."""
    await start(namespace, SMALL | IN_MEMORY)
    by_url = ("--url", GATE, "--host-header", host(namespace))
    run = asyncio.create_task(plugin(namespace, "verify", "hits", "--seconds=20", *by_url))
    await eventually(lambda: counting(namespace), within_s=60)
    await namespace("delete", "pod", "hits-redis-0", "--grace-period=0", "--force")
    ended = await run
    assert ended.code == 1, ended
    assert "paths are counted wrong" in ended.output


@pytest.mark.parametrize(("verb", "suspend"), [("pause", "Reconcile"), ("hibernate", "Workload")])
async def test_pause_hibernate_and_resume_set_the_field(namespace: Kubectl, verb: str, suspend: str) -> None:
    await namespace.apply(resource(namespace, SMALL | {"suspend": "None"}))
    done = await plugin(namespace, verb, "hits")
    assert done.output == f"requestcounters.requestcounter.io/hits {verb}d\n"
    assert (await namespace.get("requestcounter", "hits"))["spec"]["suspend"] == suspend
    again = await plugin(namespace, verb, "hits")
    assert again.output.endswith(" (no change)\n")
    assert (await plugin(namespace, "resume", "hits")).output.endswith("/hits resumed\n")
    assert (await namespace.get("requestcounter", "hits"))["spec"]["suspend"] == "None"


async def test_restart_replaces_the_pods_of_the_service_or_of_redis(namespace: Kubectl) -> None:
    await start(namespace, SMALL)
    before = await pods(namespace)
    for option, child in ((), "deployment/hits"), (("--redis",), "statefulset/hits-redis"):
        ended = await plugin(namespace, "restart", "hits", *option)
        assert ended.code == 0, ended
        assert "restarted" in ended.output
        await namespace("rollout", "status", child, "--timeout=120s")
    await eventually(lambda: are_gone(namespace, before), within_s=60)
    unchanged = await plugin(namespace, "diff", "hits")
    assert (unchanged.code, unchanged.output) == (0, "")


async def are_gone(kubectl: Kubectl, uids: set[str]) -> bool:
    return not uids & await pods(kubectl)


async def pods(kubectl: Kubectl) -> set[str]:
    found = await kubectl.get(
        "pods", "--selector=app.kubernetes.io/instance=hits", "--field-selector=status.phase=Running"
    )
    return {pod["metadata"]["uid"] for pod in found["items"]}


async def test_restart_does_not_lose_counts_unasked(namespace: Kubectl) -> None:
    await namespace.apply(resource(namespace, SMALL | IN_MEMORY))
    ended = await plugin(namespace, "restart", "hits", "--redis")
    assert ended.code == 2
    assert "has its counts in memory only" in ended.errors
