"""``kubectl requestcounter diff`` foretells exactly what the operator then writes, and says why where it cannot."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.support.eventually import eventually
from tests.support.kubectl import CONTEXT, Kubectl
from tests.support.plugin import Ended, plugin
from tests.support.resources import resource, start

IN_MEMORY = {"store": {"durability": "None", "redis": {"persistence": {"enabled": False}}}}
SMALL: dict[str, Any] = {"replicas": 1}
CHILD_KINDS = "deployments,statefulsets,services,ingresses,secrets,configmaps,pdb,hpa,serviceaccounts"

CHANGES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("a log level", {"replicas": 1, "logging": {"level": "warning"}}, {"Deployment hits: changed"}),
    (
        "a second pod",
        {"replicas": 2, "logging": {"level": "warning"}},
        {"Deployment hits: changed", "PodDisruptionBudget hits: new"},
    ),
    (
        "autoscaling",
        {"autoscaling": {"maxReplicas": 3}, "logging": {"level": "warning"}},
        {"Deployment hits: changed", "HorizontalPodAutoscaler hits: new"},
    ),
    (
        "all of it back, and no Ingress",
        {"replicas": 1, "exposure": {"type": "None"}},
        {
            "Deployment hits: changed",
            "HorizontalPodAutoscaler hits: removed",
            "Ingress hits: removed",
            "PodDisruptionBudget hits: removed",
        },
    ),
]


def foretold(ended: Ended) -> set[str]:
    """Return what a diff says of the children, such as ``Deployment hits: changed``."""
    titles = re.findall(r"^(\w+ \S+) of \S+: (\w+)", ended.output, re.MULTILINE)
    return {f"{child}: {effect}" for child, effect in titles if not child.startswith("RequestCounter ")}


async def written(kubectl: Kubectl) -> dict[str, str]:
    """Return of each child when the operator last wrote anything into it, by the API server's own book."""
    children = await kubectl.get(CHILD_KINDS, "--selector=app.kubernetes.io/instance=hits", "--show-managed-fields")
    return {
        f"{child['kind']} {child['metadata']['name']}": child["metadata"]["uid"]
        + next(
            str((entry["time"], entry["fieldsV1"]))
            for entry in child["metadata"]["managedFields"]
            if (entry["manager"], entry["operation"]) == ("request-counter-operator", "Apply")
        )
        for child in children["items"]
    }


def happened(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Return what the operator did to the children, in a diff's words."""
    return (
        {f"{child}: new" for child in after.keys() - before.keys()}
        | {f"{child}: removed" for child in before.keys() - after.keys()}
        | {f"{child}: changed" for child in after.keys() & before.keys() if after[child] != before[child]}
    )


async def diff(kubectl: Kubectl, spec: dict[str, Any]) -> Ended:
    return await plugin(kubectl, "diff", "-f", "-", stdin=yaml.safe_dump(resource(kubectl, spec)))


async def seen(kubectl: Kubectl) -> bool:
    """Return whether the operator has acted on the newest specification."""
    body = await kubectl.get("requestcounter", "hits")
    return bool(body.get("status", {}).get("observedGeneration") == body["metadata"]["generation"])


async def test_diff_of_a_new_resource_shows_all_its_children_and_makes_none(namespace: Kubectl) -> None:
    ended = await diff(namespace, {"autoscaling": {"maxReplicas": 3}})
    assert (ended.code, ended.errors) == (1, "")
    kinds = "ConfigMap Deployment HorizontalPodAutoscaler Ingress PodDisruptionBudget Secret Service ServiceAccount"
    assert {title.partition(" ")[0] for title in foretold(ended)} == {*kinds.split(), "StatefulSet"}
    assert all(title.endswith(": new") for title in foretold(ended))
    assert "+  password: '***'" in ended.output
    left = await namespace.get(f"requestcounters,{CHILD_KINDS}", "--selector=app.kubernetes.io/instance=hits")
    assert left["items"] == []


async def test_diff_foretells_exactly_what_the_operator_writes(namespace: Kubectl) -> None:
    await start(namespace, SMALL)
    for name, spec, expected in CHANGES:
        unchanged = await plugin(namespace, "diff", "hits")
        assert (unchanged.code, unchanged.output) == (0, ""), name
        before = await written(namespace)
        ended = await diff(namespace, spec)
        assert (ended.code, foretold(ended)) == (1, expected), name
        await namespace.apply(resource(namespace, spec))
        await eventually(lambda: seen(namespace), within_s=30)
        assert happened(before, await written(namespace)) == expected, name
        same = await diff(namespace, spec)
        assert (same.code, same.output) == (0, ""), name


async def test_what_was_done_by_hand_while_paused_is_foretold_and_then_undone(namespace: Kubectl) -> None:
    await start(namespace, SMALL)
    before = await written(namespace)
    await plugin(namespace, "pause", "hits")
    await namespace("patch", "configmap/hits-redis", "--type=merge", '--patch={"data": {"redis.conf": "port 1"}}')
    await namespace("delete", "service/hits-admin")
    await namespace("delete", "secret/hits-redis")
    # A Secret's type never changes, so this one must be made anew.
    labels = {"app.kubernetes.io/managed-by": "request-counter-operator", "app.kubernetes.io/instance": "hits"}
    metadata = {"name": "hits-redis", "namespace": namespace.namespace, "labels": labels}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "example.com/x"}
    await namespace.apply(secret)
    paused = await plugin(namespace, "diff", "hits")
    assert (paused.code, paused.output) == (0, "")
    ended = await plugin(namespace, "diff", "hits", "--resumed")
    expected = {"ConfigMap hits-redis: changed", "Secret hits-redis: changed", "Service hits-admin: new"}
    assert (ended.code, foretold(ended)) == (1, expected), ended
    assert "Secret hits-redis is made anew" in ended.errors
    await plugin(namespace, "resume", "hits")
    await eventually(lambda: undone(namespace), within_s=30)
    assert happened(before, await written(namespace)) <= {title.replace(": new", ": changed") for title in expected}


