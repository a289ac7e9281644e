"""Survival tier: Redis's servers die on the local cluster; `make survival` writes docs/survival-report.md."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import kubectl as kubectl
from tests.e2e.conftest import namespace as namespace
from tests.e2e.conftest import operators as operators
from tests.support.report_pages import DOCS, offer_page
from tests.survival.report import Report

_PAGE = "survival-report.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the page be asked for."""
    offer_page(parser, _PAGE)


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """Has a row for each run, those of earlier runs as well; written at the end if that was asked for."""
    page = DOCS / _PAGE
    collected = Report.of(page.read_text() if page.exists() else "")
    yield collected
    if request.config.getoption("--write-report"):
        page.write_text(collected.page())
