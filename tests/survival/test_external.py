"""A group and a cluster that somebody else runs: the counter follows them to another primary, and loses nothing.

Those of a second counter are theirs, reached as a user of all rights, as one gets from whoever runs a Redis.
"""

from base64 import b64decode, b64encode
from typing import Any

import pytest

from kubectl_requestcounter.ledger import Ledger
from request_counter_operator.render.credentials import Credentials
from tests.support.kubectl import Kubectl
from tests.support.resources import GATE, acknowledged, host, ready, redis_secret, start, with_redis
from tests.survival.faults import NOW, pod_deleted
from tests.survival.report import Report
from tests.survival.test_redis import ENOUGH, WRITES_AGAIN_WITHIN_S

PASSWORD = {"name": "their-password", "key": "password"}

pytestmark = pytest.mark.timeout(420)


@pytest.mark.parametrize("mode", ["Sentinel", "Cluster"])
async def test_the_counter_follows_somebody_elses_primary(namespace: Kubectl, report: Report, mode: str) -> None:
    row = report.fault(f"External, a {mode}", str(pod_deleted.__doc__), "there")
    await start(namespace, with_redis({"mode": mode}), "theirs")
    theirs = await namespace.get("requestcounter", "theirs")
    await namespace.apply(await their_password(namespace, mode))
    external = {"url": url(mode, theirs["metadata"]["uid"]), "passwordSecretRef": PASSWORD}
    await start(namespace, with_redis({"mode": "External", "external": external}))
    async with Ledger(GATE, host=host(namespace), paths=200, rate_per_s=300) as ledger:
        await acknowledged(ledger, ENOUGH)
        servers = theirs["status"]["store"]["servers"]
        await namespace("delete", "pod", next(s["name"] for s in servers if s["role"] == "Primary"), *NOW)
        await acknowledged(ledger, ENOUGH, within_s=60)
    await ready(namespace)
    books = await ledger.verify()
    assert books.longest_gap_s <= WRITES_AGAIN_WITHIN_S, str(books)
    ours = "--selector=app.kubernetes.io/instance=hits"
    assert (await namespace.get("statefulsets,configmaps,secrets", ours))["items"] == []
    row.passed_with(books)


async def their_password(kubectl: Kubectl, mode: str) -> dict[str, Any]:
    """Return a Secret with the password of ``operator-0``."""
    root = b64decode((await kubectl.get("secret", redis_secret(mode, "theirs")))["data"]["root"]).decode()
    password = b64encode(Credentials(root).password("operator").encode()).decode()
    metadata = {"name": PASSWORD["name"]}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {PASSWORD["key"]: password}}


def url(mode: str, uid: str) -> str:
    if mode == "Cluster":
        return "redis+cluster://operator-0@theirs-cluster-0-0:6379,theirs-cluster-1-0:6379"
    sentinels = ",".join(f"theirs-sentinel-{number}:26379" for number in range(3))
    return f"redis+sentinel://operator-0@{sentinels}/counter-{uid}"
