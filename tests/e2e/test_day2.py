"""What people do to a running counter day by day: pause it, put it to sleep, restart it, ask for something risky."""

from typing import Any

from kubectl_requestcounter.ledger import Ledger
from tests.support.drift import events_of
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.resources import GATE, READY_WITHIN_S, condition, count, host, ready, resource, start


async def test_a_paused_counter_is_left_alone_and_goes_on_telling(namespace: Kubectl) -> None:
    await start(namespace)
    await namespace.apply(resource(namespace, {"suspend": "Reconcile", "replicas": 1}))
    await namespace.wait("requestcounter/hits", "condition=ReconciliationPaused", within_s=10)
    await namespace("scale", "deployment/hits", "--replicas=3")
    await namespace("delete", "ingress/hits")
    await namespace.wait("requestcounter/hits", "jsonpath={.status.readyReplicas}=3", within_s=60)
    assert await namespace.find("ingress", "hits") is None
    assert (await condition(namespace, "Degraded"))["reason"] == "Paused"
    await namespace.apply(resource(namespace, {"replicas": 1}))
    await namespace.wait("requestcounter/hits", "condition=ReconciliationPaused=False", within_s=10)
    await namespace.wait("requestcounter/hits", "jsonpath={.status.replicas}=1", within_s=60)
    await ready(namespace)
    assert [await events_of(namespace, reason) != [] for reason in ("Paused", "Resumed")] == [True, True]


async def test_a_counter_sleeps_and_wakes_up_with_its_counts_and_its_autoscaler(namespace: Kubectl) -> None:
    spec = {"autoscaling": {"minReplicas": 2, "maxReplicas": 3}}
    await start(namespace, spec)
    assert [await count(namespace, "PUT", "/a") for _ in range(3)] == [1, 2, 3]
    address = (await namespace.get("service", "hits"))["spec"]["clusterIP"]
    await namespace.apply(resource(namespace, {**spec, "suspend": "Workload"}))
    await namespace.wait("requestcounter/hits", "condition=Hibernated", within_s=90)
    assert await pods(namespace) == []
    assert await namespace.find("hpa", "hits") is None
    assert (await condition(namespace, "Ready"))["reason"] == "Hibernating"
    await namespace.apply(resource(namespace, spec))
    await ready(namespace)
    assert await count(namespace, "GET", "/a") == 3
    assert (await namespace.get("service", "hits"))["spec"]["clusterIP"] == address
    assert (await namespace.get("hpa", "hits"))["spec"]["minReplicas"] == 2
    assert (await namespace.get("deployment", "hits"))["spec"]["replicas"] == 2


async def pods(kubectl: Kubectl) -> list[str]:
    listed = (await kubectl.get("pods", "--selector=app.kubernetes.io/instance=hits"))["items"]
    return [pod["metadata"]["name"] for pod in listed]


async def test_a_rolling_restart_is_kubectls_and_fails_no_request(namespace: Kubectl) -> None:
    await start(namespace)
    before = set(await pods(namespace))
    async with Ledger(GATE, host=host(namespace), rate_per_s=50) as ledger:
        await namespace("rollout", "restart", "deployment/hits")
        await namespace("rollout", "status", "deployment/hits", f"--timeout={READY_WITHIN_S}s")
    books = await ledger.verify()
    assert books.errors == {}

    async def are_replaced() -> bool:
        return set(await pods(namespace)) & before == {"hits-redis-0"}

    await eventually(are_replaced, within_s=60)  # the old ones answer what they were asked
    # The mark that kubectl left is not the operator's: it stays, and the operator has nothing to put right.
    marks = (await namespace.get("deployment", "hits"))["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in marks
    assert await events_of(namespace, "DriftCorrected") == []


async def test_what_is_risky_is_done_and_said(namespace: Kubectl) -> None:
    await start(namespace, {"replicas": 1, "store": {"durability": "None"}})
    warning = await condition(namespace, "ConfigurationWarning")
    assert (warning["status"], warning["reason"]) == ("True", "AcknowledgedCountsCanBeLost")
    described = await namespace("describe", "requestcounter", "hits")
    assert "AcknowledgedCountsCanBeLost" in described.partition("Events:")[2]


async def test_a_secret_that_is_not_there_is_named(namespace: Kubectl) -> None:
    external = {"url": "redis://nowhere:6379", "passwordSecretRef": {"name": "gone", "key": "word"}}
    await namespace.apply(resource(namespace, {"store": {"redis": {"mode": "External", "external": external}}}))

    async def told(message: str | None) -> bool:
        warning = await condition(namespace, "ConfigurationWarning")
        is_told = warning.get("message") == message if message else warning["status"] == "False"
        return bool(is_told)

    await eventually(lambda: told("pods wait for what is not there: Secret gone"), within_s=60)
    await namespace("create", "secret", "generic", "gone", "--from-literal=other=x")
    await eventually(lambda: told("pods wait for what is not there: key word of Secret gone"), within_s=60)
    await namespace("delete", "secret", "gone")
    await namespace("create", "secret", "generic", "gone", "--from-literal=word=x")
    await eventually(lambda: told(None), within_s=60)


async def test_status_follows_the_rules_of_kstatus(namespace: Kubectl) -> None:
    """Done is: the newest generation was observed, and Ready says so of the newest generation. Never before that."""
    await start(namespace)
    seen: list[tuple[bool, dict[str, Any]]] = []

    async def is_done() -> bool:
        body = await namespace.get("requestcounter", "hits")
        generation, status = body["metadata"]["generation"], body["status"]
        ready_condition = next(c for c in status["conditions"] if c["type"] == "Ready")
        done = bool(status["observedGeneration"] == generation and ready_condition["status"] == "True")
        seen.append((done, await namespace.get("deployment", "hits")))
        return done

    await namespace.apply(resource(namespace, {"logging": {"level": "warning"}}))
    await eventually(is_done, within_s=READY_WITHIN_S)
    level = {"name": "COUNTER_LOG_LEVEL", "value": "warning"}
    for done, deployment in seen:
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        if done:
            assert level in container["env"]
            assert deployment["status"]["updatedReplicas"] == deployment["spec"]["replicas"]
