"""Makes the cluster's children the wanted ones: server-side apply of what is wanted, removal of what is not.

A child whose fields of ours have the wanted values is not written again, so a settled resource costs no request at
all. What somebody changed is put right, and told along with who it was. Children that do not need each other take
their turns at the same time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Cache, Child, ChildKey, Key, belongs_to
from request_counter_operator.confirmation import Confirmation
from request_counter_operator.drift import Corrections
from request_counter_operator.errors import (
    ConflictError,
    FieldConflictError,
    ForeignObjectError,
    ImmutableFieldError,
    NotFoundError,
)
from request_counter_operator.happening import Happening
from request_counter_operator.kinds import DEPLOYMENT, KIND_OF, SERVICE, STATEFUL_SET
from request_counter_operator.kube import Cluster, Object
from request_counter_operator.ownership import manifest_digest, takers
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.replicas import hand_over_replicas
from request_counter_operator.turns import Made, Turn, sum_up, take_turns

WATCH_LAG_S = 3.0
"""How long the watch may take to tell of a child that was just made, before the API server is asked for it."""


@dataclass(slots=True)
class _Applied:
    """What our last apply of a child came to.

    Attributes:
        wanted: Digest of what it asked for.
        live: Digest of what it made of our fields.
        version: That it made of the object.
        at_s: When, by the applier's clock.
        is_told: Whether the watch has told of it since.
    """

    wanted: str
    live: str
    version: int
    at_s: float
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class _Pass:
    """What one pass over the children of one RequestCounter goes by."""

    key: Key
    counter: RequestCounter
    memory: dict[ChildKey, _Applied]
    confirmation: Confirmation


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
            GoneError: The RequestCounter is gone or going. Nothing more was made for it.
            TerminatingError: Its namespace is being deleted. Nothing more was made for it.
            NotLeadingError: This process may not write any more.
        """
        work = _Pass(key, counter, self._memory(key, counter), Confirmation(self._cluster, counter))
        live = self._cache.children(key)
        wanted = {_child_key(manifest): manifest for manifest in manifests}
        turns = [Turn(child, live.get(child), manifest) for child, manifest in wanted.items()]
        turns += [
            Turn(old.key, old)
            for old in live.values()
            if old.key not in wanted and old.owner_uid == counter.metadata.uid and not old.terminating
        ]
        await take_turns(turns, partial(self._take, work))
        for turn in turns:
            if turn.drift:
                self._note(key, turn)
        return sum_up(turns)

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

    async def _take(self, work: _Pass, turn: Turn) -> None:
        if turn.manifest is not None:
            await self._make_one(work, turn, turn.manifest)
        elif turn.live is not None:
            await self._remove(work, turn, turn.live)

    async def _make_one(self, work: _Pass, turn: Turn, manifest: Manifest) -> None:
        before, live, wanted = work.memory.get(turn.child), turn.live, manifest_digest(manifest)
        is_ours = before is not None and before.wanted == wanted
        if live is None:
            # The watch may be behind, or somebody took the label off by which it knows ours.
            if before is not None and is_ours and self._is_untold(before):
                turn.awaits_watch = True
                return
            live = await self._find(work.counter, turn.child)
        elif before is not None and live.resource_version >= before.version:
            before.is_told = True
        if live is not None and self._is_as_wanted(work, live, before, wanted):
            return
        await work.confirmation.get()
        drift = await self._drift(work, manifest, live, is_ours=is_ours)
        if live is not None and live.owns_replicas and "replicas" not in manifest["spec"]:
            await hand_over_replicas(self._cluster, work.counter, live)
        await self._apply(work, turn, manifest, wanted)
        turn.drift = drift

    def _is_untold(self, before: _Applied) -> bool:
        """Return whether a child that the watch does not know is one that we made a moment ago."""
        return not before.is_told and self._clock() - before.at_s < WATCH_LAG_S

    def _is_as_wanted(self, work: _Pass, live: Child, before: _Applied | None, wanted: str) -> bool:
        """Return whether nothing is to be done to a child that is there, or nothing yet.

        Raises:
            ConflictError: It is not this RequestCounter's.
        """
        if live.terminating:
            return True  # its end makes an event, and then it is made anew
        if live.owner_uid not in {None, work.counter.metadata.uid}:
            raise ConflictError("it still belongs to a deleted resource of the same name")
        if live.digest == wanted or (before and before.version > live.resource_version):
            return True  # as wanted, or the watch has not told of our last write yet
        # As we made it: the API server writes some value in another way.
        return before is not None and (before.wanted, before.live) == (wanted, live.digest)

    async def _apply(self, work: _Pass, turn: Turn, manifest: Manifest, wanted: str) -> None:
        child, turn.wrote = turn.child, True
        try:
            applied = turn.applied = Child.from_body(await self._cluster.apply(manifest))
        except ImmutableFieldError:
            if child.kind == SERVICE.kind:
                raise  # its address would change, under everybody who has it
            await self._remove(work, turn, Child.from_body(await self._get(work.counter, child)), orphan=True)
            note = f"{child.kind} {child.name} is made anew: a field that never changes was not as wanted"
            turn.happenings.append(Happening("Normal", "ChildRecreated", note))
        else:
            work.memory[child] = _Applied(wanted, applied.digest, applied.resource_version, self._clock())

    async def _remove(self, work: _Pass, turn: Turn, child: Child, *, orphan: bool = False) -> None:
        """Delete this very child; ``orphan`` leaves a workload's pods running, for the next one of its name."""
        await work.confirmation.get()
        turn.wrote = True
        keeps_pods = orphan and child.key.kind in {DEPLOYMENT.kind, STATEFUL_SET.kind}
        propagation = "Orphan" if keeps_pods else "Background"
        kind = KIND_OF[child.key.kind]
        await self._cluster.delete(kind, work.key.namespace, child.key.name, child.uid, propagation=propagation)  # type: ignore[arg-type]
        work.memory.pop(child.key, None)

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

    def _note(self, key: Key, turn: Turn) -> None:
        corrections = self._corrections.setdefault(key, {}).setdefault(turn.child, Corrections(self._clock))
        corrections.note(turn.drift)
        self._corrected(turn.child.kind)
        turn.happenings.append(Happening("Normal", "DriftCorrected", f"{turn.drift}, and is as wanted again"))


def _child_key(manifest: Manifest) -> ChildKey:
    return ChildKey(manifest["kind"], manifest["metadata"]["name"])
