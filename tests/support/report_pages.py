"""The pages of figures that the long tiers leave in docs/: written when they were asked for and all has passed."""

import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
MACHINE = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def offer_page(parser: pytest.Parser, file: str) -> None:
    """Let the page be asked for: --write-report."""
    parser.addoption("--write-report", action="store_true", help=f"write docs/{file}")


def write_page(request: pytest.FixtureRequest, file: str, page: Callable[[str, str], str], machine: str) -> None:
    """Write ``page`` of a machine and a date, if it was asked for and no test has failed."""
    if request.config.getoption("--write-report") and not request.session.testsfailed:
        (DOCS / file).write_text(page(machine, datetime.now(UTC).date().isoformat()))
