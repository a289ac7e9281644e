"""``kubectl requestcounter status``: how a RequestCounter does, with its children and what happened to them."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from kubectl_requestcounter.cluster import POD, REPLICA_SET, VOLUME_CLAIM, Body, Cluster, connect
from kubectl_requestcounter.errors import ForbiddenError
from kubectl_requestcounter.summary import selector_of, summarize
from kubectl_requestcounter.target import Target
from request_counter_operator.kinds import AUTOSCALER, DEPLOYMENT, EVENT, REQUEST_COUNTER, STATEFUL_SET, Kind

Summary = dict[str, Any]
Row = tuple[str, Sequence[object]]
"""A style and the cells of a line."""

_KINDS = (DEPLOYMENT, STATEFUL_SET, AUTOSCALER, POD, REPLICA_SET, VOLUME_CLAIM)
_BAD_WHEN_TRUE = {"Degraded"}
_NEITHER = {"Progressing", "ReconciliationPaused", "Hibernated"}
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


async def status(target: Target, name: str | None, output: str, *, everywhere: bool) -> None:
    """Print the summary of one RequestCounter, or of all in the namespace, or in the cluster.

    Raises:
        PluginError: There is none of that name, or it could not be read.
    """
    err = Console(stderr=True, soft_wrap=True, highlight=False)
    async with connect(target) as cluster:
        with err.status("reading"):
            summaries, notes = await _read(cluster, name, "" if everywhere else cluster.namespace)
    for note in notes:
        err.print(Text(f"note: {note}"))
    out = Console(soft_wrap=True, highlight=False)
    if output == "json":
        value: Any = {"items": summaries} if name is None else summaries[0]
        out.print(json.dumps(value, indent=2, ensure_ascii=False), markup=False)
        return
    if not summaries:
        err.print(
            Text(f"no RequestCounters found in {'the cluster' if everywhere else f'{cluster.namespace} namespace'}")
        )
    now = datetime.now(UTC)
    for number, summary in enumerate(summaries):
        if number:
            out.print()
        for line in render(summary, now):
            out.print(line)


async def _read(cluster: Cluster, name: str | None, namespace: str) -> tuple[list[Summary], list[str]]:
    """Return the summaries, and notes on what the user may not see."""
    counters = await cluster.list(REQUEST_COUNTER, namespace) if name is None else [await cluster.get_counter(name)]
    notes: list[str] = []

    async def of(kind: Kind, selector: str) -> list[Body]:
        try:
            return await cluster.list(kind, namespace, selector)
        except ForbiddenError as error:
            notes.append(str(error))
            return []

    found = await asyncio.gather(*(of(kind, selector_of(name)) for kind in _KINDS), of(EVENT, ""))
    objects = [body for bodies in found[:-1] for body in bodies]
    return [summarize(counter, objects, found[-1]) for counter in counters], notes


def render(summary: Summary, now: datetime) -> Iterator[Text]:
    """Yield the summary for people, line by line."""
    yield Text(f"{summary['namespace']}/{summary['name']}", "bold") + Text(f"  {_or_dash(summary['url'])}")
    store = summary["store"] or {}
    rate = "" if summary["requestsPerSecond"] is None else f", {summary['requestsPerSecond']}/s of late"
    primary = f", primary {store['primary']}" if store.get("primary") else ""
    yield Text(f"total {_or_dash(summary['total'])}{rate}; store {_or_dash(store.get('mode'))}{primary}")
    if summary["suspend"] != "None":
        yield Text(f"suspended: {summary['suspend']}", "yellow")
    if summary["observedGeneration"] != summary["generation"]:
        yield Text("the operator has not seen the newest specification yet: is it running?", "yellow")
    conditions = [_condition_row(condition, now) for condition in summary["conditions"]]
    yield from _table(["CONDITION", "STATUS", "REASON", "AGE", "MESSAGE"], conditions)
    yield from _table(["CHILD", "READY", "STATE", "RESTARTS", "NODE", "AGE"], list(_child_rows(summary, now)))
    yield from _table(["EVENT", "REASON", "OBJECT", "AGE", "MESSAGE"], [_event_row(e, now) for e in summary["events"]])


def _condition_row(condition: Body, now: datetime) -> Row:
    kind, truth = condition["type"], condition["status"]
    good = "False" if kind in _BAD_WHEN_TRUE else "True"
    style = "" if kind in _NEITHER else {good: "green", "Unknown": "yellow"}.get(truth, "red")
    age = _age(condition["lastTransitionTime"], now)
    return style, [kind, truth, condition["reason"], age, condition["message"]]


def _child_rows(summary: Summary, now: datetime) -> Iterator[Row]:
    for workload in summary["workloads"]:
        full = workload["wanted"] == workload["ready"] == workload["updated"] == workload["present"]
        state = "complete" if full else f"{workload['updated']} of {workload['present']} pods are of the newest kind"
        ready = f"{workload['ready']}/{workload['wanted']}"
        name = f"{workload['kind']}/{workload['name']}"
        yield "" if full else "yellow", [name, ready, state, "", "", _age(workload["createdAt"], now)]
    if (scaler := summary["autoscaler"]) is not None:
        cpu = "unknown" if scaler["cpuUtilizationPercentage"] is None else f"{scaler['cpuUtilizationPercentage']}%"
        state = f"CPU {cpu} of {scaler['targetCPUUtilizationPercentage']}%"
        bounds = f"{_or_dash(scaler['replicas'])} ({scaler['minReplicas']} to {scaler['maxReplicas']})"
        name = f"HorizontalPodAutoscaler/{scaler['name']}"
        yield "", [name, bounds, state, "", "", _age(scaler["createdAt"], now)]
    for pod in summary["pods"]:
        cells = [f"Pod/{pod['name']}", "yes" if pod["ready"] else "no", pod["state"], pod["restarts"]]
        style = "" if pod["ready"] else "yellow"
        yield style, [*cells, _or_dash(pod["node"]), _age(pod["createdAt"], now)]
    for claim in summary["volumeClaims"]:
        state = f"{_or_dash(claim['capacity'])}, {_or_dash(claim['storageClass'])}"
        cells = [f"PersistentVolumeClaim/{claim['name']}", claim["phase"], state, "", ""]
        yield "" if claim["phase"] == "Bound" else "yellow", [*cells, _age(claim["createdAt"], now)]


def _event_row(event: Body, now: datetime) -> Row:
    times = f" (x{event['count']})" if event["count"] > 1 else ""
    style = "" if event["type"] == "Normal" else "yellow"
    age = _age(event["at"], now) + times
    return style, [event["type"], event["reason"], event["object"], age, event["message"]]


def _table(header: Sequence[str], rows: Sequence[Row]) -> Iterator[Text]:
    """Yield an empty line and the rows in columns, or nothing where there are none."""
    if not rows:
        return
    lines: list[Row] = [("bold", header), *rows]
    widths = [max(len(str(cells[column])) for _, cells in lines) for column in range(len(header))]
    yield Text("")
    for style, cells in lines:
        line = "   ".join(str(cell).ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield Text(line.rstrip(), style)


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)


def _age(since: str, now: datetime) -> str:
    """Return how long ago a time (RFC 3339) was, as kubectl writes it: the fewer digits the older."""
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds()))
    if seconds < 2 * _MINUTE_S:
        return f"{seconds}s"
    if seconds < 10 * _MINUTE_S:
        return f"{seconds // _MINUTE_S}m{seconds % _MINUTE_S}s"
    if seconds < 3 * _HOUR_S:
        return f"{seconds // _MINUTE_S}m"
    if seconds < 2 * _DAY_S:
        return f"{seconds // _HOUR_S}h"
    return f"{seconds // _DAY_S}d"
