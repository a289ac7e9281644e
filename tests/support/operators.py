"""The operators of the local cluster: which one leads, and how it is killed, stopped and cut off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl
from tests.support.nodes import PodNetwork, Process, process_of_pod

NAMESPACE = "request-counter-system"
DEPLOYMENT = "deployment/request-counter-operator"
PROGRAM = "request_counter_operator"
PODS = "--selector=app=request-counter-operator"


class Operators:
    """All operators.

    Args:
        kubectl: of the cluster, in any namespace.
    """

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl.within(NAMESPACE)

    async def leader(self) -> str:
        """Return the pod that holds the Lease; empty when none does."""
        return str((await self._lease()).get("holderIdentity", ""))

    async def _lease(self) -> dict[str, Any]:
        lease: dict[str, Any] = (await self.kubectl.get("lease", "request-counter-operator"))["spec"]
        return lease

    async def pods(self) -> list[dict[str, Any]]:
        """Return the pods that are not being deleted."""
        items: list[dict[str, Any]] = (await self.kubectl.get("pods", PODS))["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    async def settled(self) -> str:
        """Wait until two operators are ready and one of them leads; return its pod."""
        leader = ""

        async def is_settled() -> bool:
            nonlocal leader
            leader = await self.leader()
            names = [pod["metadata"]["name"] for pod in await self.pods() if _is_ready(pod)]
            return len(names) == 2 and leader in names

        await eventually(is_settled, within_s=120)
        return leader

    async def restarts(self) -> int:
        """Return how often the pods' containers were restarted."""
        return sum(_restarts(pod) for pod in await self.pods())

    async def renewed(self) -> None:
        """Replace the pods that were restarted: a node starts a container later each time, up to 5 min."""
        worn = [pod["metadata"]["name"] for pod in await self.pods() if _restarts(pod)]
        if worn:
            await self.kubectl("delete", "pod", *worn)
        await self.settled()

    async def scale(self, replicas: int) -> None:
        """Have so many operators, and wait until it is so."""
        await self.kubectl("scale", DEPLOYMENT, f"--replicas={replicas}")

        async def is_so() -> bool:
            return len((await self.kubectl.get("pods", PODS))["items"]) == replicas

        await eventually(is_so, within_s=60)
        if replicas:
            await self.settled()

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Have no operator while the block runs."""
        await self.scale(0)
        try:
            yield
        finally:
            await self.scale(2)

    async def process(self, pod: str) -> Process:
        """Return a pod's operator."""
        return await process_of_pod(await self.kubectl.get("pod", pod), PROGRAM)

    async def signal(self, pod: str, name: str) -> None:
        """Send a signal to a pod's operator."""
        await (await self.process(pod)).signal(name)

    async def network(self, pod: str) -> PodNetwork:
        """Return a pod's network."""
        return PodNetwork(await self.process(pod))

    async def api_server(self) -> str:
        """Return the address at which pods reach the API server."""
        return str((await self.kubectl.within("default").get("service", "kubernetes"))["spec"]["clusterIP"])

    async def is_alive(self, pod: str) -> bool:
        """Return whether a pod's own probe finds it alive; asked by the API server's proxy."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8080/proxy/healthz"
        return '"failures": {}' in await self.kubectl("get", f"--raw={path}")


def _restarts(pod: dict[str, Any]) -> int:
    return sum(status["restartCount"] for status in pod["status"].get("containerStatuses", ()))


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)
