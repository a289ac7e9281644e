"""Brings one RequestCounter from what it says to what is: the only sequence of the operator, always run as a whole.

Level-triggered: it does not know what happened, only what is wanted and what there is, so it does the same after an
event, after a missed one, after an hour's absence, and does nothing when nothing is to be done.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import structlog

from request_counter_operator.api import RequestCounter, Status
from request_counter_operator.apply import WATCH_LAG_S, Applier
from request_counter_operator.cache import Body, Cache, Child, ChildKey, Key
from request_counter_operator.desired import children
from request_counter_operator.errors import (
    ConflictError,
    FieldConflictError,
    ForeignObjectError,
    GoneError,
    ImmutableFieldError,
    InvalidResourceError,
    NotFoundError,
    NotLeadingError,
    TerminatingError,
    VolumeNotGrownError,
)
from request_counter_operator.events import Recorder
from request_counter_operator.kinds import DEPLOYMENT
from request_counter_operator.kube import Cluster
from request_counter_operator.names import child_name
from request_counter_operator.observe import Observer
from request_counter_operator.render.credentials import Credentials, derive_root
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.topology import shards
from request_counter_operator.replacement import replace_next
from request_counter_operator.settings import Settings
from request_counter_operator.status import invalid_status, news, status
from request_counter_operator.terminating import TerminatingNamespaces
from request_counter_operator.turns import Made
from request_counter_operator.volumes import grow_volumes
from request_counter_operator.write_gate import WriteGate

log = structlog.get_logger()

UNWELL_INTERVAL_S = 15.0
"""How often what makes no event is looked for while a counter is not well: a Secret that appears, a fight that ends."""


@dataclass(slots=True)
class _Known:
    """What is remembered of one RequestCounter.

    Attributes:
        counter: It, as it was last read.
        seen: The version of the resource that the watch has told of.
        written: What it was when we wrote a status last, that status, and the version of the resource that it made.
        settled: The specification, the state and the children for which nothing had to be written.
    """

    counter: RequestCounter | None = None
    seen: str | None = None
    written: tuple[str | None, Status, str] | None = None
    settled: tuple[object, ...] | None = None


@dataclass(slots=True)
class Reconciler:
    """Reconciles any RequestCounter, one at a time each; the work queue sees to that.

    Attributes:
        gate: Whether this process may write at all.
        terminating: Where nothing is written, because it is all going away.
        seed: What the passwords are derived from; empty until the first election.
        now: The time of day, in RFC 3339.
    """

    cluster: Cluster
    gate: WriteGate
    cache: Cache
    applier: Applier
    observer: Observer
    recorder: Recorder
    terminating: TerminatingNamespaces
    settings: Settings
    now: Callable[[], str]
    seed: bytes = b""
    _known: dict[Key, _Known] = field(init=False, default_factory=dict)

    async def reconcile(self, key: Key) -> float | None:
        """Bring the RequestCounter to what it says, as far as that is possible now.

        Returns:
            Seconds until it wants to be looked at again, or None when there is nothing to look at any more.

        Raises:
            InvalidResourceError: The resource cannot be read, and its status tells so. Nothing else was changed.
            NotLeadingError: This process may not write. It was left as it is.
            ExceptionGroup: Children could not be applied. The others were, and the status tells of it.
            ApiError: The status could not be written.
        """
        if not self.gate.is_open or not self.seed:
            raise NotLeadingError("standing by")
        body = self.cache.counter(key)
        if body is None:
            self._forget(key)
            return None
        uid = body["metadata"]["uid"]
        if (rest_s := self.terminating.rest_s(key.namespace, uid)) > 0:
            return rest_s
        try:
            return await self._reconcile(key, body)
        except GoneError as error:
            log.debug("left alone", why=str(error))
            return None
        except TerminatingError as error:
            log.debug("left alone", why=str(error))
            self.terminating.note(key.namespace, self.cache.uids(key.namespace))
            return self.terminating.rest_s(key.namespace, uid)

    async def _reconcile(self, key: Key, body: Body) -> float | None:
        known = self._known.setdefault(key, _Known())
        known.seen = body["metadata"].get("resourceVersion")
        try:
            counter = self._read(known, body)
        except InvalidResourceError as error:
            await self._tell_invalid(known, body, str(error))
            raise
        if counter.is_being_deleted:
            return None
        made = await self._make(key, known, counter)
        return await self._tell(key, known, counter, made)

    def _read(self, known: _Known, body: Body) -> RequestCounter:
        """Return the resource, with the status that we wrote, while the watch still tells of the one before."""
        counter = known.counter
        if counter is None or counter.metadata.resource_version != known.seen:
            counter = known.counter = RequestCounter.from_body(body)
        if known.written is None or known.written[0] != known.seen:
            return counter
        _, written, version = known.written
        metadata = counter.metadata.model_copy(update={"resource_version": version})
        return counter.model_copy(update={"metadata": metadata, "status": written})

    async def _make(self, key: Key, known: _Known, counter: RequestCounter) -> Made:
        """Bring the children to what the resource says, unless they are known to be so, or are not to be touched."""
        live = self.cache.children(key)
        meta = counter.metadata
        if counter.is_paused:
            return Made()
        certificate = await self.observer.certificate(key, counter)
        progress = (counter.is_bootstrapped, counter.is_restoring, counter.auth, shards(counter), counter.move)
        state = (meta.uid, meta.generation, *progress, certificate, live)
        if known.settled == state:
            return Made()
        known.settled = None
        facts = await self._facts(counter, live, certificate)
        grown = await grow_volumes(self.cluster, children(counter, self.settings, facts), live)
        made = await self.applier.make(key, counter, grown.manifests)
        made.failures += grown.failures
        made.happenings += grown.happenings
        if not made.wrote and not made.failures and not made.awaits_watch:
            known.settled = state
        await self.recorder.record(counter, made.happenings)
        return made

    async def _facts(self, counter: RequestCounter, live: dict[ChildKey, Child], certificate: str) -> Facts:
        child = live.get(ChildKey(DEPLOYMENT.kind, child_name(counter, "service")))
        rollout = None if child is None else child.rollout
        replicas = None if rollout is None else rollout.wanted
        if rollout is None and counter.spec.autoscaling is not None:
            replicas = await self._replicas_of_unseen(counter)
        return Facts(
            credentials=self._credentials(counter),
            service_replicas=replicas,
            service_pods=0 if rollout is None else rollout.present + rollout.ending,
            certificate=certificate,
        )

    def _credentials(self, counter: RequestCounter) -> Credentials:
        return Credentials.of(derive_root(self.seed, counter), counter)

    async def _replicas_of_unseen(self, counter: RequestCounter) -> int | None:
        """Return the replicas of a Deployment that the watch does not know, such as one whose label was taken off.

        To think that there is none would be to set the number that is the autoscaler's.
        """
        name = child_name(counter, "service")
        try:
            body = await self.cluster.get(DEPLOYMENT, counter.metadata.namespace, name)
        except NotFoundError:
            return None
        return int(body["spec"]["replicas"])

    async def _tell(self, key: Key, known: _Known, counter: RequestCounter, made: Made) -> float:
        """Write what is the case into the status; return when to look again.

        Raises:
            ExceptionGroup: Something failed that may well succeed when it is tried again.
        """
        fight = self.applier.fight_over(key)
        observed = await self.observer.observe(key, counter, made, fight=fight, credentials=self._credentials(counter))
        await self.recorder.record(counter, observed.happenings)
        wanted = status(counter, self.settings, observed, self.now())
        await self._write_status(known, counter, wanted)
        if not counter.is_paused and not made.wrote:
            happening = await replace_next(self.cluster, counter, observed, partial(self.observer.look_now, key))
            await self.recorder.record(counter, [] if happening is None else [happening])
        for_people = (ForeignObjectError, FieldConflictError, ImmutableFieldError, VolumeNotGrownError)
        retried = [failure for failure in made.failures if not isinstance(failure, for_people)]
        if retried:
            raise ExceptionGroup("not all children could be applied", retried)
        sooner_s = [failure.retry_in_s for failure in made.failures if isinstance(failure, FieldConflictError)]
        if made.awaits_watch:
            sooner_s.append(WATCH_LAG_S)
        is_well = all(c.status == "True" for c in wanted.conditions if c.type == "Ready") or counter.is_hibernating
        # Renewing passwords waits for the clock as well, and for what makes no event.
        is_renewing = wanted.store is not None and wanted.store.auth is not None and wanted.store.auth.is_renewing
        is_quiet = is_well and not made.failures and fight is None and not is_renewing
        return min([self.settings.resync_interval_s if is_quiet else UNWELL_INTERVAL_S, *sooner_s])

    async def _tell_invalid(self, known: _Known, body: Body, message: str) -> None:
        counter = RequestCounter.without_spec(body)
        if not counter.is_being_deleted:
            await self._write_status(known, counter, invalid_status(counter, message, self.now()))

    async def _write_status(self, known: _Known, counter: RequestCounter, wanted: Status) -> None:
        """Write the status if it says anything new, and tell of it what is worth an Event.

        Only over the status that it was made from: what it remembers of passwords must never go back.
        """
        if wanted == counter.status:
            return
        meta = counter.metadata
        try:
            body = await self.cluster.apply_status(meta, wanted.to_body())
        except (NotFoundError, ConflictError):
            return  # deleted or changed meanwhile: its event is on the way
        known.written = (known.seen, wanted, body["metadata"]["resourceVersion"])
        await self.recorder.record(counter, news(counter.status, wanted))

    def _forget(self, key: Key) -> None:
        self.applier.forget(key)
        self.observer.forget(key)
        self._known.pop(key, None)
