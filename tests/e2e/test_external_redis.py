"""A Redis that somebody else runs: the counter uses it, says what is wrong with it, and makes none of its own."""

import base64
from typing import Any

from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.resources import count, resource, start

LABELS = {"app": "their-redis"}


def their_redis(password: str) -> list[dict[str, Any]]:
    """Return a Redis with a password, as another team might run it, and a Secret that tells the password."""
    container = {
        "name": "redis",
        "image": "redis:8.0-trixie",
        "imagePullPolicy": "IfNotPresent",
        "command": ["redis-server", "--appendonly", "yes", "--appendfsync", "always", "--dir", "/data"],
        "args": ["--requirepass", password, "--protected-mode", "no"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 999, "fsGroup": 999, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"securityContext": security, "containers": [container], "volumes": [{"name": "data", "emptyDir": {}}]}
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "their-redis", "labels": LABELS}, "spec": pod},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "their-redis"},
            "spec": {"selector": LABELS, "ports": [{"port": 6379}]},
        },
        secret(password),
    ]


def secret(password: str) -> dict[str, Any]:
    """Return the Secret that the RequestCounter refers to."""
    data = {"word": base64.b64encode(password.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "their-password"}, "data": data}


EXTERNAL = {
    "store": {
        "redis": {
            "mode": "External",
            "external": {
                "url": "redis://their-redis:6379/0",
                "passwordSecretRef": {"name": "their-password", "key": "word"},
            },
        }
    }
}


async def test_counts_are_kept_in_somebody_elses_redis(namespace: Kubectl) -> None:
    await namespace.apply(*their_redis("right"))
    await namespace.wait("pod/their-redis", "condition=Ready", within_s=60)
    await start(namespace, EXTERNAL)
    assert await count(namespace, "PUT", "/a") == 1
    key = f"{{{namespace.namespace}/hits/0}}:counts"
    kept = await namespace(
        "exec", "their-redis", "--", "redis-cli", "--no-auth-warning", "-a", "right", "HGET", key, "/a"
    )
    assert kept.strip() == "1"
    ours = await namespace.get("statefulsets,configmaps,secrets", "--selector=app.kubernetes.io/instance=hits")
    assert ours["items"] == []


async def test_a_wrong_password_shows_in_redis_own_words_and_goes_away_when_it_is_put_right(
    namespace: Kubectl,
) -> None:
    await namespace.apply(*their_redis("right"))
    await namespace.apply(secret("wrong"))
    await namespace.apply(resource(namespace, EXTERNAL))

    async def redis_ready() -> tuple[str, str]:
        status = (await namespace.get("requestcounter", "hits")).get("status", {})
        (found,) = [c for c in status.get("conditions", ()) if c["type"] == "RedisReady"] or [{}]
        return found.get("reason", ""), found.get("message", "")

    async def told() -> bool:
        reason, message = await redis_ready()
        return reason == "StoreUnavailable" and "invalid username-password pair" in message

    await eventually(told, within_s=60)
    await namespace.apply(secret("right"))
    # The kubelet brings a changed Secret into running pods within about a minute; nothing is restarted.
    await namespace.wait("requestcounter/hits", "condition=Ready", within_s=150)
    restarts = (await namespace.get("pods", "--selector=app.kubernetes.io/component=service"))["items"]
    assert {status["restartCount"] for pod in restarts for status in pod["status"]["containerStatuses"]} == {0}
