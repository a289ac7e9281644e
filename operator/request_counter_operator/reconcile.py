"""Brings one RequestCounter from what it says to what is: the only sequence of the operator, always run as a whole.

Level-triggered: it does not know what happened, only what is wanted and what there is, so it does the same after an
event, after a missed one, after an hour's absence, and does nothing when nothing is to be done.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from request_counter_operator.api import RequestCounter, Status
from request_counter_operator.apply import Applier
from request_counter_operator.cache import Cache, ChildKey, Key
from request_counter_operator.desired import Facts, children
from request_counter_operator.errors import ForeignObjectError, NotFoundError
from request_counter_operator.kinds import DEPLOYMENT
from request_counter_operator.kube import Cluster
from request_counter_operator.names import child_name
from request_counter_operator.observe import Observer
from request_counter_operator.render.credentials import derive_password
from request_counter_operator.settings import Settings
from request_counter_operator.status import status

log = structlog.get_logger()

UNANSWERED_INTERVAL_S = 2.0
"""How soon a service is asked again that did not tell its total."""


@dataclass(slots=True)
class Reconciler:
    """Reconciles any RequestCounter, one at a time each; the work queue sees to that.

    Attributes:
        seed: What the passwords are derived from.
        now: The time of day, in RFC 3339.
    """

    cluster: Cluster
    cache: Cache
    observer: Observer
    settings: Settings
    seed: bytes
    now: Callable[[], str]
    _applier: Applier = field(init=False)
    _written: dict[Key, tuple[str | None, Status]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Make what has the reconciler's own lifetime."""
        self._applier = Applier(self.cluster, self.cache)

    async def reconcile(self, key: Key) -> float | None:
        """Bring the RequestCounter to what it says, as far as that is possible now.

        Returns:
            Seconds until it wants to be looked at again, or None when there is nothing to look at any more.

        Raises:
            InvalidResourceError: The resource cannot be read. Nothing was changed.
            ExceptionGroup: Children could not be applied. The others were, and the status tells of it.
            ApiError: The status could not be written.
        """
        body = self.cache.counter(key)
        if body is None:
            self._forget(key)
            return None
        counter = self._with_latest_status(key, RequestCounter.from_body(body))
        if counter.is_being_deleted:
            return None
        failures = await self._applier.make(key, counter, children(counter, self.settings, self._facts(key, counter)))
        observed = await self.observer.observe(key, counter, failures)
        await self._write_status(key, counter, status(counter, self.settings, observed, self.now()))
        retried = [failure for failure in failures if not isinstance(failure, ForeignObjectError)]
        if retried:
            raise ExceptionGroup("not all children could be applied", retried)
        # A service that could not be asked yet makes no event when it can.
        asked = observed.total is not None or observed.service is None
        return self.settings.total_interval_s if asked else UNANSWERED_INTERVAL_S

    def _facts(self, key: Key, counter: RequestCounter) -> Facts:
        deployment = ChildKey(DEPLOYMENT.kind, child_name(counter, "service"))
        return Facts(
            redis_password=derive_password(self.seed, counter),
            deployment_exists=deployment in self.cache.children(key),
        )

    def _with_latest_status(self, key: Key, counter: RequestCounter) -> RequestCounter:
        """Return the resource with the status that we wrote, while the watch still tells of the one before."""
        based_on, written = self._written.get(key, (None, counter.status))
        if based_on is not None and based_on == counter.metadata.resource_version:
            return counter.model_copy(update={"status": written})
        return counter

    async def _write_status(self, key: Key, counter: RequestCounter, wanted: Status) -> None:
        """Write the status if it says anything new."""
        if wanted == counter.status:
            return
        meta = counter.metadata
        try:
            await self.cluster.apply_status(meta.namespace, meta.name, meta.uid, wanted.to_body())
        except NotFoundError:
            return  # deleted meanwhile: its event is on the way
        self._written[key] = (meta.resource_version, wanted)
        log.debug("status written", total=wanted.total)

    def _forget(self, key: Key) -> None:
        self._applier.forget(key)
        self.observer.forget(key)
        self._written.pop(key, None)
