"""Whatever is done to a child by hand is undone within five seconds, and told along with who did it."""

import asyncio
import json
import secrets
import statistics
from functools import partial
from typing import Any, NamedTuple

import pytest

from tests.support.drift import PATCHES, events_of, keep_changing, random_mutations, wanted_part
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.operators import DEPLOYMENT, NAMESPACE, Operators
from tests.support.resources import BACK_WITHIN_S, condition, ready, resource, start


class Edit(NamedTuple):
    """A change by hand, as a JSON merge patch of a child."""

    child: str
    patch: dict[str, Any]


EDITS = [
    Edit("deployment/hits", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}),
    Edit("deployment/hits", {"metadata": {"ownerReferences": None}}),
    Edit("statefulset/hits-redis", {"spec": {"replicas": 0}}),
    Edit("service/hits", {"spec": {"selector": {"app.kubernetes.io/instance": "other"}}}),
    Edit("service/hits", {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}),
    Edit("service/hits-redis", {"spec": {"selector": {"app.kubernetes.io/component": "other"}}}),
    Edit("ingress/hits", {"spec": {"rules": [{"host": "other.localhost"}]}}),
    Edit("configmap/hits-redis", {"data": {"redis.conf": "appendonly no"}}),
    Edit("secret/hits-redis", {"data": {"password": "b3RoZXI="}}),
    Edit("pdb/hits", {"spec": {"maxUnavailable": 2}}),
    Edit("hpa/hits", {"spec": {"maxReplicas": 9}}),
    Edit("serviceaccount/hits", {"automountServiceAccountToken": True}),
]
CHILDREN = sorted({edit.child for edit in EDITS})


async def test_edits_and_deletions_of_every_child_are_undone(namespace: Kubectl) -> None:
    await start(namespace, {"autoscaling": {"minReplicas": 2, "maxReplicas": 3}})
    for edit in EDITS:
        await _edit_is_undone(namespace, edit)
    for child in CHILDREN:
        await _deletion_is_undone(namespace, child)
    await ready(namespace)


async def _edit_is_undone(kubectl: Kubectl, edit: Edit) -> None:
    before = wanted_part(await kubectl.get(edit.child))
    await kubectl("patch", edit.child, "--type=merge", f"--patch={json.dumps(edit.patch)}")
    await eventually(lambda: _is(kubectl, edit.child, before), within_s=BACK_WITHIN_S)


async def _deletion_is_undone(kubectl: Kubectl, child: str) -> None:
    uid = (await kubectl.get(child))["metadata"]["uid"]
    await kubectl("delete", child, "--wait=false")
    await eventually(lambda: _is_anew(kubectl, child, uid), within_s=BACK_WITHIN_S)


async def _is(kubectl: Kubectl, child: str, before: dict[str, Any]) -> bool:
    return wanted_part(await kubectl.get(child)) == before


async def _is_anew(kubectl: Kubectl, child: str, uid: str) -> bool:
    body = await kubectl.find(child)
    return body is not None and body["metadata"]["uid"] != uid


async def test_the_number_of_pods_is_the_resources(namespace: Kubectl) -> None:
    await start(namespace)
    before = wanted_part(await namespace.get("deployment/hits"))
    await namespace("scale", "deployment/hits", "--replicas=5")
    await eventually(lambda: _is(namespace, "deployment/hits", before), within_s=BACK_WITHIN_S)


@pytest.mark.parametrize("kind", ["service", "configmap"])
async def test_an_object_of_somebody_else_is_left_alone(namespace: Kubectl, kind: str) -> None:
    name = {"service": "hits", "configmap": "hits-redis"}[kind]
    body: dict[str, Any] = {"apiVersion": "v1", "kind": {"service": "Service", "configmap": "ConfigMap"}[kind]}
    body["metadata"] = {"name": name, "namespace": namespace.namespace}
    if kind == "service":
        body["spec"] = {"ports": [{"port": 1234}], "selector": {"app": "theirs"}}
    await namespace.apply(body)
    before = wanted_part(await namespace.get(kind, name))
    await namespace.apply(resource(namespace))
    await namespace.wait("requestcounter/hits", "condition=Degraded", within_s=30)
    degraded = await condition(namespace, "Degraded")
    assert degraded["reason"] == "ForeignObject"
    assert f"{body['kind']} {name}: it exists already and is not ours" in degraded["message"]
    assert wanted_part(await namespace.get(kind, name)) == before


async def test_a_restarted_operator_changes_nothing_and_works_on(
    namespace: Kubectl, kubectl: Kubectl, operators: Operators
) -> None:
    await start(namespace)
    system = kubectl.within(NAMESPACE)
    before = await _versions(namespace)
    await system("rollout", "restart", DEPLOYMENT)
    await system("rollout", "status", DEPLOYMENT, "--timeout=120s")
    await operators.settled()
    # Undoing this shows that the new operator has looked at the counter.
    await _edit_is_undone(namespace, Edit("service/hits", {"metadata": {"labels": {"app.kubernetes.io/name": "x"}}}))
    after = await _versions(namespace)
    assert {name for name in before if after[name] != before[name]} <= {"Service/hits"}


