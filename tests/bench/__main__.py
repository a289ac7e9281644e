"""`python -m tests.bench`: our service and its peers, one core each, in one run."""

import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from tests.bench.contenders import CACHE, CONTENDERS, OTHER_CORE, PORT, REPOSITORY, Contender, Process
from tests.bench.report import SCENARIOS, Figures, page
from tests.support.redis_server import DURABLE, FORGETFUL, RedisServer

_SCRIPT = Path(__file__).with_name("requests.lua")
_REPORT = REPOSITORY / "docs" / "benchmarks.md"
_WARM_UP_S = 1
_RESULT = re.compile(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+)$", re.MULTILINE)

_console = Console(stderr=True)


def main() -> None:
    """Measure, print, and write the page if asked to."""
    arguments = _arguments()
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    if shutil.which("wrk") is None or (os.cpu_count() or 1) <= OTHER_CORE:
        raise SystemExit("needs wrk (apt-get install wrk, brew install wrk) and two cores")
    CACHE.mkdir(parents=True, exist_ok=True)
    runs: dict[tuple[str, int, str], list[Figures]] = {}
    with _redis() as servers:
        commands = list(_commands(arguments.contenders, servers))
        for number in range(1, arguments.rounds + 1):
            for scenario in arguments.scenarios:
                for connections in arguments.connections:
                    for contender, command in commands:
                        figures = _measure(contender, command, scenario, connections, arguments.seconds)
                        runs.setdefault((scenario, connections, contender.name), []).append(figures)
                        _console.print(
                            f"{number}/{arguments.rounds} {SCENARIOS[scenario]}, {connections} connections: "
                            f"{contender.name} {figures.rate:,.0f}/s, p99 {figures.p99_ms:.2f} ms"
                        )
    text = page({key: _median(several) for key, several in runs.items()}, _machine(), "make bench")
    if arguments.write_report:
        _REPORT.write_text(text)
    else:
        Console().print(text, markup=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="length of one measurement (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--connections", type=int, nargs="+", default=[64, 256], help="default: 64 256")
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), help="default: all")
    parser.add_argument("--contenders", default="", help="only those whose name matches this expression")
    parser.add_argument("--write-report", action="store_true", help="write docs/benchmarks.md")
    return parser.parse_args()


@contextmanager
def _redis() -> Iterator[dict[bool, RedisServer]]:
    """Run two servers on the other core: one without a disk, as peers are measured, and a durable one."""
    with (
        RedisServer(*FORGETFUL, cores=str(OTHER_CORE)) as quick,
        RedisServer(*DURABLE, cores=str(OTHER_CORE)) as durable,
    ):
        yield {False: quick, True: durable}


def _commands(names: str, servers: dict[bool, RedisServer]) -> Iterator[tuple[Contender, Sequence[str]]]:
    for contender in CONTENDERS:
        if re.search(names, contender.name):
            with _console.status(f"building {contender.name}"):
                command = contender.build(f"127.0.0.1:{servers[contender.durable].port}")
            if command is None:
                _console.print(f"{contender.name}: what builds or runs it is not here; left out")
            else:
                yield contender, command


def _measure(contender: Contender, command: Sequence[str], scenario: str, connections: int, seconds: int) -> Figures:
    prefix = contender.prefix.replace("INCR", "GET") if scenario == "read" else contender.prefix
    with Process(command) as process:
        _wrk(scenario, connections, _WARM_UP_S, prefix)
        before_s = process.cpu_s()
        requests, duration_us, failed, p50_us, p99_us = _wrk(scenario, connections, seconds, prefix)
        return Figures(
            rate=(requests - failed) / duration_us * 1e6,
            failed=failed,
            p50_ms=p50_us / 1e3,
            p99_ms=p99_us / 1e3,
            cpu=(process.cpu_s() - before_s) / (duration_us / 1e6),
            memory_mib=process.memory_mib(),
        )


def _wrk(scenario: str, connections: int, seconds: int, prefix: str) -> list[int]:
    command = ["taskset", "-c", str(OTHER_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    command += ["-s", str(_SCRIPT), f"http://127.0.0.1:{PORT}", "--", scenario, prefix]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    result = _RESULT.search(output)
    if result is None:
        raise RuntimeError(f"wrk said: {output}")
    return [int(number) for number in result.groups()]


def _median(several: Sequence[Figures]) -> Figures:
    return Figures(*(statistics.median(getattr(one, name) for one in several) for name in Figures.__annotations__))


def _machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    processor = model[1] if model else platform.machine()
    return f"{datetime.now(UTC).date().isoformat()}, {os.cpu_count()} cores of {processor}, {platform.system()}"


if __name__ == "__main__":
    main()
