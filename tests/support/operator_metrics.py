"""What an operator tells of itself, read from its port by way of the API server."""

from prometheus_client.parser import text_string_to_metric_families

from tests.support.kubectl import Kubectl
from tests.support.operators import NAMESPACE


class Metrics:
    """The samples of one operator, at one moment."""

    def __init__(self, text: str) -> None:
        families = text_string_to_metric_families(text)
        self._samples = [sample for family in families for sample in family.samples]

    @classmethod
    async def of(cls, kubectl: Kubectl, pod: str) -> "Metrics":
        """Read a pod's."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8080/proxy/metrics"
        return cls(await kubectl("get", f"--raw={path}"))

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples with these labels; names are without their prefix."""
        names = {name, f"request_counter_operator_{name}"}
        return sum(s.value for s in self._samples if s.name in names and labels.items() <= s.labels.items())
