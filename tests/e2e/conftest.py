"""The local cluster for the tests of the whole: a namespace per test, and never another cluster than our own."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.kubectl import CONTEXT, Kubectl, KubectlError
from tests.support.operators import Operators


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests longer than others: rollouts and autoscalers take their minutes."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(420))


@pytest.fixture
async def kubectl() -> Kubectl:
    """Kubectl on the local cluster; fails with what to do when that is not there."""
    command = Kubectl()
    try:
        await command("--request-timeout=10s", "get", "crd", "requestcounters.requestcounter.io")
    except KubectlError as error:
        pytest.fail(f"no cluster at context {CONTEXT}, run `make up` first: {error}", pytrace=False)
    return command


@pytest.fixture
def operators(kubectl: Kubectl) -> Operators:
    """The cluster's operators."""
    return Operators(kubectl)


@pytest.fixture
async def namespace(kubectl: Kubectl) -> AsyncIterator[Kubectl]:
    """Kubectl in a namespace of this test's own, which enforces the restricted Pod Security Standard."""
    name = f"e2e-{secrets.token_hex(4)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    await kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    yield kubectl.within(name)
    await kubectl("delete", "namespace", name, "--wait=false")
