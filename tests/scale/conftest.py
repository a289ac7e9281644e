"""Scale tier: hundreds of counters on the local cluster; `make scale` runs it and writes docs/scale-report.md."""

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.scale.report import Report
from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.operators import Operators
from tests.support.report_pages import MACHINE, offer_page, write_page

_PAGE = "scale-report.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the size be chosen, for a quick try."""
    parser.addoption("--counters", type=int, default=1_000, help="how many counters the operator is started with")
    parser.addoption("--settled", type=int, default=200, help="how many counters are left alone")
    parser.addoption("--minutes", type=float, default=10, help="for how long they are left alone")
    offer_page(parser, _PAGE)


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """Collects what is measured, and is written at the end if all passed."""
    collected = Report()
    yield collected
    write_page(request, _PAGE, collected.page, MACHINE)


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
