"""From kustomize to Helm, to a newer chart, away and back, while a counter counts: no request fails, no pod restarts.

The operator that `make up` installed is taken over, as the chart's README says, and put back at the end.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.delivery import places
from infra.delivery.chart import stage_chart
from infra.delivery.names import released
from infra.delivery.programs import find_program
from kubectl_requestcounter.ledger import Ledger
from tests.support.charts import NAMESPACE, RELEASE
from tests.support.drift import Mutation
from tests.support.eventually import eventually
from tests.support.kubectl import CONTEXT, Kubectl
from tests.support.operators import PODS, Operators
from tests.support.resources import GATE, host, start

DEFINITION = "crd/requestcounters.requestcounter.io"
DESCRIPTION = "jsonpath={.spec.versions[0].schema.openAPIV3Schema.properties.spec.description}"
HELMS_MARKS = ("meta.helm.sh/release-name-", "meta.helm.sh/release-namespace-", "helm.sh/resource-policy-")
HELMS_LABELS = (
    "app.kubernetes.io/instance-",
    "app.kubernetes.io/managed-by-",
    "app.kubernetes.io/version-",
    "helm.sh/chart-",
)
WITHIN_S = 180
EDIT = {"automountServiceAccountToken": True}


@dataclass(frozen=True, slots=True)
class Release:
    """The operator as a release of one Helm, on the local cluster.

    Attributes:
        program: the Helm.
        takes_over: what has it take over objects that others made.
    """

    program: Path
    takes_over: tuple[str, ...]

    async def __call__(self, command: str, *arguments: str) -> str:
        """Run Helm and return what it wrote.

        Raises:
            AssertionError: It ended with an error.
        """
        place = (f"--kube-context={CONTEXT}", f"--namespace={NAMESPACE}", "--wait", f"--timeout={WITHIN_S}s")
        process = await asyncio.create_subprocess_exec(
            self.program,
            *(command, RELEASE, *arguments, *place),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        return output.decode()

    async def install(self, *arguments: str) -> None:
        """Install the checkout's chart with what the local cluster needs."""
        await self("install", str(places.CHART), "--set=ingress.httpPort=8080", *arguments)


@pytest.fixture(params=["helm3", "helm4"])
async def release(request: pytest.FixtureRequest, kubectl: Kubectl, operators: Operators) -> AsyncIterator[Release]:
    """Return a release to be; whatever has become of it, the cluster is then as it was."""
    program = find_program(request.param)
    if program is None:
        pytest.skip(f"there is no {request.param}: `make helm` gets it")
    await operators.settled()
    # Helm 4 applies on the server, where it is told of those who had a say before.
    takes_over = ("--take-ownership",) if request.param == "helm3" else ("--take-ownership", "--force-conflicts")
    helm = Release(program, takes_over)
    yield helm
    await helm("uninstall", "--ignore-not-found")
    for command, marks in (("annotate", HELMS_MARKS), ("label", HELMS_LABELS)):
        await kubectl(command, DEFINITION, *marks)
    await operators.kubectl("apply", "--kustomize", str(places.CHECKOUT / "deploy" / "overlays" / "kind"))
    await operators.settled()


async def acts(counter: Kubectl, operators: Operators) -> None:
    """Hold the operator to being there: two of them, one of which undoes a change."""
    await operators.settled()
    await Mutation("serviceaccount/hits", EDIT, manager="hand", counter="hits").undone(counter, within_s=30)


async def uids(counter: Kubectl) -> set[str]:
    pods = await counter.get("pods", "--selector=app.kubernetes.io/instance=hits")
    return {pod["metadata"]["uid"] for pod in pods["items"]}


def newer_chart(folder: Path) -> Path:
    """Return a chart like ours whose definition says something else."""
    chart = stage_chart(folder, released("", "", ""))
    definition = chart / "files" / "crd.yaml"
    definition.write_text(definition.read_text().replace("description: What is wanted.", "description: Anew."))
    return chart


async def test_the_chart_comes_and_goes_while_a_counter_counts(
    namespace: Kubectl, operators: Operators, release: Release, tmp_path: Path
) -> None:
    await start(namespace, {"replicas": 1})
    pods = await uids(namespace)
    async with Ledger(GATE, host=host(namespace), rate_per_s=20) as ledger:
        await release.install(*release.takes_over)
        await acts(namespace, operators)

        await release("upgrade", str(newer_chart(tmp_path)), "--reuse-values", "--set=log.level=debug")
        await acts(namespace, operators)
        assert await namespace("get", DEFINITION, "-o", DESCRIPTION) == "Anew."

        await release("uninstall")
        await eventually(lambda: _is_gone(operators), within_s=60)
        assert await namespace.find("requestcounter", "hits") is not None

        await release.install()
        await acts(namespace, operators)
        assert await namespace("get", DEFINITION, "-o", DESCRIPTION) == "What is wanted."
    books = await ledger.verify()
    assert books.errors == {}
    assert books.acknowledged > 0
    assert await uids(namespace) == pods


async def _is_gone(operators: Operators) -> bool:
    return not (await operators.kubectl.get("pods", PODS))["items"]
