"""What the watches have told: every RequestCounter, and of every child just what reconciling needs.

The watches' indexes stand behind it; here is only the reading. What it tells may be a moment old, never wrong for good.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from request_counter_operator.api import KIND, RequestCounter
from request_counter_operator.names import FIELD_MANAGER, INSTANCE, MANAGED_BY
from request_counter_operator.ownership import owned_digest, owns_replicas

Body = Mapping[str, Any]


class Key(NamedTuple):
    """Which RequestCounter: the unit of all work."""

    namespace: str
    name: str


class ChildKey(NamedTuple):
    """Which child, in the namespace of its RequestCounter."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a Deployment or StatefulSet has come, in pods.

    Attributes:
        observed: Whether its controller has seen its newest specification.
        wanted: Pods it is to have.
        present: Pods it has, old ones included.
        updated: Pods made from the newest template.
        ready: Pods that answer their readiness probe.
        revision: Name of the newest template's revision; empty for a Deployment.
        ending: Pods on their way out, which are not among the others; 0 where the cluster does not tell.
        message: Why its controller gave up, or empty.
    """

    observed: bool
    wanted: int
    present: int
    updated: int
    ready: int
    ending: int = 0
    message: str = ""
    revision: str = ""

    @classmethod
    def of_all(cls, rollouts: Iterable[Self | None]) -> Self | None:
        """Return several workloads' as one; None while none of them is there. It has no revision."""
        found = list(rollouts)
        there = [rollout for rollout in found if rollout is not None]
        if not there:
            return None
        return cls(
            observed=len(there) == len(found) and all(rollout.observed for rollout in there),
            wanted=sum(rollout.wanted for rollout in there),
            present=sum(rollout.present for rollout in there),
            updated=sum(rollout.updated for rollout in there),
            ready=sum(rollout.ready for rollout in there),
            ending=sum(rollout.ending for rollout in there),
            message="; ".join(rollout.message for rollout in there if rollout.message),
        )

    @classmethod
    def from_body(cls, body: Body) -> Self | None:
        """Read it from a workload; None for other kinds."""
        if body["kind"] not in {"Deployment", "StatefulSet"}:
            return None
        status = body.get("status", {})
        return cls(
            observed=status.get("observedGeneration", 0) >= body["metadata"].get("generation", 1),
            wanted=body["spec"].get("replicas", 1),
            present=status.get("replicas", 0),
            updated=status.get("updatedReplicas", 0),
            ready=status.get("readyReplicas", 0),
            ending=status.get("terminatingReplicas", 0),
            revision=status.get("updateRevision", ""),
            message="; ".join(
                condition.get("message", "")
                for condition in status.get("conditions", ())
                if (condition["type"], condition["status"]) in {("ReplicaFailure", "True"), ("Progressing", "False")}
            ),
        )


@dataclass(frozen=True, slots=True)
class Run:
    """How a Job has ended, or when the last Job of a CronJob ended well. All times are RFC 3339.

    Attributes:
        made: When it was created.
        succeeded: When all was done; None when it was not, or not yet.
        failure: Why it was given up, or empty.
    """

    made: str
    succeeded: str | None = None
    failure: str = ""

    @classmethod
    def from_body(cls, body: Body) -> Self | None:
        """Read it from a Job or CronJob; None for other kinds."""
        status, made = body.get("status", {}), body["metadata"].get("creationTimestamp", "")
        if body["kind"] == "CronJob":
            return cls(made, status.get("lastSuccessfulTime"))
        if body["kind"] != "Job":
            return None
        ends = {c["type"]: c for c in status.get("conditions", ()) if c["status"] == "True"}
        failed = ends.get("Failed", {})
        words = [word for word in (failed.get("reason"), failed.get("message")) if word]
        return cls(
            made,
            succeeded=status.get("completionTime", made) if "Complete" in ends else None,
            failure=(": ".join(words) or "no reason given") if failed else "",
        )


