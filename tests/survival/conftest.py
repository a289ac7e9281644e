"""Survival tier: Redis's servers die on the local cluster; `make survival` writes docs/survival-report.md."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import kubectl as kubectl
from tests.e2e.conftest import namespace as namespace
from tests.e2e.conftest import operators as operators
from tests.support.report_pages import MACHINE, offer_page, write_page
from tests.survival.report import Report

_PAGE = "survival-report.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the page be asked for."""
    offer_page(parser, _PAGE)


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """Collects a row for each run, and is written at the end if all passed."""
    collected = Report()
    yield collected
    write_page(request, _PAGE, collected.page, MACHINE)
