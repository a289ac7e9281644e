"""Lists the children of one kind, and then watches them: what client-go's informers do in Go.

kopf could do it, and does it for RequestCounters. But until it has read all lists it holds a task and the whole object
for each of them, and wakes all tasks for each object: docs/adr/0011-informers-for-children.md has the figures.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import asyncio
from typing import Any

import structlog

from request_counter_operator.cache import Child, ChildKey, Key, owner_key
from request_counter_operator.child_index import ChildIndex
from request_counter_operator.errors import ApiError, ExpiredError
from request_counter_operator.kinds import Kind
from request_counter_operator.kube import Cluster
from request_counter_operator.names import SELECT_OURS
from request_counter_operator.watch_pulse import RETRY_S
from request_counter_operator.workqueue import WorkQueue

log = structlog.get_logger()

AGAIN_S = 0.1
"""How long after the end of a watch the next one begins: whatever ends each at once is not asked without a pause."""


class Informer:
    """Keeps the children of one kind in an index, and has their owners looked at when they change.

    Args:
        cluster: where they are.
        kind: which ones.
        namespace: where; empty for everywhere.
        children: gets them.
        queue: gets the owners of children that have changed; what is read in a list is news, and not urgent.
    """

    def __init__(
        self, cluster: Cluster, kind: Kind, namespace: str, children: ChildIndex, queue: WorkQueue[Key]
    ) -> None:
        self._cluster = cluster
        self._kind = kind
        self._namespace = namespace
        self._children = children
        self._queue = queue
        self._version: str | None = None
        self._is_failing = False

    async def run(self) -> None:
        """List and watch until cancelled. Whatever fails is told of once, and tried again."""
        while True:
            try:
                if self._version is None:
                    self._version = await self._list()
                await self._follow(self._version)
                self._is_failing = False
                await asyncio.sleep(AGAIN_S)
            except ExpiredError:
                self._version = None
            except ApiError as error:
                if not self._is_failing:
                    log.warning("watch interrupted", kind=self._kind.plural, error=str(error))
                self._is_failing = True
                await asyncio.sleep(RETRY_S)

    async def _list(self) -> str:
        """Read all, page by page; what is not among them is gone. Return the version to watch from."""
        gone, token = self._children.known(self._kind.kind, self._namespace), ""
        while True:
            page = await self._cluster.page(self._kind, self._namespace, SELECT_OURS, token)
            for body in page["items"]:
                self._put(body, is_urgent=False)
                gone.discard((body["metadata"]["namespace"], self._key(body)))
            token = page["metadata"].get("continue", "")
            if not token:
                break
        for namespace, key in gone:
            self._tell(self._children.remove(namespace, key), is_urgent=False)
        return str(page["metadata"]["resourceVersion"])

    async def _follow(self, version: str) -> None:
        """Take in what happens from a version on, until the API server ends the watch."""
        async for event in self._cluster.watch(self._kind, self._namespace, SELECT_OURS, version):
            body = event["object"]
            if event["type"] == "DELETED":
                self._remove(body)
            elif event["type"] in {"ADDED", "MODIFIED"}:
                self._put(body, is_urgent=True)
            self._version = body["metadata"]["resourceVersion"]

    def _put(self, body: dict[str, Any], *, is_urgent: bool) -> None:
        owner = owner_key(body)
        if owner is None:
            self._remove(body)
            return
        # Items of a list do not tell their kind.
        child = Child.from_body({**body, "kind": self._kind.kind})
        self._tell(self._children.put(owner, child), is_urgent=is_urgent)

    def _remove(self, body: dict[str, Any]) -> None:
        self._tell(self._children.remove(body["metadata"]["namespace"], self._key(body)), is_urgent=True)

    def _tell(self, owners: list[Key], *, is_urgent: bool) -> None:
        for owner in owners:
            self._queue.add(owner, urgent=is_urgent)

    def _key(self, body: dict[str, Any]) -> ChildKey:
        return ChildKey(self._kind.kind, body["metadata"]["name"])
