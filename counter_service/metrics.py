"""The service's Prometheus metrics: names, labels, buckets, and how several processes' metrics become one page.

Values live in this process, unless `share_metrics` was called before: then prometheus-client keeps each value in a
file, one per process, and `ServiceMetrics.render` merges the files.
"""

import os
from bisect import bisect_left
from collections.abc import Sequence
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# prometheus-client's own name.
_DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_LATENCY_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)


def share_metrics(directory: str) -> None:
    """Have all ServiceMetrics made from now on, in this process and those it forks, keep their values in a folder.

    Source: https://prometheus.github.io/client_python/multiprocess/
    """
    os.environ[_DIRECTORY_VARIABLE] = directory
    # The variable is looked at when prometheus-client is imported, which is before the command line was read.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


def forget_process(pid: int) -> None:
    """Leave a dead process out of gauges, which tell the present; what it counted stays."""
    if _DIRECTORY_VARIABLE in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]


class _BulkHistogram(Histogram):
    """A histogram that takes many observations at once, already sorted into its buckets."""

    def observe_bulk(self, counts: Sequence[int], total: float) -> None:
        """Add observations: how many fell into each bucket (the last is +Inf), and their sum."""
        self._sum.inc(total)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


class Observations:
    """Values sorted into buckets; cheap to add to, shown after ServiceMetrics.flush."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.clear()

    def clear(self) -> None:
        """Forget all values."""
        self.counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Add one value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def flush(self, histogram: _BulkHistogram) -> int:
        """Move all values to a histogram with the same buckets; return how many they were."""
        count = sum(self.counts)
        if count:
            histogram.observe_bulk(self.counts, self.total)
            self.clear()
        return count


class StoreMetrics:
    """What one operation with the store costs."""

    def __init__(self, metrics: "ServiceMetrics", operation: str) -> None:
        self._errors, self._operation = metrics.store_errors, operation
        self._batch_size = metrics.batch_size.labels(operation)
        self._latency = metrics.store_latency.labels(operation)
        self._waiting = metrics.waiting.labels(operation)
        self._retries = metrics.retries.labels(operation)
        self._batch_sizes = Observations(_BATCH_BUCKETS)
        self._latencies = Observations(_LATENCY_BUCKETS_S)
        self._still_waiting = 0

    def count_batch(self, requests: int, still_waiting: int) -> None:
        """Count one batch that goes to the store, and note how many requests wait behind it."""
        self._batch_sizes.observe(requests)
        self._still_waiting = still_waiting

    def count_attempt(self, duration_s: float, error: Exception | None = None) -> None:
        """Count one attempt to exchange a batch with the store."""
        self._latencies.observe(duration_s)
        if error is not None:
            self._errors.labels(self._operation, type(error).__name__).inc()

    def count_retry(self) -> None:
        """Count one batch that is sent again."""
        self._retries.inc()

    def flush(self) -> None:
        """Show what was observed."""
        self._batch_sizes.flush(self._batch_size)
        self._latencies.flush(self._latency)
        self._waiting.set(self._still_waiting)


class ServiceMetrics:
    """Everything that is measured; one object per process, handed to whoever measures."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "counter_requests", "Requests answered on the data port.", ("method", "code"), registry=registry
        )
        self._request_latency = _BulkHistogram(
            "counter_request_duration_seconds",
            "Time from a request's head to its answer.",
            registry=registry,
            buckets=_LATENCY_BUCKETS_S,
        )
        self._rate_limited = Counter(
            "counter_rate_limited", "Requests refused because of the rate limit.", registry=registry
        )
        # Counting in prometheus-client takes a lock and, shared, a write to a file: too much for each request.
        self._by_method_and_code: dict[tuple[str, int], Observations] = {}
        self._operations: dict[str, StoreMetrics] = {}
        self._add_store_metrics(registry)

    def _add_store_metrics(self, registry: CollectorRegistry) -> None:
        self.batch_size = _BulkHistogram(
            "counter_batch_requests",
            "Requests answered by one exchange with the store.",
            ("operation",),
            registry=registry,
            buckets=_BATCH_BUCKETS,
        )
        self.store_latency = _BulkHistogram(
            "counter_store_duration_seconds",
            "Time of one attempt to exchange a batch with the store, failed ones included.",
            ("operation",),
            registry=registry,
            buckets=_LATENCY_BUCKETS_S,
        )
        self.store_errors = Counter(
            "counter_store_errors", "Failed attempts, by kind.", ("operation", "kind"), registry=registry
        )
        self.retries = Counter("counter_store_retries", "Batches sent again.", ("operation",), registry=registry)
        self.waiting = Gauge(
            "counter_waiting_requests",
            "Requests waiting for the store.",
            ("operation",),
            registry=registry,
            multiprocess_mode="livesum",
        )

    def requests(self, method: str, code: int) -> Observations:
        """Return the latencies, seconds, of requests with this method and status; unknown methods share "other"."""
        key = method if method in {"GET", "HEAD", "PUT"} else "other", code
        observations = self._by_method_and_code.get(key)
        if observations is None:
            observations = self._by_method_and_code[key] = Observations(_LATENCY_BUCKETS_S)
        return observations

    def store(self, operation: str) -> StoreMetrics:
        """Return the metrics of an operation with the store."""
        if operation not in self._operations:
            self._operations[operation] = StoreMetrics(self, operation)
        return self._operations[operation]

    def flush(self) -> None:
        """Show what was observed since the last flush; call it about once a second."""
        for (method, code), observations in self._by_method_and_code.items():
            count = observations.flush(self._request_latency)
            if count:
                self._requests.labels(method, str(code)).inc(count)
            if count and code == HTTPStatus.TOO_MANY_REQUESTS:
                self._rate_limited.inc(count)
        for operation in self._operations.values():
            operation.flush()

    def render(self) -> bytes:
        """Return the metrics page in Prometheus's text format, merged over all processes that share the folder."""
        self.flush()
        directory = os.environ.get(_DIRECTORY_VARIABLE)
        if directory is None:
            return generate_latest(self.registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged, path=directory)  # type: ignore[no-untyped-call]
        return generate_latest(merged)
