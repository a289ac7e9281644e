"""Wrong resources are refused by the API server, in a sentence that names the field. No webhook, no operator."""

import copy
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl, KubectlError

ROOT = Path(__file__).parents[2]
CRD = ROOT / "crds" / "requestcounters.requestcounter.io.yaml"
SAMPLES = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.glob("deploy/samples/**/*.yaml"))}
TLS = {"secretName": "hits-redis-tls"}
EXTERNAL = {"mode": "External", "external": {"url": "redis://redis.example.com:6379"}}


def ingress(**fields: Any) -> dict[str, Any]:
    """Return a spec that is exposed by an Ingress with these fields."""
    return {"exposure": {"type": "Ingress", "host": "hits.example.com", **fields}}


def redis(**fields: Any) -> dict[str, Any]:
    """Return a spec with these fields of Redis."""
    return {"store": {"redis": fields}}


def replicated(**fields: Any) -> dict[str, Any]:
    """Return the same, with counts that a replica must have."""
    return {"store": {"durability": "Replicated", "redis": fields}}


def backup(**fields: Any) -> dict[str, Any]:
    """Return a spec with daily backups, and these fields of theirs."""
    return {"store": {"backup": {"schedule": "@daily", **fields}}}


def restored(**fields: Any) -> dict[str, Any]:
    """Return a spec that begins with a backup."""
    return {"restoreFrom": {"claimName": "hits-backup", **fields}}


