"""Scale tier: hundreds of counters on the local cluster; `make scale` runs it and writes docs/scale-report.md."""

import os
import platform
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.scale.report import Report
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.operators import Operators

_REPORT = Path(__file__).resolve().parents[2] / "docs" / "scale-report.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the size be chosen, for a quick try."""
    parser.addoption("--counters", type=int, default=1_000, help="how many counters the operator is started with")
    parser.addoption("--settled", type=int, default=200, help="how many counters are left alone")
    parser.addoption("--minutes", type=float, default=10, help="for how long they are left alone")
    parser.addoption("--write-report", action="store_true", help="write docs/scale-report.md")


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """Collects what is measured, and is written at the end if all passed."""
    collected = Report()
    yield collected
    if request.config.getoption("--write-report") and not request.session.testsfailed:
        machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
        _REPORT.write_text(collected.page(machine, datetime.now(UTC).date().isoformat()))


@pytest.fixture
def kubectl() -> Kubectl:
    """Kubectl on the local cluster."""
    return Kubectl()


@pytest.fixture
def operators(kubectl: Kubectl) -> Operators:
    """The cluster's operators."""
    return Operators(kubectl)


@pytest.fixture
async def namespace(kubectl: Kubectl) -> AsyncIterator[Kubectl]:
    """Kubectl in a namespace of this test's own."""
    name = f"scale-{secrets.token_hex(4)}"
    await kubectl("create", "namespace", name)
    yield kubectl.within(name)
    # Waited for: what is done about a namespace that goes away would be counted as the next test's.
    await kubectl("delete", "namespace", name, "--wait=false")

    async def is_gone() -> bool:
        return await kubectl.find("namespace", name) is None

    await eventually(is_gone, within_s=900, every_s=5)
