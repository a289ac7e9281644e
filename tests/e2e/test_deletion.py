"""Deletion is quick and final, in every way that Kubernetes knows, with the operator there or not."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

import pytest

from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.nodes import is_lease, writes_by_the_operator
from tests.support.operators import Operators
from tests.support.resources import resource

GONE_WITHIN_S = 30
KINDS = "deployments,statefulsets,services,ingresses,secrets,configmaps,pdb,serviceaccounts,pods"
Prepare: TypeAlias = Callable[[], Awaitable[None]]
CASCADES = ["foreground", "background", "orphan"]


@pytest.fixture(params=["with the operator", "without the operator"])
async def during(request: pytest.FixtureRequest, operators: Operators) -> AsyncIterator[Prepare]:
    """Scale the operator to nothing where the test is to be without it; the test calls it, and it is undone."""

    async def prepare() -> None:
        if request.param == "without the operator":
            await operators.scale(0)

    yield prepare
    await operators.scale(2)


async def running(kubectl: Kubectl, *names: str) -> None:
    spec = {"replicas": 1, "store": {"redis": {"persistence": {"retain": False}}}}
    await kubectl.apply(*(resource(kubectl, spec, name) for name in names))
    for name in names:
        await kubectl.wait(f"requestcounter/{name}", "condition=Ready", within_s=120)


async def children(kubectl: Kubectl, name: str) -> list[str]:
    listed = (await kubectl.get(KINDS, f"--selector=app.kubernetes.io/instance={name}"))["items"]
    return [f"{item['kind']}/{item['metadata']['name']}" for item in listed]


async def is_gone(kubectl: Kubectl, name: str) -> bool:
    return await kubectl.find("requestcounter", name) is None and not await children(kubectl, name)


async def creations_since(since: datetime, namespace: str) -> list[str]:
    """Return what the operator made in a namespace."""
    return [
        f"{entry['objectRef']['resource']}/{entry['objectRef'].get('name')}"
        for entry in await writes_by_the_operator(since)
        if entry["objectRef"].get("namespace") == namespace
        and not is_lease(entry)
        and entry["objectRef"]["resource"] != "events"
        and entry["responseStatus"]["code"] == 201
    ]


async def test_every_cascade_ends_and_nothing_comes_back(namespace: Kubectl, during: Prepare) -> None:
    await running(namespace, *CASCADES)
    orphans = await children(namespace, "orphan")
    await during()
    since = datetime.now(UTC)
    for cascade in CASCADES:
        await namespace("delete", "requestcounter", cascade, f"--cascade={cascade}", f"--timeout={GONE_WITHIN_S}s")
    for name in ("foreground", "background"):
        await eventually(partial(is_gone, namespace, name), within_s=GONE_WITHIN_S)
    assert await namespace.find("requestcounter", "orphan") is None
    assert sorted(await children(namespace, "orphan")) == sorted(orphans)
    assert await creations_since(since, namespace.namespace) == []


async def test_the_namespace_goes_and_nothing_comes_back(kubectl: Kubectl, during: Prepare) -> None:
    namespace = kubectl.within(f"e2e-{secrets.token_hex(4)}")
    await kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace.namespace}})
    await running(namespace, "hits")
    await during()
    since = datetime.now(UTC)
    await kubectl("delete", "namespace", namespace.namespace, f"--timeout={GONE_WITHIN_S}s")
    assert await creations_since(since, namespace.namespace) == []
