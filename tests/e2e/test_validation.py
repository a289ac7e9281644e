"""Wrong resources are refused by the API server, in a sentence that names the field. No webhook, no operator."""

import copy
from typing import Any

import pytest

from tests.support.kubectl import Kubectl, KubectlError

EXTERNAL = {"mode": "External", "external": {"url": "redis://redis.example.com:6379"}}


def ingress(**fields: Any) -> dict[str, Any]:
    """Return a spec that is exposed by an Ingress with these fields."""
    return {"exposure": {"type": "Ingress", "host": "hits.example.com", **fields}}


def redis(**fields: Any) -> dict[str, Any]:
    """Return a spec with these fields of Redis."""
    return {"store": {"redis": fields}}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"replicas": -1}, "spec.replicas"),
    ({"replicas": 1001}, "spec.replicas"),
    ({"replicas": "two"}, "spec.replicas"),
    ({"autoscaling": {"minReplicas": 3, "maxReplicas": 2}}, "spec.autoscaling.maxReplicas must not be below"),
    ({"autoscaling": {"minReplicas": 2}}, "spec.autoscaling.maxReplicas"),
    ({"autoscaling": {"minReplicas": 0, "maxReplicas": 2}}, "spec.autoscaling.minReplicas"),
    (
        {"autoscaling": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 0}},
        "spec.autoscaling.targetCPUUtilizationPercentage",
    ),
    ({"autoscaling": {"maxReplicas": 3}, "resources": {}}, "spec.resources.requests.cpu must be set"),
    ({"rateLimit": {}}, "spec.rateLimit.requestsPerSecond"),
    ({"rateLimit": {"requestsPerSecond": 0}}, "spec.rateLimit.requestsPerSecond"),
    ({"rateLimit": {"requestsPerSecond": 5, "burst": 0}}, "spec.rateLimit.burst"),
    ({"rateLimit": {"requestsPerSecond": 5, "per": "Method"}}, "spec.rateLimit.per"),
    ({"rateLimit": {"requestsPerSecond": 5, "trustedHops": -1}}, "spec.rateLimit.trustedHops"),
    ({"image": ""}, "spec.image"),
    ({"image": "a b"}, "spec.image"),
    ({"resources": {"requests": {"cpu": "lots"}}}, "spec.resources.requests.cpu"),
    (
        {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "64Mi"}}},
        "spec.resources: Invalid value: resources.requests.memory must not be above",
    ),
    ({"exposure": {"type": "LoadBalancer"}}, "spec.exposure.type"),
    ({"exposure": {"type": "Ingress"}}, "spec.exposure.host must be set"),
    ({"exposure": {"type": "None", "host": "hits.example.com"}}, "spec.exposure.type must be Ingress"),
    (ingress(host="Hits.example.com"), "spec.exposure.host must be a DNS name"),
    (ingress(host="hits_example"), "spec.exposure.host must be a DNS name"),
    (ingress(host="-hits.example.com"), "spec.exposure.host must be a DNS name"),
    (ingress(className="Not A Class"), "spec.exposure.className"),
    (ingress(annotations={"not a key": "x"}), "spec.exposure.annotations"),
    (ingress(tls={}), "spec.exposure.tls.secretName"),
    ({"limits": {"maxPathBytes": 1}}, "spec.limits.maxPathBytes"),
    ({"limits": {"maxPaths": 0}}, "spec.limits.maxPaths"),
    ({"logging": {"level": "verbose"}}, "spec.logging.level"),
    ({"store": {"type": "Postgres"}}, "spec.store.type"),
    ({"store": {"durability": "Always"}}, "spec.store.durability"),
    (redis(mode="Cluster"), "spec.store.redis.mode"),
    (redis(mode="External"), "spec.store.redis.external must be set"),
    (redis(external={"url": "redis://r:6379"}), "spec.store.redis.mode must be External"),
    (redis(**EXTERNAL, image="redis:8"), "spec.store.redis.image must not be set"),
    (redis(mode="External", external={}), "spec.store.redis.external.url"),
    (redis(mode="External", external={"url": "http://r"}), "spec.store.redis.external.url must be redis[s]://"),
    (redis(mode="External", external={"url": "redis://u:pw@r"}), "spec.store.redis.external.url must be redis[s]://"),
    (
        redis(mode="External", external={"url": "redis://r", "passwordSecretRef": {"name": "s"}}),
        "spec.store.redis.external.passwordSecretRef.key",
    ),
    (redis(persistence={"size": "1Mi"}), "spec.store.redis.persistence.size must be a quantity of at least"),
    (redis(persistence={"size": "big"}), "spec.store.redis.persistence.size"),
    (redis(persistence={"storageClassName": "Fast!"}), "spec.store.redis.persistence.storageClassName"),
    (redis(persistence={"enabled": False}), "spec.store.durability must be None"),
]

