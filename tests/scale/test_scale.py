"""Many counters: what an idle operator costs, how it starts with a thousand, and how soon it acts on one of them."""

import asyncio
import json
import random
import statistics
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.scale.report import Report
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.nodes import is_lease, on_node, writes_by_the_operator
from tests.support.operator_metrics import Metrics
from tests.support.operators import Operators
from tests.support.resources import condition, resource

MIB = 1 << 20
COLD_START_S = 300
MAKE_S = 1_200
"""For making all children of all counters: most of it is the work of API server, controllers and kube-proxies."""

MOST_MEMORY_MIB = 250
MOST_CPU = 0.02
CHANGE_S = 2.0
CHANGES = 100
PODS = 20

pytestmark = pytest.mark.timeout(3_600)


async def apply_all(kubectl: Kubectl, names: list[str], spec: dict[str, Any]) -> None:
    for start in range(0, len(names), 100):
        await kubectl.apply(*(resource(kubectl, spec, name) for name in names[start : start + 100]))


async def are_all(kubectl: Kubectl, number: int, kind: str) -> bool:
    """Return whether so many counters have a condition, for their newest generation."""
    bodies = (await kubectl.get("requestcounters"))["items"]
    well = [body for body in bodies if _has(body, kind)]
    return len(well) >= number


def _has(body: dict[str, Any], kind: str) -> bool:
    status = body.get("status", {})
    found = {c["type"]: c["status"] for c in status.get("conditions", ())}
    return status.get("observedGeneration") == body["metadata"]["generation"] and found.get(kind) == "True"


async def peak_memory_mib(operators: Operators, pod: str) -> float:
    """Return the most memory that a pod's operator has had resident (proc(5), VmHWM)."""
    process = await operators.process(pod)
    status = await on_node(process.node, "cat", f"/proc/{process.pid}/status")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


async def is_done(kubectl: Kubectl, pod: str, number: int) -> bool:
    """Return whether an operator has looked at so many counters, and none waits."""
    metrics = await Metrics.of(kubectl, pod)
    return metrics.value("reconciles_total", outcome="ok") >= number and metrics.value("queue_depth") == 0


@pytest.fixture
async def thousand(
    namespace: Kubectl, operators: Operators, report: Report, request: pytest.FixtureRequest
) -> list[str]:
    """Names of counters that were applied while there was no operator, and then made by one."""
    number = int(request.config.getoption("--counters"))
    names = [f"hits-{turn}" for turn in range(number)]
    await operators.scale(0)
    try:
        await apply_all(namespace, names, {"suspend": "Workload"})
    finally:
        begun_at_s = time.monotonic()
        await operators.scale(2)
    leader = await operators.settled()
    # To ask for all resources again and again would be most of the load.
    await eventually(lambda: is_done(namespace, leader, number), within_s=MAKE_S, every_s=2)
    await eventually(lambda: are_all(namespace, number, "Hibernated"), within_s=MAKE_S, every_s=5)
    made_s = time.monotonic() - begun_at_s
    what = f"From the operator's start until all children of {number:,} new counters are made"
    report.add(what, f"{made_s:.0f} s", f"{MAKE_S:,} s")
    return names


async def test_a_thousand_counters(
    namespace: Kubectl, operators: Operators, report: Report, thousand: list[str]
) -> None:
    number = len(thousand)
    await operators.scale(0)
    since, begun_at_s = datetime.now(UTC), time.monotonic()
    await operators.scale(2)
    leader = await operators.settled()
    await eventually(lambda: is_done(namespace, leader, number), within_s=COLD_START_S, every_s=1)
    what = f"From its start until it has reconciled {number:,} counters that are there"
    report.add(what, f"{time.monotonic() - begun_at_s:.0f} s", f"{COLD_START_S} s")
    writes = [entry for entry in await writes_by_the_operator(since) if not is_lease(entry)]
    report.add("Writes to the API server during that", str(len(writes)), "0")

    await _poison(namespace)
    took_s = [await _change(namespace, random.choice(thousand)) for _ in range(CHANGES)]  # noqa: S311 - no secret
    p99_s = statistics.quantiles(took_s, n=100)[98]
    what = f"From a change of one counter until its Deployment is changed, p99 of {CHANGES}, one other being poisoned"
    report.add(what, f"{p99_s:.2f} s", f"{CHANGE_S:.0f} s")
    peaks = [await peak_memory_mib(operators, pod["metadata"]["name"]) for pod in await operators.pods()]
    report.add("Most memory, of either operator", f"{max(peaks):.0f} MiB", f"{MOST_MEMORY_MIB} MiB")
    assert p99_s <= CHANGE_S
    assert max(peaks) <= MOST_MEMORY_MIB
    assert writes == []


async def _poison(kubectl: Kubectl) -> None:
    """Make a counter that nothing goes well with: a name is taken, its store is nowhere, its service hangs."""
    taken = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "poison"}, "spec": {"ports": [{"port": 1}]}}
    external = {"mode": "External", "external": {"url": "redis://192.0.2.1:6379"}}
    await kubectl.apply(taken)
    await kubectl.apply(resource(kubectl, {"replicas": 1, "store": {"redis": external}}, "poison"))
    await kubectl.wait("requestcounter/poison", "condition=Degraded", within_s=60)
    await eventually(lambda: _has_pods(kubectl), within_s=60)


