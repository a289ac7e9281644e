"""The API server's objects, kept in memory the way it keeps them, for the parts of the operator that write children.

Server-side apply with its record of who owns which field, UIDs, versions, 404 and 409, and what a test makes it refuse
or delay. It tells nobody: what the watch knows, the test says (``tell``).
"""

import asyncio
import copy
from collections.abc import Mapping
from itertools import count
from typing import Any

from request_counter_operator.api import Metadata
from request_counter_operator.cache import Body, Cache, Child, Key, owner_key
from request_counter_operator.errors import ConflictError, NotFoundError, OperatorError
from request_counter_operator.kinds import REQUEST_COUNTER, Kind
from request_counter_operator.names import FIELD_MANAGER


class ApiObjects:
    """Objects by kind and name, and the requests that were made of them, such as ``patch Service hits``.

    Attributes:
        requests: All, in the order in which they began.
        refusals: What a request ends with, and has no effect.
        held: Requests that wait for an event before they have their effect.
        most_at_once: Most writes of children that were under way at the same time.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.requests: list[str] = []
        self.refusals: dict[str, OperatorError] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.most_at_once = 0
        self._at_once = 0
        self._versions = count(1)

    @property
    def writes(self) -> list[str]:
        """All requests but those that only read."""
        return [request for request in self.requests if not request.startswith("get ")]

    def add(self, body: dict[str, Any], namespace: str = "default") -> dict[str, Any]:
        """Put an object there as it is, with a new version; return it."""
        body["metadata"].setdefault("uid", f"uid-{next(self._versions)}")
        body["metadata"]["namespace"] = namespace
        body["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[body["kind"], namespace, body["metadata"]["name"]] = body
        return body

    def run(self) -> None:
        """Have all pods of all workloads run: what the cluster's controllers do."""
        for body in self.objects.values():
            if body["kind"] in {"Deployment", "StatefulSet"}:
                pods = body["spec"]["replicas"]
                body["status"] = {"replicas": pods, "updatedReplicas": pods, "readyReplicas": pods}
                body["status"]["observedGeneration"] = body["metadata"].setdefault("generation", 1)

    def tell(self, cache: Cache) -> None:
        """Let the watches tell of everything as it is now."""
        counters: dict[Key, list[Body]] = {}
        children: dict[Key, list[Child]] = {}
        for body in copy.deepcopy(list(self.objects.values())):
            metadata, owner = body["metadata"], owner_key(body)
            if body["kind"] == REQUEST_COUNTER.kind:
                counters.setdefault(Key(metadata["namespace"], metadata["name"]), []).append(body)
            elif owner is not None:
                children.setdefault(owner, []).append(Child.from_body(body))
        cache.attach(counters, children)

    async def list(self, kind: Kind, namespace: str, selector: str) -> "list[dict[str, Any]]":
        """Return copies of the objects with these labels."""
        wanted = dict(pair.split("=", 1) for pair in selector.split(","))
        return [
            copy.deepcopy(body)
            for (found, where, _), body in self.objects.items()
            if (found, where) == (kind.kind, namespace) and wanted.items() <= body["metadata"].get("labels", {}).items()
        ]

    async def get(self, kind: Kind, namespace: str, name: str, *, may_be_old: bool = False) -> dict[str, Any]:
        """Return an object."""
        del may_be_old
        await self._begin(f"get {kind.kind} {name}")
        return copy.deepcopy(self._there(kind, namespace, name))

    async def apply(self, manifest: Mapping[str, Any], *, field_manager: str = FIELD_MANAGER) -> dict[str, Any]:
        """Apply a manifest that has all fields of the object: nobody else owns any."""
        kind, metadata = manifest["kind"], manifest["metadata"]
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._begin(f"patch {kind} {metadata['name']}")
        finally:
            self._at_once -= 1
        before = self.objects.get((kind, metadata["namespace"], metadata["name"]), {"metadata": {}})
        body = copy.deepcopy({**before, **manifest, "metadata": {**before["metadata"], **manifest["metadata"]}})
        fields = {name: value for name, value in manifest.items() if name not in {"apiVersion", "kind"}}
        fields["metadata"] = {n: v for n, v in metadata.items() if n not in {"name", "namespace"}}
        entry = {"manager": field_manager, "operation": "Apply", "fieldsV1": _tree(fields)}
        body["metadata"]["managedFields"] = [entry]
        return copy.deepcopy(self.add(body, metadata["namespace"]))

    async def apply_status(self, metadata: Metadata, status: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the status of this very RequestCounter, if it is still of this version."""
        await self._begin(f"patch status {metadata.name}")
        body = self._there(REQUEST_COUNTER, metadata.namespace, metadata.name)
        there = body["metadata"]
        if (there["uid"], there["resourceVersion"]) != (metadata.uid, metadata.resource_version):
            raise ConflictError("another one, or another version", status=409)
        return self.add({**body, "status": copy.deepcopy(dict(status))}, metadata.namespace)

    async def create(self, kind: Kind, namespace: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object, which is not asked for again: an Event, by its reason."""
        del namespace
        await self._begin(f"post {kind.kind} {manifest['reason']}")
        return dict(manifest)

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str, *, propagation: str) -> None:
        """Delete this very object."""
        del propagation
        await self._begin(f"delete {kind.kind} {name}")
        if self._there(kind, namespace, name)["metadata"]["uid"] != uid:
            raise ConflictError("another one", status=409)
        del self.objects[kind.kind, namespace, name]

    async def _begin(self, request: str) -> None:
        self.requests.append(request)
        await asyncio.sleep(0)
        if request in self.held:
            await self.held[request].wait()
        if request in self.refusals:
            raise copy.copy(self.refusals[request])

    def _there(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        body = self.objects.get((kind.kind, namespace, name))
        if body is None:
            raise NotFoundError("not found", status=404)
        return body


def _tree(value: Any) -> dict[str, Any]:
    """Return the FieldsV1 of a value whose lists are owned as a whole."""
    return {f"f:{name}": _tree(below) for name, below in value.items()} if isinstance(value, dict) else {}