def external(url: str, **fields: Any) -> dict[str, Any]:
    """Return a spec whose Redis is somebody else's."""
    return redis(mode="External", external={"url": url, **fields})


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
    (redis(mode="Sharded"), "spec.store.redis.mode"),
    (redis(mode="External"), "spec.store.redis.external must be set"),
    (redis(external={"url": "redis://r:6379"}), "spec.store.redis.mode must be External"),
    (redis(**EXTERNAL, image="redis:8"), "spec.store.redis.image must not be set"),
    (redis(mode="External", external={}), "spec.store.redis.external.url"),
    (redis(mode="External", external={"url": "http://r"}), "spec.store.redis.external.url must be redis[s]://"),
    (redis(mode="External", external={"url": "redis://u:pw@r"}), "spec.store.redis.external.url must be redis[s]://"),
    (external("redis+sentinel://u:pw@s/group"), "spec.store.redis.external.url must be redis[s]://"),
    (external("rediss+cluster://u:pw@r"), "spec.store.redis.external.url must be redis[s]://"),
    (external("redis+sharded://r"), "spec.store.redis.external.url must be redis[s]://"),
    (external("redis://r?socket_timeout=9"), "spec.store.redis.external.url must be redis[s]://"),
    (external("redis://a,b"), "spec.store.redis.external.url must name one host"),
    (external("redis://r/counts"), "spec.store.redis.external.url must name one host"),
    (external("redis+sentinel://a,b"), "spec.store.redis.external.url must end with the group"),
    (external("rediss+sentinel://u@a:26379,b/"), "spec.store.redis.external.url must end with the group"),
    (external("redis+sentinel://a/group/db"), "spec.store.redis.external.url must end with the group"),
    (external("redis+cluster://a,b/0"), "spec.store.redis.external.url must name no database in a cluster"),
    (
        redis(mode="External", external={"url": "redis://r", "passwordSecretRef": {"name": "s"}}),
        "spec.store.redis.external.passwordSecretRef.key",
    ),
    (redis(persistence={"size": "1Mi"}), "spec.store.redis.persistence.size must be a quantity of at least"),
    (redis(persistence={"size": "big"}), "spec.store.redis.persistence.size"),
    (redis(persistence={"storageClassName": "Fast!"}), "spec.store.redis.persistence.storageClassName"),
    (redis(persistence={"enabled": False}), "spec.store.durability must be None"),
    (replicated(mode="Sentinel", persistence={"enabled": False}), "spec.store.durability must be None"),
    (replicated(mode="Cluster", persistence={"enabled": False}), "spec.store.durability must be None"),
    (replicated(), "spec.store.durability must not be Replicated"),
    (replicated(mode="Standalone"), "spec.store.durability must not be Replicated"),
    (redis(replicas=2), "spec.store.redis.mode must be Sentinel or Cluster when"),
    (redis(**EXTERNAL, replicas=2), "spec.store.redis.mode must be Sentinel or Cluster when"),
    (redis(mode="Sentinel", replicas=0), "spec.store.redis.replicas"),
    (redis(mode="Cluster", replicas=6), "spec.store.redis.replicas"),
    (redis(shards=3), "spec.store.redis.mode must be Cluster when"),
    (redis(mode="Sentinel", shards=3), "spec.store.redis.mode must be Cluster when"),
    (redis(**EXTERNAL, shards=3), "spec.store.redis.mode must be Cluster when"),
    (redis(mode="Cluster", shards=2), "spec.store.redis.shards"),
    (redis(mode="Cluster", shards=33), "spec.store.redis.shards"),
    (redis(readFrom="Replica"), "spec.store.redis.readFrom must be Primary"),
    (redis(mode="Sentinel", readFrom="Anywhere"), "spec.store.redis.readFrom"),
    (redis(auth={"rotate": "r" * 65}), "spec.store.redis.auth.rotate"),
    (redis(auth={"rotate": 20261124}), "spec.store.redis.auth.rotate"),
    (redis(auth={"rotateAfterDays": 0}), "spec.store.redis.auth.rotateAfterDays"),
    (redis(auth={"rotateAfterDays": 3651}), "spec.store.redis.auth.rotateAfterDays"),
    (redis(tls={}), "spec.store.redis.tls.secretName"),
    (redis(tls={"secretName": "Not A Name"}), "spec.store.redis.tls.secretName"),
    (redis(**EXTERNAL, tls=TLS), "spec.store.redis.tls must not be set when"),
    ({"suspend": "Always"}, "spec.suspend"),
    ({"suspend": True}, "spec.suspend"),
    ({"replicas": 1.5}, "spec.replicas"),
    ({"autoscaling": {"maxReplicas": 1001}}, "spec.autoscaling.maxReplicas"),
    (
        {"autoscaling": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 1001}},
        "spec.autoscaling.targetCPUUtilizationPercentage",
    ),
    ({"image": "i" * 513}, "spec.image"),
    (
        {"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "500m"}}},
        "spec.resources: Invalid value: resources.requests.cpu must not be above",
    ),
    ({"resources": {"limits": {"memory": "64 Mi"}}}, "spec.resources.limits.memory"),
    (ingress(host="h" * 254), "spec.exposure.host"),
    (ingress(className="c" * 64), "spec.exposure.className"),
    (ingress(tls={"secretName": "Not A Name"}), "spec.exposure.tls.secretName"),
    (ingress(annotations={"example.com/a": "v" * 4097}), "spec.exposure.annotations"),
    ({"rateLimit": {"requestsPerSecond": 1_000_001}}, "spec.rateLimit.requestsPerSecond"),
    ({"rateLimit": {"requestsPerSecond": 5, "trustedHops": 17}}, "spec.rateLimit.trustedHops"),
    ({"limits": {"maxPathBytes": 8193}}, "spec.limits.maxPathBytes"),
    ({"limits": {"maxPaths": 100_000_001}}, "spec.limits.maxPaths"),
    (redis(image="a b"), "spec.store.redis.image"),
    (redis(resources={"requests": {"memory": "much"}}), "spec.store.redis.resources.requests.memory"),
    (redis(mode="External", external={"url": "redis://" + "h" * 1024}), "spec.store.redis.external.url"),
    (
        redis(mode="External", external={"url": "redis://r", "caSecretRef": {"name": "s", "key": "a/b"}}),
        "spec.store.redis.external.caSecretRef.key",
    ),
    (
        external("rediss://r", clientCertificateSecretRef={}),
        "spec.store.redis.external.clientCertificateSecretRef.name",
    ),
    (
        external("rediss://r", clientCertificateSecretRef={"name": "Not A Name"}),
        "spec.store.redis.external.clientCertificateSecretRef.name",
    ),
    ({"store": {"backup": {}}}, "spec.store.backup.schedule"),
    (backup(schedule="every night"), "spec.store.backup.schedule"),
    (backup(keep=0), "spec.store.backup.keep"),
    (backup(volume={"size": "1Mi"}), "spec.store.backup.volume.size must be a quantity of at least"),
    (
        backup(volume={"claimName": "a", "storageClassName": "b"}),
        "spec.store.backup.volume.storageClassName",
    ),
    ({"store": {"redis": EXTERNAL, **backup()["store"]}}, "spec.store.backup must not be set"),
    ({"restoreFrom": {}}, "spec.restoreFrom.claimName"),
    (restored(backup="../x"), "spec.restoreFrom.backup"),
    (restored(counter="hits"), "spec.restoreFrom.counter"),
    (restored() | redis(**EXTERNAL), "spec.restoreFrom must not be set"),
]

