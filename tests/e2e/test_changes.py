"""A running counter is changed: each change does what a user expects, and nothing else."""

import asyncio
from typing import Any

from kubectl_requestcounter.ledger import Ledger
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.resources import GATE, READY_WITHIN_S, host, ready, resource, start


async def replicas(kubectl: Kubectl) -> int:
    """Return how many pods the Deployment is to have."""
    return int((await kubectl.get("deployment", "hits"))["spec"]["replicas"])


async def has_pods(kubectl: Kubectl, number: int) -> bool:
    """Return whether the resource tells of exactly so many pods, all ready."""
    status = (await kubectl.get("requestcounter", "hits"))["status"]
    return (status["replicas"], status["readyReplicas"]) == (number, number)


async def test_replicas_follow_an_edit_and_kubectl_scale(namespace: Kubectl) -> None:
    await start(namespace, {"replicas": 1})
    await namespace.apply(resource(namespace, {"replicas": 2}))
    await eventually(lambda: has_pods(namespace, 2), within_s=60)
    await namespace("scale", "requestcounter/hits", "--replicas=3")
    await eventually(lambda: has_pods(namespace, 3), within_s=60)
    await ready(namespace)
    await namespace("scale", "requestcounter/hits", "--replicas=0")
    await eventually(lambda: has_pods(namespace, 0), within_s=90)
    await namespace.wait("requestcounter/hits", "jsonpath={.status.conditions[1].reason}=ScaledToZero", within_s=30)


async def _exists(kubectl: Kubectl, kind: str, *, wanted: bool = True) -> bool:
    return (await kubectl.find(kind, "hits") is not None) is wanted


async def _we_own_replicas(kubectl: Kubectl) -> bool:
    deployment = await kubectl.get("deployment", "hits", "--show-managed-fields")
    entries: list[dict[str, Any]] = deployment["metadata"]["managedFields"]
    ours = [entry for entry in entries if entry["manager"] == "request-counter-operator"]
    return any("f:replicas" in entry["fieldsV1"].get("f:spec", {}) for entry in ours)


async def _scaled_beyond(kubectl: Kubectl, number: int) -> bool:
    return await replicas(kubectl) > number


async def test_autoscaling_on_off_and_on_under_load_never_drops_below_what_there_is(namespace: Kubectl) -> None:
    autoscaling = {"minReplicas": 2, "maxReplicas": 4, "targetCPUUtilizationPercentage": 50}
    await start(namespace, {"replicas": 2})
    seen: list[tuple[int, bool]] = []
    watching = asyncio.create_task(_watch(namespace, seen))
    async with Ledger(GATE, host=host(namespace), rate_per_s=200) as ledger:
        await namespace.apply(resource(namespace, {"autoscaling": autoscaling}))
        await eventually(lambda: _scaled_beyond(namespace, 2), within_s=180)
        # A look may be under way that has seen less.
        while_on, many = len(seen) + 1, await replicas(namespace)
        assert all(number >= 2 for number, _ in seen)
        await namespace.apply(resource(namespace, {"replicas": many}))
        await eventually(lambda: _exists(namespace, "hpa", wanted=False), within_s=10)
        await eventually(lambda: _we_own_replicas(namespace), within_s=10)
        await namespace.apply(resource(namespace, {"replicas": many, "autoscaling": autoscaling}))
        await eventually(lambda: _exists(namespace, "hpa"), within_s=10)
        await eventually(lambda: _has_given_up_replicas(namespace), within_s=10)
        on_again = len(seen)
        await eventually(lambda: len(seen) >= on_again + 20, within_s=60)
    watching.cancel()
    books = await ledger.verify()
    await namespace.apply(resource(namespace, {"replicas": 2}))
    await eventually(lambda: has_pods(namespace, 2), within_s=60)
    assert await _we_own_replicas(namespace)
    assert min(number for number, _ in seen[while_on:on_again]) >= many
    assert min(number for number, _ in seen[on_again:]) >= many
    assert not any(is_ours for _, is_ours in seen[on_again:])
    assert books.errors == {}


async def _watch(kubectl: Kubectl, seen: list[tuple[int, bool]]) -> None:
    """Note the Deployment's number of pods, and whether the field is ours, again and again."""
    while True:
        seen.append((await replicas(kubectl), await _we_own_replicas(kubectl)))


async def _has_given_up_replicas(kubectl: Kubectl) -> bool:
    return not await _we_own_replicas(kubectl)


async def test_a_new_log_level_rolls_the_pods_without_a_failed_request(namespace: Kubectl) -> None:
    await start(namespace)
    before = (await namespace.get("deployment", "hits"))["metadata"]["generation"]
    async with Ledger(GATE, host=host(namespace), rate_per_s=50) as ledger:
        await namespace.apply(resource(namespace, {"logging": {"level": "warning"}}))
        await namespace("rollout", "status", "deployment/hits", f"--timeout={READY_WITHIN_S}s")
    books = await ledger.verify()
    assert (await namespace.get("deployment", "hits"))["metadata"]["generation"] > before
    assert books.errors == {}


async def test_what_is_not_wanted_any_more_is_removed(namespace: Kubectl) -> None:
    await start(namespace)
    await namespace.apply(resource(namespace, {"exposure": {"type": "None"}, "replicas": 1}))
    await eventually(lambda: _exists(namespace, "ingress", wanted=False), within_s=10)
    await eventually(lambda: _exists(namespace, "pdb", wanted=False), within_s=10)
    await namespace.wait(
        "requestcounter/hits", f"jsonpath={{.status.url}}=http://hits.{namespace.namespace}.svc", within_s=10
    )
