"""Fault tier: a minute of 5,000 PUTs a second for each fault; `make fault` runs it and writes docs/fault-report.md."""

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fault.report import Report

os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
_REPORT = Path(__file__).resolve().parents[2] / "docs" / "fault-report.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the length and the rate be chosen."""
    parser.addoption("--seconds", type=float, default=60.0, help="how long each run takes")
    parser.addoption("--rate", type=float, default=5_000.0, help="PUTs per second")
    parser.addoption("--write-report", action="store_true", help="write docs/fault-report.md")


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """Collects a row for each run, and is written at the end if all passed."""
    seconds, rate = request.config.getoption("--seconds"), request.config.getoption("--rate")
    collected = Report(seconds, rate)
    yield collected
    if request.config.getoption("--write-report") and not request.session.testsfailed:
        machine = (
            f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
        )
        _REPORT.write_text(collected.page(machine, datetime.now(UTC).date().isoformat()))


@pytest.fixture
def rate(request: pytest.FixtureRequest) -> float:
    """PUTs per second."""
    return float(request.config.getoption("--rate"))


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    """How long a run takes."""
    return float(request.config.getoption("--seconds"))
