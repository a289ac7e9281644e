"""Makes the cluster's children the wanted ones: server-side apply of what is wanted, removal of what is not.

A child whose fields of ours have the wanted values is not written again, so a settled resource costs no request at
all. What somebody changed is put right, and told along with who it was.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Cache, Child, ChildKey, Key, belongs_to
from request_counter_operator.drift import Corrections
from request_counter_operator.errors import (
    ConflictError,
    FieldConflictError,
    ForeignObjectError,
    GoneError,
    ImmutableFieldError,
    NotFoundError,
    NotLeadingError,
    OperatorError,
    TerminatingError,
)
from request_counter_operator.happening import Happening
from request_counter_operator.kinds import DEPLOYMENT, KIND_OF, REQUEST_COUNTER, SERVICE, STATEFUL_SET
from request_counter_operator.kube import Cluster, Object
from request_counter_operator.names import REPLICAS_FIELD_MANAGER
from request_counter_operator.ownership import manifest_digest, takers
from request_counter_operator.render.manifest import Manifest


class _Applied(NamedTuple):
    """What our last apply wanted and what it made of our fields, as digests, and the version it made of the object."""

    wanted: str
    live: str
    version: int


@dataclass(slots=True)
class Made:
    """What one pass over the children came to.

    Attributes:
        failures: What could not be done, in the order of the manifests.
        happenings: What people should know of.
        wrote: Whether anything was sent to the API server.
    """

    failures: list[OperatorError] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    wrote: bool = False


@dataclass(slots=True)
class _Pass:
    """One pass over the children of one RequestCounter: what it may rely on, and what it came to."""

    key: Key
    counter: RequestCounter
    memory: dict[ChildKey, _Applied]
    is_confirmed: bool = False
    made: Made = field(default_factory=Made)


class Applier:
    """Applies and prunes the children of any RequestCounter, and remembers what it did.

    Args:
        cluster: where they are.
        cache: what the watches tell of them.
        clock: a monotonic clock, in seconds.
        corrected: told the kind of each child that was put right.
    """

    def __init__(
        self, cluster: Cluster, cache: Cache, clock: Callable[[], float], corrected: Callable[[str], None]
    ) -> None:
        self._cluster = cluster
        self._cache = cache
        self._clock = clock
        self._corrected = corrected
        self._applied: dict[Key, tuple[str, dict[ChildKey, _Applied]]] = {}
        self._corrections: dict[Key, dict[ChildKey, Corrections]] = {}

    async def make(self, key: Key, counter: RequestCounter, manifests: Sequence[Manifest]) -> Made:
        """Bring the children to what ``manifests`` say; one that fails does not keep the others from their turn.

        Raises:
            GoneError: The RequestCounter is gone or going, or its namespace is. Nothing more was made for it.
            NotLeadingError: This process may not write any more.
        """
        work = _Pass(key, counter, self._memory(key, counter))
        live = self._cache.children(key)
        wanted = {_child_key(manifest): manifest for manifest in manifests}
        for child, manifest in wanted.items():
            await self._attempt(work, child, self._make_one(work, child, manifest, live.get(child)))
        for old in live.values():
            if old.key not in wanted and old.owner_uid == counter.metadata.uid and not old.terminating:
                await self._attempt(work, old.key, self._remove(work, old))
        return work.made

    def fight_over(self, key: Key) -> str | None:
        """Return who keeps changing a child of this RequestCounter, as a sentence; None when nobody does."""
        fights = (corrections for corrections in self._corrections.get(key, {}).values() if corrections.is_fight)
        return next((corrections.latest for corrections in fights), None)

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a RequestCounter that is gone."""
        self._applied.pop(key, None)
        self._corrections.pop(key, None)

    def _memory(self, key: Key, counter: RequestCounter) -> dict[ChildKey, _Applied]:
        """Return what is remembered of this very resource: of a namesake before it, nothing."""
        uid, memory = self._applied.get(key, ("", {}))
        if uid != counter.metadata.uid:
            self.forget(key)
            memory = {}
            self._applied[key] = (counter.metadata.uid, memory)
        return memory

    async def _attempt(self, work: _Pass, child: ChildKey, attempt: Coroutine[None, None, None]) -> None:
        try:
            await attempt
        except TerminatingError as error:
            raise GoneError(str(error)) from error
        except (GoneError, NotLeadingError):
            raise
        except OperatorError as error:
            work.made.failures.append(_located(child, error))

    async def _make_one(self, work: _Pass, child: ChildKey, manifest: Manifest, live: Child | None) -> None:
        before = work.memory.get(child)
        wanted = manifest_digest(manifest)
        if live is None:
            # The watch may be behind, or somebody took the label off by which it knows ours.
            live = await self._find(work.counter, child)
        if live is not None:
            if live.terminating:
                return  # its end makes an event, and then it is made anew
            if live.owner_uid not in {None, work.counter.metadata.uid}:
                raise ConflictError("it still belongs to a deleted resource of the same name")
            if live.digest == wanted or (before and before.version > live.resource_version):
                return  # as wanted, or the watch has not told of our last write yet
            if before and (before.wanted, before.live) == (wanted, live.digest):
                return  # as we made it: the API server writes some value in another way
        await self._confirm(work)
        drift = await self._drift(work, manifest, live, is_ours=before is not None and before.wanted == wanted)
        if live is not None and live.owns_replicas and "replicas" not in manifest["spec"]:
            await self._hand_over_replicas(work.counter, live)
        await self._apply(work, child, manifest, wanted)
        if drift:
            self._note(work, child, drift)

    async def _apply(self, work: _Pass, child: ChildKey, manifest: Manifest, wanted: str) -> None:
        work.made.wrote = True
        try:
            applied = Child.from_body(await self._cluster.apply(manifest))
        except ImmutableFieldError:
            if child.kind == SERVICE.kind:
                raise  # its address would change, under everybody who has it
            await self._remove(work, Child.from_body(await self._get(work.counter, child)), orphan=True)
            note = f"{child.kind} {child.name} is made anew: a field that never changes was not as wanted"
            work.made.happenings.append(Happening("Normal", "ChildRecreated", note))
        else:
            work.memory[child] = _Applied(wanted, applied.digest, applied.resource_version)

    async def _remove(self, work: _Pass, child: Child, *, orphan: bool = False) -> None:
        """Delete this very child; ``orphan`` leaves a workload's pods running, for the next one of its name."""
        await self._confirm(work)
        work.made.wrote = True
        keeps_pods = orphan and child.key.kind in {DEPLOYMENT.kind, STATEFUL_SET.kind}
        propagation = "Orphan" if keeps_pods else "Background"
        kind = KIND_OF[child.key.kind]
        await self._cluster.delete(kind, work.key.namespace, child.key.name, child.uid, propagation=propagation)  # type: ignore[arg-type]
        work.memory.pop(child.key, None)

    async def _confirm(self, work: _Pass) -> None:
        """Make sure, before the first write of a pass, that the RequestCounter is still there and wanted.

        The watches tell of children and of their owner on different ways: a child's end may be told before its owner's,
        and would be taken for drift.
        """
        if work.is_confirmed:
            return
        meta = work.counter.metadata
        try:
            body = await self._cluster.get(REQUEST_COUNTER, meta.namespace, meta.name)
        except NotFoundError as error:
            raise GoneError("deleted") from error
        if body["metadata"]["uid"] != meta.uid or "deletionTimestamp" in body["metadata"]:
            raise GoneError("being deleted, or another one by now")
        work.is_confirmed = True

    async def _find(self, counter: RequestCounter, child: ChildKey) -> Child | None:
        """Return a child that the watches do not know, or None.

        Raises:
            ForeignObjectError: There is an object of its name that is not ours: applying would take it over.
        """
        try:
            body = await self._get(counter, child, may_be_old=True)
        except NotFoundError:
            return None
        if not belongs_to(body, counter):
            raise ForeignObjectError("it exists already and is not ours: rename it or the RequestCounter")
        return Child.from_body(body)

    async def _get(self, counter: RequestCounter, child: ChildKey, *, may_be_old: bool = False) -> Object:
        kind, namespace = KIND_OF[child.kind], counter.metadata.namespace
        body = await self._cluster.get(kind, namespace, child.name, may_be_old=may_be_old)
        return {**body, "kind": child.kind}

    async def _drift(self, work: _Pass, manifest: Manifest, live: Child | None, *, is_ours: bool) -> str:
        """Return what somebody did to a child, as a sentence, or nothing when it is we who want something else now.

        Raises:
            FieldConflictError: It has been done too often.
        """
        child = _child_key(manifest)
        corrections = self._corrections.get(work.key, {}).get(child)
        if live is None:
            did = f"{child.kind} {child.name} was deleted" if is_ours else ""
        else:
            managers = takers(await self._get(work.counter, child), manifest)
            is_new = work.counter.metadata.generation != work.counter.status.observed_generation
            is_drift = is_ours or (bool(managers) and not is_new)
            who = " and ".join(managers) if managers else "somebody who left no trace of being there"
            did = f"{child.kind} {child.name} was changed by {who}" if is_drift else ""
        if did and corrections and corrections.truce_s:
            raise FieldConflictError(did, retry_in_s=corrections.truce_s)
        return did

    def _note(self, work: _Pass, child: ChildKey, drift: str) -> None:
        corrections = self._corrections.setdefault(work.key, {}).setdefault(child, Corrections(self._clock))
        corrections.note(drift)
        self._corrected(child.kind)
        work.made.happenings.append(Happening("Normal", "DriftCorrected", f"{drift}, and is as wanted again"))

    async def _hand_over_replicas(self, counter: RequestCounter, live: Child) -> None:
        """Let another manager hold the present number of pods, before we let go of it.

        A field that its only manager lets go of falls back to its default, which here is one pod.
        Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
        """
        body = await self._get(counter, live.key)
        manifest = {
            "apiVersion": DEPLOYMENT.api_version,
            "kind": live.key.kind,
            "metadata": {"name": live.key.name, "namespace": counter.metadata.namespace, "uid": live.uid},
            "spec": {"replicas": body["spec"]["replicas"]},
        }
        await self._cluster.apply(manifest, field_manager=REPLICAS_FIELD_MANAGER)


def _child_key(manifest: Manifest) -> ChildKey:
    return ChildKey(manifest["kind"], manifest["metadata"]["name"])


def _located(child: ChildKey, error: OperatorError) -> OperatorError:
    """Put the child's name before an error's message, where a person reads first."""
    if not str(error).startswith(f"{child.kind} {child.name} "):
        error.args = (f"{child.kind} {child.name}: {error}",)
    return error
