"""The operator's own failures: killed, stopped, cut off; the API server restarted, its connections dead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.drift import Mutation, keep_changing
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl, KubectlError
from tests.support.nodes import CONTROL_PLANE, is_lease, on_node, writer, writes_by_the_operator
from tests.support.operators import Operators
from tests.support.resources import answers, resource

LEASE_S = 15
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
EDIT = {"spec": {"maxUnavailable": 2}}


@pytest.fixture
async def asleep(namespace: Kubectl, operators: Operators) -> AsyncIterator[Kubectl]:
    """The namespace of a counter without pods, whose changes the operator undoes."""
    await operators.renewed()
    await namespace.apply(resource(namespace, {"suspend": "Workload"}))
    await namespace.wait("requestcounter/hits", "condition=Hibernated", within_s=60)
    yield namespace
    await operators.settled()


async def acts_within(kubectl: Kubectl, seconds: float) -> None:
    """Hold the operator to undoing a change within so many seconds from now."""
    await Mutation("pdb/hits", EDIT, manager="hand", counter="hits").undone(kubectl, within_s=seconds)


async def test_a_killed_leader_is_followed_by_the_other(asleep: Kubectl, operators: Operators) -> None:
    leader = await operators.leader()
    await operators.kubectl("delete", "pod", leader, "--grace-period=0", "--force")
    await acts_within(asleep, 20)
    assert await operators.leader() != leader


async def test_a_leader_whose_process_dies_is_back_or_followed(asleep: Kubectl, operators: Operators) -> None:
    before = await operators.restarts()
    await operators.signal(await operators.leader(), "KILL")
    await acts_within(asleep, 20)

    async def is_back() -> bool:
        return await operators.restarts() == before + 1

    # The other may act before the node has started this one again.
    await eventually(is_back, within_s=30)


async def test_a_leader_that_is_told_to_stop_hands_over_at_once(asleep: Kubectl, operators: Operators) -> None:
    leader = await operators.leader()
    await operators.signal(leader, "TERM")

    async def another_leads() -> bool:
        return await operators.leader() not in {"", leader}

    await eventually(another_leads, within_s=3)
    await acts_within(asleep, 3)


async def test_a_leader_that_is_cut_off_writes_nothing_after_its_lease(asleep: Kubectl, operators: Operators) -> None:
    leader = await operators.leader()
    network, api_server = await operators.network(leader), await operators.api_server()
    # It is in the midst of writing when the cable is pulled: the resource changes all the time.
    patches = [{"spec": {"logging": {"level": level}}} for level in ("debug", "error")]
    change = asyncio.create_task(keep_changing(asleep, "requestcounter/hits", patches, every_s=0.2))
    try:
        async with network.cut_off(api_server):
            cut_at = datetime.now(UTC)
            await eventually(lambda: _leads(operators, but=leader), within_s=40)
            taken_at = datetime.now(UTC)
            await eventually(lambda: _has_written(taken_at, but=leader), within_s=30)
        await eventually(lambda: operators.is_alive(leader), within_s=75)
    finally:
        change.cancel()
    late = [
        entry
        for entry in await writes_by_the_operator(cut_at + timedelta(seconds=LEASE_S))
        if writer(entry) == leader and not is_lease(entry)
    ]
    assert late == []


async def _leads(operators: Operators, *, but: str) -> bool:
    return await operators.leader() not in {"", but}


async def _has_written(since: datetime, *, but: str) -> bool:
    return any(writer(entry) != but and not is_lease(entry) for entry in await writes_by_the_operator(since))


@asynccontextmanager
async def dead_connections(operators: Operators) -> AsyncIterator[int]:
    """Have every connection of every operator to the API server dead, without a word to either side."""
    api_server = await operators.api_server()
    async with AsyncExitStack() as stack:
        dead = 0
        for pod in await operators.pods():
            network = await operators.network(pod["metadata"]["name"])
            ports = await network.connections_to(api_server)
            await stack.enter_async_context(network.blackhole(ports))
            dead += len(ports)
        yield dead


async def test_dead_connections_are_noticed_and_made_anew(asleep: Kubectl, operators: Operators) -> None:
    async with dead_connections(operators) as number:
        assert number >= 20  # each operator has a watch for each kind
        await acts_within(asleep, 75)
        leader = await operators.settled()
        assert await operators.is_alive(leader)


@pytest.mark.long  # the cluster's own controllers take minutes to be back, and disturb what comes after it
async def test_a_restart_of_the_api_server_is_survived(asleep: Kubectl, operators: Operators) -> None:
    restarts = await operators.restarts()
    # Not killed: its node would start it anew later each time.
    await on_node(CONTROL_PLANE, "mv", MANIFEST, "/root/kube-apiserver.yaml")
    try:
        await eventually(lambda: _answers(asleep, wanted=False), within_s=60)
    finally:
        await on_node(CONTROL_PLANE, "mv", "/root/kube-apiserver.yaml", MANIFEST)
    await eventually(lambda: _answers(asleep), within_s=120)
    await acts_within(asleep, 75)
    assert await operators.restarts() == restarts
    await asleep.apply(resource(asleep))
    await asleep.wait("requestcounter/hits", "condition=Ready", within_s=170)
    await eventually(lambda: answers(asleep), within_s=240)


async def _answers(kubectl: Kubectl, *, wanted: bool = True) -> bool:
    """Return whether the API server says that it is ready, or, if that is wanted, does not."""
    try:
        await kubectl("get", "--raw=/readyz", "--request-timeout=2s")
    except KubectlError:
        return not wanted
    return wanted
