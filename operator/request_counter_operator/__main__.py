"""Runs the operator: ``python -m request_counter_operator``. The composition root: everything is made and tied here."""

import asyncio
import signal
import socket
import sys
import time
from datetime import UTC, datetime

import kopf
import structlog
import uvloop
from kubernetes.aio.config import ConfigException
from pydantic import ValidationError

from request_counter_operator import __version__
from request_counter_operator.api_connection import api_tracing
from request_counter_operator.apply import Applier
from request_counter_operator.cache import Cache, Key
from request_counter_operator.child_index import ChildIndex
from request_counter_operator.election import Election
from request_counter_operator.errors import NotFoundError, OperatorError
from request_counter_operator.events import Recorder
from request_counter_operator.handlers import build_registry
from request_counter_operator.informer import Informer
from request_counter_operator.kinds import CHILD_KINDS, REQUEST_COUNTER
from request_counter_operator.kube import Cluster, connect
from request_counter_operator.logs import configure_logs
from request_counter_operator.metrics import OperatorMetrics
from request_counter_operator.observe import Observer
from request_counter_operator.probes import Health, serve_probes
from request_counter_operator.reconcile import Reconciler
from request_counter_operator.redis_admin.stores import Stores
from request_counter_operator.seed import load_seed
from request_counter_operator.settings import Settings
from request_counter_operator.terminating import TerminatingNamespaces
from request_counter_operator.totals import Totals, admin_session
from request_counter_operator.watch_pulse import WatchPulse
from request_counter_operator.workqueue import WorkQueue
from request_counter_operator.write_gate import WriteGate

log = structlog.get_logger()

LAST_WRITES_S = 3.0
"""How long a stopping operator waits for writes that are under way, before it lets another one write."""


class Program:
    """All parts of one operator, tied together."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.identity = settings.identity or socket.gethostname()
        self.metrics = OperatorMetrics()
        self.pulse = WatchPulse([kind.plural for kind in (REQUEST_COUNTER, *CHILD_KINDS)], time.monotonic)
        self.gate = WriteGate(time.monotonic)
        self.tracing = api_tracing(self.metrics, self.pulse)
        self.cache = Cache()
        self.children = ChildIndex()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises:
            OperatorError: The cluster cannot be used as it is: no definition of RequestCounters, missing rights.
        """
        async with connect(self.gate, self.tracing) as cluster, admin_session() as http:
            for namespace in self.settings.namespaces or [""]:
                await _check_installed(cluster, namespace)
            totals = Totals(
                http, self.settings.total_interval_s, time.monotonic, lambda key: queue.add(key, urgent=False)
            )
            stores = Stores(lambda key: queue.add(key, urgent=False))
            reconciler = self._reconciler(
                cluster, Observer(self.cache, cluster, totals, stores, lambda: self.gate.is_open)
            )
            queue = WorkQueue(reconciler.reconcile, workers=self.settings.workers, metrics=self.metrics)

            async def elected() -> None:
                reconciler.seed = await load_seed(cluster, self.settings.namespace)
                for key in self.cache.keys():  # noqa: SIM118 - a cache is no mapping
                    queue.add(key, urgent=False)

            election = Election(
                cluster,
                self.gate,
                namespace=self.settings.namespace,
                identity=self.identity,
                clock=time.monotonic,
                on_elected=elected,
            )
            self._watch(queue, election)
            health = Health(self.pulse, lambda: queue.oldest_s, lambda: self.pulse.have_all_begun)
            log.info("operator starting", version=__version__, identity=self.identity)
            async with serve_probes(self.settings.probe_port, health, self.metrics):
                await self._work(queue, election, self._informers(cluster, queue))
        log.info("operator stopped")

    def _reconciler(self, cluster: Cluster, observer: Observer) -> Reconciler:
        return Reconciler(
            cluster=cluster,
            gate=self.gate,
            cache=self.cache,
            applier=Applier(
                cluster, self.cache, time.monotonic, lambda kind: self.metrics.corrections.labels(kind).inc()
            ),
            observer=observer,
            recorder=Recorder(cluster, self.identity, rfc3339_now),
            terminating=TerminatingNamespaces(time.monotonic),
            settings=self.settings,
            now=rfc3339_now,
        )

    def _watch(self, queue: WorkQueue[Key], election: Election) -> None:
        """Have the metrics that are read when they are asked for."""
        watch = self.metrics.watch
        watch("queue_depth", "RequestCounters that wait for a worker.", lambda: float(queue.depth))
        watch("queue_oldest_seconds", "For how long the one that waits longest does.", lambda: queue.oldest_s)
        watch("resources", "RequestCounters there are.", lambda: float(len(self.cache.keys())))
        watch("conditions", "RequestCounters by condition and its status.", self.cache.conditions, "type", "status")
        watch("watch_age_seconds", "Time since a watch was begun, by plural.", self.pulse.ages_s, "resource")
        watch("leading", "1 while this operator is the one that writes.", lambda: float(election.is_leading))
        watch("lease_age_seconds", "Time since this operator renewed the Lease.", lambda: election.lease_age_s)

    def _informers(self, cluster: Cluster, queue: WorkQueue[Key]) -> list[Informer]:
        return [
            Informer(cluster, kind, namespace, self.children, queue)
            for namespace in self.settings.namespaces or [""]
            for kind in CHILD_KINDS
        ]

    async def _work(self, queue: WorkQueue[Key], election: Election, informers: list[Informer]) -> None:
        """Watch, stand for election and work off the queue until a signal; then let another one take over at once."""
        stop = asyncio.Event()

        async def lead() -> None:
            await self.pulse.all_begun()
            # kopf has its own handlers by now. They would end the watches first, and give the lease back after that.
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await election.run()

        async with asyncio.TaskGroup() as group:
            watching = asyncio.Event()
            registry = build_registry(self.cache, self.children, queue, self.tracing)
            namespaces = self.settings.namespaces
            kopf_operator = kopf.operator(
                registry=registry,
                clusterwide=not namespaces,
                namespaces=namespaces,
                standalone=True,
                stop_flag=watching,
            )
            group.create_task(kopf_operator).add_done_callback(lambda _: stop.set())
            informing = [group.create_task(informer.run()) for informer in informers]
            working, leading = group.create_task(queue.run()), group.create_task(lead())
            await stop.wait()
            leading.cancel()
            self.gate.close()
            if await self.gate.until_quiet(LAST_WRITES_S):
                await election.release()
            for task in (working, *informing):
                task.cancel()
            watching.set()


async def _check_installed(cluster: Cluster, namespace: str) -> None:
    try:
        await cluster.check_installed(namespace)
    except NotFoundError as error:
        raise OperatorError("this cluster has no RequestCounters: apply crds/ first") from error


def rfc3339_now() -> str:
    """Return the time of day as Kubernetes writes it, in whole seconds of UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> int:
    """Run the operator; return its exit code: 0 after a signal, 1 when it could not run, 2 for wrong settings."""
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors():
            variable = "OPERATOR_" + "_".join(map(str, fault["loc"])).upper()
            print(f"request-counter-operator: {variable}: {fault['msg']}", file=sys.stderr)  # noqa: T201
        return 2
    configure_logs(settings)
    try:
        uvloop.run(Program(settings).run())
    except (OperatorError, ConfigException, OSError) as error:
        log.error("operator cannot run", error=str(error))  # noqa: TRY400 - the sentence says it all
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