FORBIDDEN_CHANGES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (redis(persistence={"size": "2Gi"}), redis(persistence={"size": "1Gi"}), "spec.store.redis.persistence.size"),
    (redis(), redis(**EXTERNAL), "spec.store.redis.mode cannot be changed"),
    (
        {"store": {"durability": "None", "redis": {"persistence": {"enabled": False}}}},
        {"store": {"durability": "None", "redis": {"persistence": {"enabled": True}}}},
        "spec.store.redis.persistence.enabled cannot be changed",
    ),
    (
        redis(persistence={"storageClassName": "a"}),
        redis(persistence={"storageClassName": "b"}),
        "spec.store.redis.persistence.storageClassName cannot be changed",
    ),
    (
        redis(persistence={"size": "1Gi"}),
        redis(persistence={"size": "1Gi", "storageClassName": "b"}),
        "spec.store.redis.persistence.storageClassName cannot be changed",
    ),
]


def body(spec: dict[str, Any], name: str = "hits") -> dict[str, Any]:
    """Return a RequestCounter that runs no pods of the service."""
    return {
        "apiVersion": "requestcounter.io/v1",
        "kind": "RequestCounter",
        "metadata": {"name": name},
        "spec": {"replicas": 0, **copy.deepcopy(spec)},
    }


async def refusal(kubectl: Kubectl, manifest: dict[str, Any], *options: str) -> str:
    """Return the sentence with which the API server refuses a manifest."""
    with pytest.raises(KubectlError) as refused:
        await kubectl.apply(manifest, options=options)
    return str(refused.value).replace('Invalid value: "object": ', "Invalid value: ")


async def test_wrong_resources_are_refused_by_the_name_of_the_field(namespace: Kubectl) -> None:
    told = [(await refusal(namespace, body(spec), "--dry-run=server"), field) for spec, field in WRONG]
    assert [(sentence, field) for sentence, field in told if field not in sentence] == []


@pytest.mark.parametrize("name", ["1hits", "hits.example", "h" * 41])
async def test_names_from_which_no_service_could_be_named_are_refused(namespace: Kubectl, name: str) -> None:
    assert "metadata.name must be a DNS label" in await refusal(namespace, body({}, name), "--dry-run=server")


async def test_unknown_fields_are_refused(namespace: Kubectl) -> None:
    assert 'unknown field "spec.replica"' in await refusal(namespace, body({"replica": 2}), "--dry-run=server")


async def test_what_cannot_change_is_refused_when_changed(namespace: Kubectl) -> None:
    for number, (before, after, field) in enumerate(FORBIDDEN_CHANGES):
        name = f"hits-{number}"
        await namespace.apply(body(before, name))
        assert field in await refusal(namespace, body(after, name))


@pytest.mark.parametrize("sample", ["hits", "full", "external"])
async def test_the_samples_are_accepted(namespace: Kubectl, sample: str) -> None:
    await namespace("apply", "--dry-run=server", f"--filename=deploy/samples/{sample}.yaml")