@dataclass(frozen=True, slots=True)
class Child:
    """A child as it is in the cluster, without its bulk.

    Attributes:
        resource_version: Of two states of one object, the later has the greater one.
        owner_uid: UID of the controlling owner, or None when it has none.
        terminating: Whether it is being deleted.
        digest: Digest of our fields' values (see ``ownership``).
        owns_replicas: Whether the number of replicas is our field.
        rollout: How far a workload has come; None for other kinds.
        run: How a Job or CronJob has fared; None for other kinds.
    """

    key: ChildKey
    uid: str
    resource_version: int
    owner_uid: str | None
    terminating: bool
    digest: str
    owns_replicas: bool
    rollout: Rollout | None
    run: Run | None = None

    @classmethod
    def from_body(cls, body: Body) -> Self:
        """Reduce an object as the API server tells it. ``body`` must have ``kind``."""
        metadata = body["metadata"]
        owner = _controller(metadata)
        return cls(
            key=ChildKey(body["kind"], metadata["name"]),
            uid=metadata["uid"],
            # Comparable as a number: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
            resource_version=int(metadata["resourceVersion"]),
            owner_uid=None if owner is None else owner["uid"],
            terminating="deletionTimestamp" in metadata,
            digest=owned_digest(body),
            owns_replicas=owns_replicas(body),
            rollout=Rollout.from_body(body),
            run=Run.from_body(body),
        )


def owner_key(body: Body) -> Key | None:
    """Return whose child an object is: by its controller, or else by its label.

    Some have no controller, or had it taken off; and some have one that is itself a child, as a CronJob's Jobs do.
    """
    metadata = body["metadata"]
    owner = _controller(metadata)
    if owner is not None and owner["kind"] == KIND:
        return Key(metadata["namespace"], owner["name"])
    name = metadata.get("labels", {}).get(INSTANCE)
    return None if name is None else Key(metadata["namespace"], name)


def _controller(metadata: Body) -> Body | None:
    """Return the controlling owner's reference, of which an object has at most one."""
    owners = metadata.get("ownerReferences", ())
    return next((owner for owner in owners if owner.get("controller")), None)


def belongs_to(body: Body, counter: RequestCounter) -> bool:
    """Return whether an object is this RequestCounter's child, or one that it left behind and may adopt again."""
    metadata = body["metadata"]
    owner = _controller(metadata)
    if owner is not None:
        return bool(owner["uid"] == counter.metadata.uid)
    labels = metadata.get("labels", {})
    return (labels.get(MANAGED_BY), labels.get(INSTANCE)) == (FIELD_MANAGER, counter.metadata.name)


class Cache:
    """The indexes of the watches, read by key. Empty until ``attach``."""

    def __init__(self) -> None:
        self._counters: Mapping[Key, Collection[Body]] = {}
        self._children: Mapping[Key, Collection[Child]] = {}

    def attach(self, counters: Mapping[Key, Collection[Body]], children: Mapping[Key, Collection[Child]]) -> None:
        """Read from these live indexes from now on."""
        self._counters = counters
        self._children = children

    def keys(self) -> list[Key]:
        """Return the keys of all RequestCounters."""
        return list(self._counters)

    def uids(self, namespace: str) -> set[str]:
        """Return the UIDs of the RequestCounters in a namespace."""
        bodies = (self.counter(key) for key in self._counters if key.namespace == namespace)
        return {body["metadata"]["uid"] for body in bodies if body is not None}

    def conditions(self) -> dict[tuple[str, ...], float]:
        """Return how many RequestCounters have each condition in each status, by type and status."""
        found: Counter[tuple[str, ...]] = Counter()
        for key in self._counters:
            body = self.counter(key) or {}
            found.update((c["type"], c["status"]) for c in body.get("status", {}).get("conditions", ()))
        return dict(found)

    def counter(self, key: Key) -> Body | None:
        """Return the RequestCounter's body, or None when there is none."""
        return next(iter(self._counters.get(key, ())), None)

    def children(self, key: Key) -> dict[ChildKey, Child]:
        """Return the RequestCounter's children; those of a namesake deleted before are among them until they go."""
        return {child.key: child for child in self._children.get(key, ())}
