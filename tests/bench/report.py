"""The page of figures: docs/benchmarks.md."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.bench.contenders import GO, NEST, OURS, PERSISTED

SCENARIOS: Mapping[str, str] = {
    "write": "PUT over 100 paths",
    "hot": "PUT on one path",
    "read": "GET over 100 paths",
    "mixed": "90 % PUT, 10 % GET",
}


@dataclass(frozen=True)
class Figures:
    """What one run of one contender measured.

    Attributes:
        rate: requests answered per second, without those that failed.
        failed: requests that had no answer in two seconds, or not a 200.
        p50_ms, p99_ms: latencies, milliseconds.
        cpu: processor time as a part of one core.
        memory_mib: resident after the run, MiB.
    """

    rate: float
    failed: float
    p50_ms: float
    p99_ms: float
    cpu: float
    memory_mib: float


Results = Mapping[tuple[str, int, str], Figures]
"""By scenario, connections, contender."""


def page(results: Results, machine: str, command: str) -> str:
    """Return the page in Markdown."""
    parts = [_HEAD.format(machine=machine, command=command), _ratios(results), _chart(results)]
    for scenario, title in SCENARIOS.items():
        numbers = sorted({key[1] for key in results if key[0] == scenario})
        parts.extend(_table(results, scenario, title, connections) for connections in numbers)
    return "\n".join(parts)


_HEAD = """# Benchmarks

Written by `{command}`; {machine}.

Each contender has one core; the load generator (wrk) and Redis share another. A
figure is the median of all rounds; within a round the contenders take turns. The rates are this machine's; what carries
over to others are the ratios.

Request Counter runs with all it has: metrics, logs, limits, a rate limit that every request is held to. Each of its
answers tells the request's own count, and each count is exact through retries; the peers' are not.
"""


def _ratios(results: Results) -> str:
    lines = ["## In short", "", "| | Connections | to Go | to NestJS | p99 | p99 of Go |", "|---|--:|--:|--:|--:|--:|"]
    for scenario, connections in _runs(results):
        ours, go = results[scenario, connections, OURS], results[scenario, connections, GO]
        nest = results.get((scenario, connections, NEST))
        lines.append(
            f"| {SCENARIOS[scenario]} | {connections} | {ours.rate / go.rate:.2f}x "
            f"| {f'{ours.rate / nest.rate:.1f}x' if nest else '-'} | {ours.p99_ms:.1f} ms | {go.p99_ms:.1f} ms |"
        )
        persisted = results.get((scenario, connections, PERSISTED))
        if persisted and scenario == "write":
            lines.append(
                f"| {SCENARIOS[scenario]}, every batch on disk | {connections} | {persisted.rate / go.rate:.2f}x | "
                f"| {persisted.p99_ms:.1f} ms | {go.p99_ms:.1f} ms |"
            )
    return "\n".join([*lines, ""])


def _runs(results: Results) -> Iterable[tuple[str, int]]:
    return dict.fromkeys((scenario, connections) for scenario, connections, _ in results)


def _chart(results: Results) -> str:
    run = ("write", max(key[1] for key in results if key[0] == "write"))
    rates = {name: figures.rate for (*key, name), figures in results.items() if tuple(key) == run}
    names = ", ".join(f'"{name.replace("`", "")}"' for name in rates)
    bars = ", ".join(f"{rate:.0f}" for rate in rates.values())
    top = max(rates.values()) * 1.1
    return (
        f'```mermaid\nxychart-beta\n  title "PUT/s on one core, {run[1]} connections"\n'
        f'  x-axis [{names}]\n  y-axis "requests per second" 0 --> {top:.0f}\n  bar [{bars}]\n```\n'
    )


def _table(results: Results, scenario: str, title: str, connections: int) -> str:
    lines = [
        f"## {title}, {connections} connections",
        "",
        "| | Requests/s | Failed | p50 | p99 | CPU | Memory |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for (of, number, name), figures in results.items():
        if (of, number) == (scenario, connections):
            lines.append(
                f"| {name} | {figures.rate:,.0f} | {figures.failed:,.0f} "
                f"| {figures.p50_ms:.2f} ms | {figures.p99_ms:.2f} ms "
                f"| {figures.cpu:.0%} | {figures.memory_mib:.0f} MiB |"
            )
    return "\n".join([*lines, ""])
