"""Fault tier: a minute of 5,000 PUTs a second for each fault; `make fault` runs it and writes docs/fault-report.md."""

import os
import platform
from collections.abc import Iterator

import pytest

from tests.fault.report import Report
from tests.support.report_pages import MACHINE, offer_page, write_page

os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
_PAGE = "fault-report.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the length and the rate be chosen."""
    parser.addoption("--seconds", type=float, default=60.0, help="how long each run takes")
    parser.addoption("--rate", type=float, default=5_000.0, help="PUTs per second")
    offer_page(parser, _PAGE)


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """Collects a row for each run, and is written at the end if all passed."""
    seconds, rate = request.config.getoption("--seconds"), request.config.getoption("--rate")
    collected = Report(seconds, rate)
    yield collected
    write_page(request, _PAGE, collected.page, f"{MACHINE}, Python {platform.python_version()}")


@pytest.fixture
def rate(request: pytest.FixtureRequest) -> float:
    """PUTs per second."""
    return float(request.config.getoption("--rate"))


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    """How long a run takes."""
    return float(request.config.getoption("--seconds"))
