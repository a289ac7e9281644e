"""Makes the cluster's children the wanted ones: server-side apply of what is wanted, removal of what is not.

A child whose wanted fields and whose fields in the cluster are as they were after our last apply is not written again,
so a settled resource costs no request at all.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Cache, Child, ChildKey, Key, belongs_to
from request_counter_operator.errors import (
    ApiError,
    ConflictError,
    ForeignObjectError,
    NotFoundError,
    OperatorError,
    TerminatingError,
)
from request_counter_operator.kinds import DEPLOYMENT, KIND_OF
from request_counter_operator.kube import Cluster
from request_counter_operator.names import REPLICAS_FIELD_MANAGER
from request_counter_operator.ownership import digest
from request_counter_operator.render.manifest import Manifest


class _Applied(NamedTuple):
    """What our last apply wanted, and what it made of our fields, as digests."""

    wanted: str
    live: str


class Applier:
    """Applies and prunes the children of any RequestCounter, and remembers what it did."""

    def __init__(self, cluster: Cluster, cache: Cache) -> None:
        self._cluster = cluster
        self._cache = cache
        self._applied: dict[Key, dict[ChildKey, _Applied]] = {}

    async def make(self, key: Key, counter: RequestCounter, manifests: Sequence[Manifest]) -> list[OperatorError]:
        """Bring the children to what ``manifests`` say; one that fails does not keep the others from their turn.

        Returns:
            What failed, in the order of the manifests; empty when all is as wanted, or the namespace is going away.
        """
        live = self._cache.children(key)
        failures: list[OperatorError] = []
        for manifest in manifests:
            child = ChildKey(manifest["kind"], manifest["metadata"]["name"])
            try:
                await self._make_one(key, counter, manifest, live.get(child))
            except TerminatingError:
                return []
            except OperatorError as error:
                failures.append(_located(child, error))
        wanted = {ChildKey(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}
        unwanted = [c for c in live.values() if c.key not in wanted and c.owner_uid == counter.metadata.uid]
        failures += await self._prune(key, unwanted)
        return failures

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a RequestCounter that is gone."""
        self._applied.pop(key, None)

    async def _make_one(self, key: Key, counter: RequestCounter, manifest: Manifest, live: Child | None) -> None:
        memory = self._applied.setdefault(key, {})
        child = ChildKey(manifest["kind"], manifest["metadata"]["name"])
        wanted = digest(manifest)
        if live is None:
            await self._refuse_foreign(counter, child)
        elif live.terminating:
            return  # its end makes an event, and then it is made anew
        elif live.owner_uid not in {None, counter.metadata.uid}:
            raise ConflictError("it still belongs to a deleted resource of the same name")
        elif memory.get(child) == _Applied(wanted, live.digest):
            return
        elif live.owns_replicas and "replicas" not in manifest["spec"]:
            await self._hand_over_replicas(counter, live)
        applied = await self._cluster.apply(manifest)
        memory[child] = _Applied(wanted, Child.from_body(applied).digest)

    async def _refuse_foreign(self, counter: RequestCounter, child: ChildKey) -> None:
        """Make sure that nobody else's object has the child's name: applying would take it over.

        Raises:
            ForeignObjectError: There is one.
        """
        try:
            body = await self._cluster.get(KIND_OF[child.kind], counter.metadata.namespace, child.name)
        except NotFoundError:
            return
        if not belongs_to(body, counter):
            raise ForeignObjectError("it exists already and is not ours: rename it or the RequestCounter")

    async def _hand_over_replicas(self, counter: RequestCounter, live: Child) -> None:
        """Let another manager hold the present number of pods, before we let go of it.

        A field that its only manager lets go of falls back to its default, which here is one pod.
        Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
        """
        if live.rollout is None:
            return
        manifest = {
            "apiVersion": DEPLOYMENT.api_version,
            "kind": live.key.kind,
            "metadata": {"name": live.key.name, "namespace": counter.metadata.namespace, "uid": live.uid},
            "spec": {"replicas": live.rollout.wanted},
        }
        await self._cluster.apply(manifest, field_manager=REPLICAS_FIELD_MANAGER)

    async def _prune(self, key: Key, unwanted: Iterable[Child]) -> list[OperatorError]:
        """Delete children that are no longer wanted: these very ones, by UID."""
        failures: list[OperatorError] = []
        for child in unwanted:
            if child.terminating:
                continue
            try:
                await self._cluster.delete(KIND_OF[child.key.kind], key.namespace, child.key.name, child.uid)
            except ApiError as error:
                failures.append(_located(child.key, error))
            else:
                self._applied.get(key, {}).pop(child.key, None)
        return failures


def _located(child: ChildKey, error: OperatorError) -> OperatorError:
    """Put the child's name before an error's message, where a person reads first."""
    error.args = (f"{child.kind} {child.name}: {error}",)
    return error