async def _has_pods(kubectl: Kubectl) -> bool:
    return bool((await condition(kubectl, "Available", "poison"))["reason"] == "TooFewReplicasReady")


async def _change(kubectl: Kubectl, name: str) -> float:
    """Change a counter; return after how many seconds its Deployment is changed."""
    before = (await kubectl.get("deployment", name))["metadata"]["generation"]
    paths = random.randrange(1, 10**8)  # noqa: S311 - no secret
    patch = json.dumps({"spec": {"limits": {"maxPaths": paths}}})
    await kubectl("patch", f"requestcounter/{name}", "--type=merge", f"--patch={patch}")
    begun_at_s = time.monotonic()

    async def is_changed() -> bool:
        return int((await kubectl.get("deployment", name))["metadata"]["generation"]) > int(before)

    await eventually(is_changed, within_s=60)
    return time.monotonic() - begun_at_s


async def test_settled_counters_cost_no_write_and_hardly_any_time(
    namespace: Kubectl, operators: Operators, report: Report, request: pytest.FixtureRequest
) -> None:
    number, minutes = request.config.getoption("--settled"), request.config.getoption("--minutes")
    await namespace.apply(*_shared_redis())
    external = {"mode": "External", "external": {"url": "redis://shared:6379"}}
    spec = {"store": {"durability": "None", "redis": external}}
    awake = [f"awake-{turn}" for turn in range(PODS)]
    asleep = [f"asleep-{turn}" for turn in range(number - PODS)]
    await apply_all(namespace, awake, {**spec, "replicas": 1})
    await apply_all(namespace, asleep, {**spec, "suspend": "Workload"})
    await eventually(lambda: are_all(namespace, len(asleep), "Hibernated"), within_s=300, every_s=5)
    await eventually(lambda: are_all(namespace, len(awake), "Ready"), within_s=600, every_s=5)
    leader = await operators.settled()
    await _until_quiet()
    since, before = datetime.now(UTC), await Metrics.of(namespace, leader)
    await asyncio.sleep(minutes * 60)
    after = await Metrics.of(namespace, leader)
    passed_s = (datetime.now(UTC) - since).total_seconds()
    cpu = (after.value("process_cpu_seconds_total") - before.value("process_cpu_seconds_total")) / passed_s
    writes = [entry for entry in await writes_by_the_operator(since) if not is_lease(entry)]
    what = f"{number} settled counters, {PODS} of them with a pod, for {minutes:g} minutes"
    report.add(f"{what}: writes to the API server (but for the Lease's renewals)", str(len(writes)), "0")
    report.add(f"{what}: processor time of the leading operator, of one core", f"{cpu:.2%}", "2 %")
    assert writes == []
    assert cpu <= MOST_CPU


async def _until_quiet() -> None:
    """Wait until nothing has been written for half a minute: rates have fallen to zero, conditions have settled."""

    async def is_quiet() -> bool:
        latest = [
            entry["requestReceivedTimestamp"] for entry in await writes_by_the_operator(begun) if not is_lease(entry)
        ]
        return not latest or (datetime.now(UTC) - datetime.fromisoformat(max(latest))).total_seconds() > 30

    begun = datetime.now(UTC)
    await eventually(is_quiet, within_s=300, every_s=5)


def _shared_redis() -> list[dict[str, Any]]:
    labels = {"app": "shared"}
    container: dict[str, Any] = {"name": "redis", "image": "redis:8.0-trixie", "imagePullPolicy": "IfNotPresent"}
    container |= {"args": ["redis-server", "--save", "", "--protected-mode", "no"]}
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "shared", "labels": labels},
            "spec": {"containers": [container]},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "shared"},
            "spec": {"selector": labels, "ports": [{"port": 6379}]},
        },
    ]


async def test_from_apply_to_ready(namespace: Kubectl, operators: Operators, report: Report) -> None:
    await operators.settled()
    runs = []
    for turn in range(5):
        name = f"hits-{turn}"
        begun = datetime.now(UTC)
        await namespace.apply(resource(namespace, {"replicas": 1}, name))
        await namespace.wait(f"requestcounter/{name}", "condition=Ready", within_s=120)
        runs.append(await _steps(namespace, name, begun))
        await namespace("delete", "requestcounter", name)
    report.runs = len(runs)
    report.steps = {step: statistics.median(run[step] for run in runs) for step in runs[0]}


async def _steps(kubectl: Kubectl, name: str, begun: datetime) -> dict[str, float]:
    """Return seconds from the start to each step; the API server's times are whole seconds."""
    done_s = (datetime.now(UTC) - begun).total_seconds()
    selector = f"--selector=app.kubernetes.io/instance={name}"
    pods = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod
        for pod in (await kubectl.get("pods", selector))["items"]
    }

    def after(text: str) -> float:
        return max(0.0, (datetime.fromisoformat(text) - begun).total_seconds())

    steps = {}
    for component, title in (("redis", "Redis"), ("service", "the service")):
        pod = pods[component]
        conditions = {c["type"]: c["lastTransitionTime"] for c in pod["status"]["conditions"]}
        steps[f"{title}: pod made"] = after(pod["metadata"]["creationTimestamp"])
        steps[f"{title}: pod on a node (volume bound)"] = after(conditions["PodScheduled"])
        steps[f"{title}: program started"] = after(
            pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
        )
        steps[f"{title}: answers its probe"] = after(conditions["Ready"])
    return steps | {"the RequestCounter is Ready": done_s}
