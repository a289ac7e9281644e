"""Runs the operator: ``python -m request_counter_operator``. The composition root: everything is made and tied here."""

import asyncio
import sys
import time
from datetime import UTC, datetime

import kopf
import structlog
import uvloop
from kubernetes.aio.config import ConfigException
from pydantic import ValidationError

from request_counter_operator import __version__
from request_counter_operator.cache import Cache
from request_counter_operator.errors import NotFoundError, OperatorError
from request_counter_operator.handlers import build_registry
from request_counter_operator.kube import connect
from request_counter_operator.logs import configure_logs
from request_counter_operator.observe import Observer, admin_session
from request_counter_operator.reconcile import Reconciler
from request_counter_operator.seed import load_seed
from request_counter_operator.settings import Settings
from request_counter_operator.workqueue import WorkQueue

log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        OperatorError: The cluster cannot be used as it is: no definition of RequestCounters, missing rights.
    """
    async with connect() as cluster, admin_session() as http:
        try:
            await cluster.check_installed()
        except NotFoundError as error:
            raise OperatorError("this cluster has no RequestCounters: apply crds/ first") from error
        seed = await load_seed(cluster, settings.namespace)
        cache = Cache()
        observer = Observer(cache, http, settings, time.monotonic)
        reconciler = Reconciler(cluster, cache, observer, settings, seed, rfc3339_now)
        queue = WorkQueue(reconciler.reconcile, workers=settings.workers)
        log.info("operator starting", version=__version__, workers=settings.workers)
        async with asyncio.TaskGroup() as group:
            working = group.create_task(queue.run())
            await kopf.operator(
                registry=build_registry(cache, queue),
                clusterwide=True,
                standalone=True,
                liveness_endpoint=f"http://0.0.0.0:{settings.probe_port}/healthz",
            )
            working.cancel()
    log.info("operator stopped")


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
        uvloop.run(run(settings))
    except (OperatorError, ConfigException) as error:
        log.error("operator cannot run", error=str(error))  # noqa: TRY400 - the sentence says it all
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