async def _versions(kubectl: Kubectl) -> dict[str, str]:
    """Return what changes with every write to a child."""
    kinds = "deployments,statefulsets,services,ingresses,secrets,configmaps,pdb,serviceaccounts,pods"
    children = (await kubectl.get(kinds, "--selector=app.kubernetes.io/instance=hits"))["items"]
    return {f"{child['kind']}/{child['metadata']['name']}": child["metadata"]["resourceVersion"] for child in children}


MUTATIONS = 100
AWAKE, ASLEEP = "hits", [f"asleep-{number}" for number in range(4)]


@pytest.mark.timeout(900)
@pytest.mark.long
async def test_a_hundred_random_changes_are_undone_and_their_authors_named(
    namespace: Kubectl, operators: Operators
) -> None:
    await start(namespace, {"autoscaling": {"minReplicas": 2, "maxReplicas": 3}})
    await namespace.apply(*(resource(namespace, {"suspend": "Workload"}, name) for name in ASLEEP))
    for name in ASLEEP:
        await namespace.wait(f"requestcounter/{name}", "condition=Hibernated", within_s=60)
    children = [f"{AWAKE} {child}" for child in PATCHES]
    children += [f"{name} {child}" for name in ASLEEP for child in PATCHES if not child.startswith("hpa/")]
    before = await operators.settled(), await operators.restarts()
    seed = secrets.randbelow(2**32)
    print(f"the same changes again: seed {seed}")  # noqa: T201 - shown when the test fails
    took_s: list[float] = []
    for mutation in random_mutations(children, MUTATIONS, seed):
        took_s.append(await mutation.undone(namespace, within_s=60))
        if mutation.leaves_a_trace:
            await eventually(partial(mutation.is_told, namespace), within_s=10)
    assert statistics.quantiles(took_s, n=100)[98] <= BACK_WITHIN_S
    assert (await operators.leader(), await operators.restarts()) == before


async def test_a_fight_is_told_and_left_to_people(namespace: Kubectl) -> None:
    await start(namespace)
    patches = [{"spec": {"maxUnavailable": number}} for number in (2, 3)]
    fight = asyncio.create_task(keep_changing(namespace, "pdb/hits", patches, every_s=0.5))
    try:
        await namespace.wait("requestcounter/hits", "condition=Degraded", within_s=60)
        assert (await condition(namespace, "Degraded"))["reason"] == "FieldConflict"
        corrections = await corrected(namespace)
        # During the truce the rival has its way: the operator does not take part in a hot loop.
        seen: set[int] = set()

        async def rival_has_its_way() -> bool:
            seen.add((await namespace.get("pdb", "hits"))["spec"]["maxUnavailable"])
            return {2, 3} <= seen

        await eventually(rival_has_its_way, within_s=10)
        assert await corrected(namespace) <= corrections + 1
        (event, *_) = await events_of(namespace, "FieldConflict")
        assert "PodDisruptionBudget hits was changed by rival again and again" in event["message"]
    finally:
        fight.cancel()
    await namespace.wait("requestcounter/hits", "condition=Degraded=False", within_s=180)
    await ready(namespace)
    assert (await namespace.get("pdb", "hits"))["spec"]["maxUnavailable"] == 1


async def corrected(kubectl: Kubectl) -> int:
    return sum(int(event["count"]) for event in await events_of(kubectl, "DriftCorrected"))


async def test_what_never_changes_is_had_by_making_it_anew_and_pods_run_on(
    namespace: Kubectl, operators: Operators
) -> None:
    await start(namespace)
    await namespace("patch", "configmap/hits-redis", "--patch", '{"immutable": true, "data": {"redis.conf": "port 1"}}')
    await eventually(lambda: _has_told(namespace, "ChildRecreated", 1), within_s=30)
    pod = (await namespace.get("pod", "hits-redis-0"))["metadata"]["uid"]
    # Only while no operator looks can somebody put a StatefulSet of another kind in ours' place.
    await operators.scale(0)
    try:
        body = await namespace.get("statefulset", "hits-redis")
        await namespace("delete", "statefulset", "hits-redis", "--cascade=orphan")
        kept = {"name", "namespace", "labels", "ownerReferences"}
        body["metadata"] = {key: value for key, value in body["metadata"].items() if key in kept}
        body["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = "2Gi"
        body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 61
        body["spec"]["updateStrategy"] = {"type": "OnDelete"}
        await namespace.apply(body)
    finally:
        await operators.scale(2)
    await eventually(lambda: _has_told(namespace, "ChildRecreated", 2), within_s=60)
    await ready(namespace)
    claim = (await namespace.get("statefulset", "hits-redis"))["spec"]["volumeClaimTemplates"][0]
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
    assert (await namespace.get("pod", "hits-redis-0"))["metadata"]["uid"] == pod


async def _has_told(kubectl: Kubectl, reason: str, times: int) -> bool:
    return sum(int(event["count"]) for event in await events_of(kubectl, reason)) >= times
