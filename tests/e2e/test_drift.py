"""Whatever is done to a child by hand is undone within five seconds."""

import json
from typing import Any, NamedTuple

import pytest

from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.resources import BACK_WITHIN_S, ready, resource, start


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


def wanted_part(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a change by hand would change: all but the status and the API server's bookkeeping."""
    kept = {"labels", "ownerReferences", "name"}
    metadata = {key: value for key, value in body["metadata"].items() if key in kept}
    return {key: value for key, value in body.items() if key not in {"status", "metadata"}} | {"metadata": metadata}


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
    (degraded,) = [
        condition
        for condition in (await namespace.get("requestcounter", "hits"))["status"]["conditions"]
        if condition["type"] == "Degraded"
    ]
    assert f"{body['kind']} {name}: it exists already and is not ours" in degraded["message"]
    assert wanted_part(await namespace.get(kind, name)) == before


async def test_a_restarted_operator_changes_nothing_and_works_on(namespace: Kubectl, kubectl: Kubectl) -> None:
    await start(namespace)
    system = kubectl.within("request-counter-system")
    before = await _versions(namespace)
    await system("rollout", "restart", "deployment/request-counter-operator")
    await system("rollout", "status", "deployment/request-counter-operator", "--timeout=120s")
    # Undoing this shows that the new operator has looked at the counter.
    await _edit_is_undone(namespace, Edit("service/hits", {"metadata": {"labels": {"app.kubernetes.io/name": "x"}}}))
    after = await _versions(namespace)
    assert {name for name in before if after[name] != before[name]} <= {"Service/hits"}


async def _versions(kubectl: Kubectl) -> dict[str, str]:
    """Return what changes with every write to a child."""
    kinds = "deployments,statefulsets,services,ingresses,secrets,configmaps,pdb,serviceaccounts,pods"
    children = (await kubectl.get(kinds, "--selector=app.kubernetes.io/instance=hits"))["items"]
    return {f"{child['kind']}/{child['metadata']['name']}": child["metadata"]["resourceVersion"] for child in children}
