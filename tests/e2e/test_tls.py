"""TLS inside the counter's own Redis: nobody speaks without it, and a new certificate restarts nothing with counts."""

from typing import Any

import pytest
import trustme

from kubectl_requestcounter.ledger import Ledger
from request_counter_operator.render.certificate import Certificate
from tests.e2e.test_validation import EXTERNAL, body, redis, refusal
from tests.support.certificates import SECRET, files, secret
from tests.support.eventually import eventually
from tests.support.handshakes import says, shown
from tests.support.kubectl import Kubectl
from tests.support.resources import (
    GATE,
    acknowledged,
    condition,
    count,
    host,
    ready,
    resource,
    start,
    store_status,
    with_redis,
)

TLS = {"secretName": SECRET}
ENOUGH = 500
RENEWED_WITHIN_S = 240  # the kubelet brings a Secret to a pod within a minute and a half, and the operator looks then

pytestmark = pytest.mark.timeout(600)


def name_in(kubectl: Kubectl) -> str:
    return f"hits-redis.{kubectl.namespace}.svc"


def held_by(kubectl: Kubectl, held: dict[str, bytes]) -> dict[str, Any]:
    """Return the Secret of this namespace."""
    return secret(held, namespace=kubectl.namespace)


async def pods(kubectl: Kubectl, *components: str) -> dict[str, tuple[str, int]]:
    """Return the pods of these components by name, each with what changes when it, or its server, is started anew."""
    found = (await kubectl.get("pods", "--selector=app.kubernetes.io/instance=hits"))["items"]
    return {
        pod["metadata"]["name"]: (pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"])
        for pod in found
        if pod["metadata"]["labels"]["app.kubernetes.io/component"] in components
        and pod["status"].get("containerStatuses")
    }


async def test_one_server_takes_tls_only_and_waits_for_its_certificate(namespace: Kubectl) -> None:
    await namespace.apply(resource(namespace, with_redis({"tls": TLS}, durability="Persisted")))

    async def is_told() -> bool:
        found = await condition(namespace, "ConfigurationWarning")
        return (found["reason"], SECRET in found.get("message", "")) == ("SecretNotFound", True)

    await eventually(is_told, within_s=60)
    authority = trustme.CA()
    held = files(authority, name=name_in(namespace))
    await namespace.apply(held_by(namespace, held))
    await ready(namespace)
    assert await count(namespace, "PUT", "/a") == 1
    leaf = await shown(namespace, "hits-redis-0", 6379, authority=held["ca.crt"], name=name_in(namespace))
    assert leaf == Certificate.of(secret(held)).leaf
    assert b"PONG" not in await says(namespace, "hits-redis-0", 6379, b"PING\r\n")
    assert (await store_status(namespace))["tls"] == TLS

    async def is_found() -> bool:
        return str((await condition(namespace, "ConfigurationWarning"))["reason"]) == "NothingToWarnOf"

    await eventually(is_found, within_s=60)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["Sentinel", "Cluster"])
async def test_a_new_certificate_is_shown_by_all_and_no_request_fails(namespace: Kubectl, mode: str) -> None:
    authority, name = trustme.CA(), name_in(namespace)
    await namespace.apply(held_by(namespace, files(authority, name=name)))
    replicas = 2 if mode == "Sentinel" else 1
    await start(namespace, with_redis({"mode": mode, "replicas": replicas, "tls": TLS}))
    before = await pods(namespace, "redis", "cluster")
    assert len(before) == (3 if mode == "Sentinel" else 6)
    for pod in before:
        assert b"PONG" not in await says(namespace, pod, 6379, b"PING\r\n")
    new = files(authority, name=name)
    leaf = Certificate.of(secret(new)).leaf

    async def all_show_it() -> bool:
        ports = dict.fromkeys(before, 6379) | dict.fromkeys(await pods(namespace, "sentinel"), 26379)
        try:
            seen = {
                await shown(namespace, pod, port, authority=new["ca.crt"], name=name) for pod, port in ports.items()
            }
        except (OSError, AssertionError, TimeoutError):
            return False  # a sentinel's pod is being replaced
        return seen == {leaf} and len(ports) == 6

    async with Ledger(GATE, host=host(namespace), paths=200, rate_per_s=100) as ledger:
        await acknowledged(ledger, ENOUGH)
        await namespace.apply(held_by(namespace, new))
        await eventually(all_show_it, within_s=RENEWED_WITHIN_S, every_s=5)
        await acknowledged(ledger, ENOUGH)
    books = await ledger.verify()
    assert books.errors == {}
    assert await pods(namespace, "redis", "cluster") == before
    await ready(namespace)
    # Servers that begin anew find each other by the new certificate.
    lost = next(iter(before))
    await namespace("delete", "pod", lost, "--wait=true")
    await eventually(lambda: is_back(namespace, lost, before), within_s=120, every_s=1)
    await ready(namespace)
    await ledger.verify()


async def is_back(kubectl: Kubectl, pod: str, before: dict[str, tuple[str, int]]) -> bool:
    now = await pods(kubectl, "redis", "cluster")
    whole = (await condition(kubectl, "RedisReady"))["status"] == "True"
    return whole and pod in now and now[pod][0] != before[pod][0]


async def test_tls_comes_and_goes_with_somebody_elses_redis_only(namespace: Kubectl) -> None:
    """Not by way of External either, and back before the counts have moved: there servers would be mixed."""
    await namespace.apply(body(redis(tls=TLS)))

    async def is_known() -> bool:
        return "tls" in await store_status(namespace)

    await eventually(is_known, within_s=30)
    await namespace.apply(body(redis(tls={"secretName": "another"})))
    await namespace.apply(body(redis(**EXTERNAL)))
    assert "spec.store.redis.tls cannot be set or taken away" in await refusal(namespace, body(redis()))
    await namespace.apply(body(redis(tls=TLS)))
    await namespace.apply(body(redis(**EXTERNAL), "elsewhere"))
    await namespace.apply(body(redis(mode="Cluster", tls=TLS), "elsewhere"))
