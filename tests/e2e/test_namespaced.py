"""An operator that minds one namespace, with rights in no other."""

import secrets
from collections.abc import AsyncIterator

import pytest
import yaml

from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl, KubectlError
from tests.support.operators import NAMESPACE, Operators
from tests.support.resources import ready, resource

KUSTOMIZATION = "tests/e2e/namespaced"
ACCOUNT = "system:serviceaccount:{namespace}:request-counter-operator"


@pytest.fixture
async def own(kubectl: Kubectl, operators: Operators) -> AsyncIterator[Kubectl]:
    """A namespace with an operator of its own, while the cluster's operators are away."""
    name = f"e2e-{secrets.token_hex(4)}"
    rendered = await kubectl("kustomize", KUSTOMIZATION)
    manifests = [m for m in yaml.safe_load_all(rendered.replace(NAMESPACE, name)) if not _is_shared(m)]
    own = kubectl.within(name)
    await operators.scale(0)
    try:
        await own.apply(*manifests)
        await own("rollout", "status", "deployment/request-counter-operator", "--timeout=120s")
        yield own
    finally:
        # Two operators must not mind one counter: they would not even agree on its password.
        await kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=120s")
        await operators.scale(2)


def _is_shared(manifest: dict[str, object]) -> bool:
    """Return whether something is the whole cluster's, and so there already."""
    return manifest["kind"] in {"CustomResourceDefinition", "ClusterRole"}


async def test_a_namespaced_operator_minds_its_own_and_may_do_nothing_elsewhere(
    own: Kubectl, namespace: Kubectl
) -> None:
    await own.apply(resource(own, {"replicas": 1}))
    await namespace.apply(resource(namespace))
    await ready(own)
    await eventually(lambda: _is_told(own), within_s=30)
    assert "status" not in await namespace.get("requestcounter", "hits")
    assert await namespace.find("deployment", "hits") is None
    account = f"--as={ACCOUNT.format(namespace=own.namespace)}"
    assert (await own("auth", "can-i", "list", "secrets", account)).strip() == "yes"
    with pytest.raises(KubectlError):  # kubectl says no with its exit code
        await namespace("auth", "can-i", "list", "secrets", account)
    with pytest.raises(KubectlError):
        await namespace("auth", "can-i", "list", "requestcounters", account)


async def _is_told(kubectl: Kubectl) -> bool:
    return (await kubectl.get("requestcounter", "hits"))["status"].get("total") is not None