FORBIDDEN_CHANGES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (redis(persistence={"size": "2Gi"}), redis(persistence={"size": "1Gi"}), "spec.store.redis.persistence.size"),
    (
        redis(mode="Sentinel"),
        redis(mode="Standalone"),
        "spec.store.redis.mode cannot be changed from Sentinel to Standalone",
    ),
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
    (redis(tls=TLS), redis(), "spec.store.redis.tls cannot be set or taken away"),
    (redis(), redis(tls=TLS), "spec.store.redis.tls cannot be set or taken away"),
    (redis(tls=TLS), redis(mode="Cluster"), "spec.store.redis.tls cannot be set or taken away"),
    (backup(volume={"size": "2Gi"}), backup(volume={"size": "1Gi"}), "spec.store.backup.volume.size must not become"),
    (backup(), backup(volume={"storageClassName": "b"}), "spec.store.backup.volume.storageClassName cannot be changed"),
    ({}, restored(), "spec.restoreFrom must be set when the resource is created"),
    (restored(), restored(claimName="b"), "spec.restoreFrom cannot be changed"),
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


def test_there_are_at_least_sixty_ways_to_be_wrong() -> None:
    assert len(WRONG) + len(FORBIDDEN_CHANGES) >= 60


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


@pytest.mark.parametrize("sample", SAMPLES)
async def test_the_samples_are_accepted(namespace: Kubectl, sample: str) -> None:
    """Without what other operators define, such as an ExternalSecret: they are not on this cluster."""
    (ours,) = [one for one in yaml.safe_load_all(SAMPLES[sample]) if one["kind"] == "RequestCounter"]
    await namespace.apply(ours, options=("--dry-run=server",))


async def test_a_resource_that_has_become_invalid_can_be_edited_elsewhere(namespace: Kubectl) -> None:
    """As after an upgrade with a stricter schema: what was admitted before may stay, and all else may change."""
    definition = yaml.safe_load(CRD.read_text())
    (version,) = definition["spec"]["versions"]
    limits = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["limits"]["properties"]
    limits["maxPathBytes"]["minimum"] = 1
    await namespace.apply(definition)
    try:
        await eventually(lambda: _applied(namespace, body({"limits": {"maxPathBytes": 2}})), within_s=30)
    finally:
        await namespace("apply", f"--filename={CRD}")
    await eventually(lambda: _is_refused(namespace, body({"limits": {"maxPathBytes": 3}}, "other")), within_s=30)
    await namespace.apply(body({"limits": {"maxPathBytes": 2}, "logging": {"level": "error"}}))
    assert "spec.limits.maxPathBytes" in await refusal(namespace, body({"limits": {"maxPathBytes": 3}}))
    await namespace.wait("requestcounter/hits", "condition=Available=False", within_s=30)  # the operator reads it
    await namespace("delete", "requestcounter", "hits")


async def _applied(kubectl: Kubectl, manifest: dict[str, Any]) -> bool:
    """Return whether the API server takes a manifest: a new schema takes it a moment."""
    with suppress(KubectlError):
        await kubectl.apply(manifest)
        return True
    return False


async def _is_refused(kubectl: Kubectl, manifest: dict[str, Any]) -> bool:
    with suppress(KubectlError):
        await kubectl.apply(manifest, options=("--dry-run=server",))
        return False
    return True
