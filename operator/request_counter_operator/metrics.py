"""What the operator tells Prometheus about itself. docs/operations.md lists every metric (a test says so)."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_RECONCILE_BUCKETS_S = (0.001, 0.005, 0.02, 0.1, 0.5, 2, 5, 10, 30)

Samples = Mapping[tuple[str, ...], float]
"""By the values of the labels."""


class OperatorMetrics:
    """All metrics of one operator, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.reconciles = Counter(
            "request_counter_operator_reconciles_total",
            "Passes over a RequestCounter, by how they ended: ok, invalid, error, bug.",
            ["outcome"],
            registry=self.registry,
        )
        self.reconcile_seconds = Histogram(
            "request_counter_operator_reconcile_seconds",
            "Duration of a pass.",
            buckets=_RECONCILE_BUCKETS_S,
            registry=self.registry,
        )
        self.corrections = Counter(
            "request_counter_operator_drift_corrections_total",
            "Children put right after somebody changed or deleted them, by kind.",
            ["kind"],
            registry=self.registry,
        )
        self.api_requests = Counter(
            "request_counter_operator_api_requests_total",
            "Requests to the API server by verb and code; code 0 is no answer.",
            ["verb", "code"],
            registry=self.registry,
        )

    def watch(self, name: str, documentation: str, read: Callable[[], float | Samples], *labels: str) -> None:
        """Have a gauge that is read whenever it is asked for.

        Args:
            name: without the prefix that all metrics have.
            documentation: one sentence.
            read: the value, or the values by labels.
            labels: their names.
        """
        self.registry.register(_Gauge(f"request_counter_operator_{name}", documentation, read, labels))


class _Gauge(Collector):
    def __init__(
        self, name: str, documentation: str, read: Callable[[], float | Samples], labels: tuple[str, ...]
    ) -> None:
        self._name, self._documentation, self._read, self._labels = name, documentation, read, labels

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(self._name, self._documentation, labels=self._labels)
        value = self._read()
        for labels, sample in (value if isinstance(value, Mapping) else {(): value}).items():
            family.add_metric(labels, sample)
        yield family

    def describe(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(self._name, self._documentation, labels=self._labels)