async def undone(kubectl: Kubectl) -> bool:
    ended = await plugin(kubectl, "diff", "hits")
    return (ended.code, ended.output) == (0, "")


async def test_a_counter_that_falls_asleep_and_wakes_is_foretold(namespace: Kubectl) -> None:
    await start(namespace, SMALL)
    before = await written(namespace)
    ended = await diff(namespace, SMALL | {"suspend": "Workload"})
    expected = {"Deployment hits: changed", "StatefulSet hits-redis: changed"}
    assert (ended.code, foretold(ended)) == (1, expected)
    await plugin(namespace, "hibernate", "hits")
    await eventually(lambda: undone(namespace), within_s=90)
    assert happened(before, await written(namespace)) == expected
    assert foretold(await plugin(namespace, "diff", "hits", "--resumed")) == expected


async def test_autoscaling_leaves_the_number_of_pods_out_of_the_diff(namespace: Kubectl) -> None:
    await start(namespace, SMALL | {"autoscaling": {"minReplicas": 1, "maxReplicas": 2}})
    await namespace("scale", "deployment/hits", "--replicas=2")
    ended = await plugin(namespace, "diff", "hits")
    assert (ended.code, ended.output) == (0, "")


async def test_a_refused_resource_is_told_in_the_api_servers_words(namespace: Kubectl) -> None:
    wrong = yaml.safe_dump_all([resource(namespace, {"replicas": -1}), resource(namespace, SMALL, "good")])
    ended = await plugin(namespace, "diff", "-f", "-", stdin=wrong)
    assert ended.code == 2
    assert 'The RequestCounter "hits" is invalid' in ended.errors
    assert "spec.replicas: Invalid value: -1" in ended.errors
    assert f"Deployment good of {namespace.namespace}/good: new" in ended.output
    unknown = await diff(namespace, {"replica": 1})
    assert unknown.code == 2
    assert 'unknown field "spec.replica"' in unknown.errors
    assert len(unknown.errors) < 500


async def test_an_object_of_somebody_else_is_an_error(namespace: Kubectl) -> None:
    await namespace("create", "configmap", "hits-redis")
    ended = await diff(namespace, SMALL)
    assert ended.code == 2
    assert "ConfigMap hits-redis: it exists already and is not the operator's" in ended.errors
    assert "Deployment hits: new" in foretold(ended)


async def user(kubectl: Kubectl, folder: Path, name: str, *rules: str) -> Path:
    """Return the kubeconfig of a user who may do just this; each rule is ``verbs resources``."""
    await kubectl("create", "serviceaccount", name)
    for number, rule in enumerate(rules):
        verbs, resources = rule.split(" ")
        await kubectl("create", "role", f"{name}-{number}", f"--verb={verbs}", f"--resource={resources}")
        whose = f"--serviceaccount={kubectl.namespace}:{name}"
        await kubectl("create", "rolebinding", f"{name}-{number}", f"--role={name}-{number}", whose)
    token = (await kubectl("create", "token", name)).strip()
    document = json.loads(await kubectl("config", "view", "--raw", "--minify", "--output=json"))
    document["users"] = [{"name": name, "user": {"token": token}}]
    document["contexts"][0] = {"name": CONTEXT, "context": document["contexts"][0]["context"] | {"user": name}}
    path = folder / name
    path.write_text(yaml.safe_dump(document))
    return path


async def test_a_user_who_may_not_read_secrets_sees_no_false_difference(namespace: Kubectl, tmp_path: Path) -> None:
    await start(namespace, SMALL)
    children = CHILD_KINDS.replace("secrets,", "")
    kubeconfig = await user(
        namespace, tmp_path, "reader", "get,list requestcounters", f"get,list,create,patch {children}"
    )
    ended = await plugin(namespace, "diff", "hits", kubeconfig=kubeconfig)
    assert (ended.code, ended.output) == (0, "")
    assert "the operator's settings are taken to be the defaults" in ended.errors
    assert "the Secret with Redis's password is not compared" in ended.errors
    refused = await plugin(namespace, "pause", "hits", kubeconfig=kubeconfig)
    assert refused.code == 2
    assert re.fullmatch(r'error: requestcounters.+ is forbidden: User ".+" cannot patch .+\n', refused.errors)


async def test_a_paused_counters_diff_is_empty_until_it_is_resumed(namespace: Kubectl) -> None:
    await namespace.apply(resource(namespace, SMALL | {"suspend": "Reconcile"}))
    ended = await plugin(namespace, "diff", "hits")
    assert (ended.code, ended.output) == (0, "")
    assert "spec.suspend is Reconcile" in ended.errors
