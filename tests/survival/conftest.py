"""Survival tier: Redis's servers die on the local cluster; `make survival` writes docs/survival-report.md."""

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.conftest import kubectl as kubectl
from tests.e2e.conftest import namespace as namespace
from tests.e2e.conftest import operators as operators
from tests.survival.report import Report

_REPORT = Path(__file__).resolve().parents[2] / "docs" / "survival-report.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the page be asked for."""
    parser.addoption("--write-report", action="store_true", help="write docs/survival-report.md")


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """Collects a row for each run, and is written at the end if all passed."""
    collected = Report()
    yield collected
    if request.config.getoption("--write-report") and not request.session.testsfailed:
        machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
        _REPORT.write_text(collected.page(machine, datetime.now(UTC).date().isoformat()))
