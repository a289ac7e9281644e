"""What the operator would do to the children of a RequestCounter, found by dry runs: nothing is changed.

The claim: no change is reported if and only if the operator would make no write to a child. It follows
``request_counter_operator.apply``, case by case.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from kubectl_requestcounter.cluster import Body, Cluster
from kubectl_requestcounter.comparison import Change
from kubectl_requestcounter.credentials import UNKNOWN, Root, root_of, settle_certificate
from kubectl_requestcounter.errors import ApiError, ForbiddenError
from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import belongs_to
from request_counter_operator.desired import children
from request_counter_operator.errors import IMMUTABLE_FIELD
from request_counter_operator.kinds import CHILD_KINDS, DEPLOYMENT, KIND_OF, SECRET, SERVICE, STATEFUL_SET, Kind
from request_counter_operator.names import SELECT_OURS, child_name, store_name
from request_counter_operator.ownership import owns_replicas
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.render.topology import workload_names
from request_counter_operator.settings import Settings


@dataclass(slots=True)
class Findings:
    """What was found.

    Attributes:
        changes: Of every child that would be written, in the operator's order; what would be removed comes last.
        notes: What could not be looked at.
        faults: What the operator could not do, a sentence each.
    """

    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def facts_of(counter: RequestCounter, deployment: Body | None, root: Root) -> Facts:
    """Return what the operator's rendering must know besides the resource, as the cluster tells it.

    A counter that falls asleep keeps its Redis until the service's pods are gone. They count as gone here: a diff shows
    where it ends, not the way there.
    """
    replicas = None if deployment is None else deployment["spec"].get("replicas")
    return Facts(
        credentials=Credentials.of(root.value, counter),
        service_replicas=replicas,
        service_pods=0,
        certificate=UNKNOWN,  # without TLS it is nowhere
    )


async def find_changes(cluster: Cluster, counter: RequestCounter, settings: Settings, *, is_new: bool) -> Findings:
    """Return what the operator would do for this RequestCounter, ``is_new`` when it is not in the cluster.

    Raises:
        ForbiddenError: The user may not read a child other than a Secret.
        ApiError: The API server could not be reached.
    """
    findings = Findings()
    namespace = counter.metadata.namespace
    secret, deployment, redis = await asyncio.gather(
        _find_secret(cluster, counter, findings),
        cluster.find(DEPLOYMENT, namespace, child_name(counter, "service")),
        cluster.find(STATEFUL_SET, namespace, next(iter(workload_names(counter)), child_name(counter, "redis"))),
    )
    root = root_of(secret, [workload for workload in (deployment, redis) if workload is not None])
    manifests = children(counter, settings, facts_of(counter, deployment, root))
    one_by_one = [_find_change(cluster, counter, manifest, root, is_new=is_new) for manifest in manifests]
    for found in await asyncio.gather(*one_by_one):
        findings.changes += found.changes
        findings.notes += found.notes
        findings.faults += found.faults
    if not is_new:
        wanted = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}
        await _find_unwanted(cluster, counter, wanted, findings)
    return findings


async def _find_secret(cluster: Cluster, counter: RequestCounter, findings: Findings) -> Body | None:
    try:
        return await cluster.find(SECRET, counter.metadata.namespace, store_name(counter))
    except ForbiddenError as error:
        if counter.spec.store.redis.mode != "External":
            findings.notes.append(f"the Secret with Redis's password is not compared: {error}")
        return None


async def _find_change(
    cluster: Cluster, counter: RequestCounter, manifest: Manifest, root: Root, *, is_new: bool
) -> Findings:
    """Return what would happen to one wanted child."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    try:
        live = await cluster.find(KIND_OF[kind], counter.metadata.namespace, name)
    except ForbiddenError:
        if kind == SECRET.kind:
            return Findings()
        raise
    if live is not None and not belongs_to(live, counter):
        return Findings(faults=[f"{kind} {name}: {_whose(live, counter)}"])
    root.settle(manifest, live)
    settle_certificate(manifest, live)
    try:
        after = await cluster.dry_run(manifest)
    except ApiError as error:
        if live is not None and kind != SERVICE.kind and IMMUTABLE_FIELD.search(str(error)):
            return await _make_anew(cluster, manifest, live)
        return Findings(faults=[f"{kind} {name}: {error}"])
    if live is not None and "deletionTimestamp" in live["metadata"]:
        return Findings([Change(kind, name, None, after)], [f"{kind} {name} is being deleted, and then made anew"])
    if live is not None and owns_replicas(live) and "replicas" not in manifest["spec"]:
        # Another manager gets hold of the present number first, which a dry run of one step cannot show.
        after["spec"]["replicas"] = live["spec"]["replicas"]
    change = Change(kind, name, live, after, owner_is_new=is_new)
    return Findings([] if change.effect is None else [change])


async def _make_anew(cluster: Cluster, manifest: Manifest, live: Body) -> Findings:
    """Return how a child would be that the operator can only have by making it anew."""
    kind, metadata = manifest["kind"], manifest["metadata"]
    # By its own name it is there already, so another one shows what the API server makes of it.
    stand_in = {**manifest, "metadata": {**metadata, "name": f"{metadata['name']}-{secrets.token_hex(4)}"}}
    try:
        after = await cluster.dry_run(stand_in)
    except ApiError as error:
        return Findings(faults=[f"{kind} {metadata['name']}: {error}"])
    after["metadata"]["name"] = metadata["name"]
    note = f"{kind} {metadata['name']} is made anew, because of a field that never changes; pods run on meanwhile"
    return Findings([Change(kind, metadata["name"], live, after)], [note])


def _whose(live: Body, counter: RequestCounter) -> str:
    owners = live["metadata"].get("ownerReferences", ())
    if any((owner["kind"], owner["name"]) == ("RequestCounter", counter.metadata.name) for owner in owners):
        return "it still belongs to a deleted resource of the same name"
    return "it exists already and is not the operator's, which would leave it alone: rename it or the RequestCounter"


async def _find_unwanted(
    cluster: Cluster, counter: RequestCounter, wanted: set[tuple[str, str]], findings: Findings
) -> None:
    """Add the children that the operator would remove."""

    async def of(kind: Kind) -> Sequence[Body]:
        try:
            return await cluster.list(kind, counter.metadata.namespace, SELECT_OURS)
        except ForbiddenError as error:
            if kind != SECRET or counter.spec.store.redis.mode == "External":
                findings.notes.append(f"whether a {kind.kind} would be removed is not known: {error}")
            return ()

    for live in [body for bodies in await asyncio.gather(*map(of, CHILD_KINDS)) for body in bodies]:
        metadata = live["metadata"]
        is_ours = any(
            o.get("controller") and o["uid"] == counter.metadata.uid for o in metadata.get("ownerReferences", ())
        )
        is_wanted = (live["kind"], metadata["name"]) in wanted
        if is_ours and not is_wanted and "deletionTimestamp" not in metadata:
            findings.changes.append(Change(live["kind"], metadata["name"], live, None))
