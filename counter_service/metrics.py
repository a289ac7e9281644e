"""The service's Prometheus metrics: names, labels, buckets, and how several processes' metrics become one page.

Values live in this process, unless `share_metrics` was called before: then prometheus-client keeps each value in a
file, one per process, and `ServiceMetrics.render` merges the files.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

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


class ServiceMetrics:
    """Everything that is measured; one object per process, handed to whoever measures."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "counter_requests", "Requests answered on the data port.", ("method", "code"), registry=self.registry
        )
        self._request_latency = Histogram(
            "counter_request_duration_seconds",
            "Time from a request's head to its answer.",
            registry=self.registry,
            buckets=_LATENCY_BUCKETS_S,
        )
        self._batch_size = Histogram(
            "counter_batch_requests",
            "Requests answered by one exchange with the store.",
            ("operation",),
            registry=self.registry,
            buckets=_BATCH_BUCKETS,
        )
        self._store_latency = Histogram(
            "counter_store_duration_seconds",
            "Time of one attempt to exchange a batch with the store, failed ones included.",
            ("operation",),
            registry=self.registry,
            buckets=_LATENCY_BUCKETS_S,
        )
        self._store_errors = Counter(
            "counter_store_errors", "Failed attempts, by kind.", ("operation", "kind"), registry=self.registry
        )
        self._retries = Counter("counter_store_retries", "Batches sent again.", ("operation",), registry=self.registry)
        self._waiting = Gauge(
            "counter_waiting_requests",
            "Requests waiting for the store.",
            ("operation",),
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        # Resolving labels costs more than counting does, and there are few combinations.
        self._requests_by_label: dict[tuple[str, int], Counter] = {}

    def count_request(self, method: str, code: int, duration_s: float) -> None:
        """Count one answered request; methods other than the known ones are counted as "other"."""
        counter = self._requests_by_label.get((method, code))
        if counter is None:
            known = method if method in {"GET", "HEAD", "PUT"} else "other"
            counter = self._requests.labels(known, str(code))
            if known == method:
                self._requests_by_label[method, code] = counter
        counter.inc()
        self._request_latency.observe(duration_s)

    def count_batch(self, operation: str, requests: int, still_waiting: int) -> None:
        """Count one batch that goes to the store, and note how many requests wait behind it."""
        self._batch_size.labels(operation).observe(requests)
        self._waiting.labels(operation).set(still_waiting)

    def count_retry(self, operation: str) -> None:
        """Count one batch that is sent again."""
        self._retries.labels(operation).inc()

    @contextmanager
    def store_attempt(self, operation: str) -> Iterator[None]:
        """Time one attempt, and count it as an error when it raises."""
        started_s = time.perf_counter()
        try:
            yield
        except Exception as error:
            self._store_errors.labels(operation, type(error).__name__).inc()
            raise
        finally:
            self._store_latency.labels(operation).observe(time.perf_counter() - started_s)

    def render(self) -> bytes:
        """Return the metrics page in Prometheus's text format, merged over all processes that share the folder."""
        directory = os.environ.get(_DIRECTORY_VARIABLE)
        if directory is None:
            return generate_latest(self.registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged, path=directory)  # type: ignore[no-untyped-call]
        return generate_latest(merged)
