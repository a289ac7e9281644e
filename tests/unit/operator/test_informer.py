"""What an informer knows after lists and watches that end, break, or are too old: all that is there, and no more."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

import pytest

from request_counter_operator import informer as informer_module
from request_counter_operator.cache import ChildKey, Key
from request_counter_operator.child_index import ChildIndex
from request_counter_operator.errors import ApiError, ExpiredError
from request_counter_operator.informer import Informer
from request_counter_operator.kinds import SERVICE, Kind
from request_counter_operator.metrics import OperatorMetrics
from request_counter_operator.names import SELECT_OURS
from request_counter_operator.workqueue import WorkQueue
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from request_counter_operator.kube import Cluster

HITS, CLICKS = Key("default", "hits"), Key("default", "clicks")
Step = list[dict[str, Any]] | ApiError


class ScriptedCluster:
    """Answers lists with these pages, and watches with these events, one after the other; the last watch is silent."""

    def __init__(self, pages: list[list[dict[str, Any]] | ApiError], watches: list[Step]) -> None:
        self._pages, self._watches = pages, watches
        self.asked: list[str] = []
        self.is_silent = False

    async def page(self, kind: Kind, namespace: str, selector: str, token: str) -> dict[str, Any]:
        """Answer a list."""
        assert (kind, namespace, selector) == (SERVICE, "", SELECT_OURS)
        self.asked.append(f"list {token}".strip())
        items = self._pages.pop(0)
        if isinstance(items, ApiError):
            raise items
        # A page with an object called "more" is not the last one.
        more = any(item["metadata"]["name"] == "more" for item in items)
        return {"items": items, "metadata": {"resourceVersion": "10", **({"continue": "token"} if more else {})}}

    async def watch(self, _kind: Kind, _namespace: str, _selector: str, version: str) -> AsyncIterator[dict[str, Any]]:
        """Answer a watch."""
        self.asked.append(f"watch {version}")
        if not self._watches:
            self.is_silent = True
            await asyncio.Event().wait()
        step = self._watches.pop(0)
        if isinstance(step, ApiError):
            raise step
        for event in step:
            yield event


def service(name: str, version: int = 1, owner: str = "hits") -> dict[str, Any]:
    labels = {"app.kubernetes.io/instance": owner, "app.kubernetes.io/managed-by": "request-counter-operator"}
    metadata = {"name": name, "namespace": "default", "uid": name, "resourceVersion": str(version), "labels": labels}
    return {"metadata": metadata, "spec": {}}


def happened(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": body}


class Known:
    """What an informer has found out, and whose children it has had looked at."""

    def __init__(self) -> None:
        self.children = ChildIndex()
        self.looked_at: list[Key] = []
        self.queue: WorkQueue[Key] = WorkQueue(self._look, workers=1, metrics=OperatorMetrics())

    async def _look(self, key: Key) -> None:
        self.looked_at.append(key)

    @property
    def names(self) -> dict[Key, set[str]]:
        """The names of the children that are known, by owner."""
        return {owner: {child.key.name for child in children} for owner, children in self.children.items()}

    async def after(self, cluster: ScriptedCluster) -> None:
        """Run until all pages were read and all watches but the silent one have ended."""
        informer = Informer(cast("Cluster", cluster), SERVICE, "", self.children, self.queue)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(informer.run()), group.create_task(self.queue.run())]
            await eventually(lambda: cluster.is_silent)
            await eventually(lambda: self.queue.depth == 0)
            for task in tasks:
                task.cancel()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informer_module, "RETRY_S", 0.0)
    monkeypatch.setattr(informer_module, "AGAIN_S", 0.0)


async def test_all_pages_are_read_and_the_watch_goes_on_from_there() -> None:
    known, cluster = Known(), ScriptedCluster([[service("a"), service("more")], [service("b")]], [])
    await known.after(cluster)
    assert known.names == {HITS: {"a", "more", "b"}}
    assert known.looked_at == [HITS]
    assert cluster.asked == ["list", "list token", "watch 10"]


async def test_what_happens_is_known_and_a_new_watch_goes_on_where_the_old_one_ended() -> None:
    watch = [
        happened("ADDED", service("b", 11)),
        happened("MODIFIED", service("a", 12, owner="clicks")),
        happened("DELETED", service("b", 13)),
        happened("BOOKMARK", {"metadata": {"resourceVersion": "20"}}),
    ]
    known, cluster = Known(), ScriptedCluster([[service("a")]], [watch])
    await known.after(cluster)
    assert known.names == {CLICKS: {"a"}}
    assert set(known.looked_at) == {HITS, CLICKS}
    assert cluster.asked == ["list", "watch 10", "watch 20"]


async def test_a_watch_that_breaks_goes_on_without_a_list() -> None:
    known, cluster = Known(), ScriptedCluster([[]], [[happened("ADDED", service("a", 11))], ApiError("gone dark")])
    await known.after(cluster)
    assert known.names == {HITS: {"a"}}
    assert cluster.asked == ["list", "watch 10", "watch 11", "watch 11"]


async def test_a_watch_that_is_too_old_lists_again_and_forgets_what_went_meanwhile() -> None:
    pages: list[list[dict[str, Any]] | ApiError] = [[service("a"), service("b")], [service("b", 15)]]
    known, cluster = Known(), ScriptedCluster(pages, [ExpiredError("too old", status=410)])
    await known.after(cluster)
    assert known.names == {HITS: {"b"}}
    assert {child.resource_version for child in known.children[HITS]} == {15}
    assert cluster.asked == ["list", "watch 10", "list", "watch 10"]


async def test_a_list_that_fails_is_tried_again() -> None:
    known, cluster = Known(), ScriptedCluster([ApiError("not yet"), [service("a")]], [])
    await known.after(cluster)
    assert known.names == {HITS: {"a"}}


async def test_an_object_that_is_nobodys_is_not_known() -> None:
    nobodys = service("a", 11)
    del nobodys["metadata"]["labels"]["app.kubernetes.io/instance"]
    known, cluster = Known(), ScriptedCluster([[service("a")]], [[happened("MODIFIED", nobodys)]])
    await known.after(cluster)
    assert known.names == {}
    assert known.children.known(SERVICE.kind) == set()


def test_an_index_tells_what_is_known_of_one_namespace() -> None:
    known = Known()
    assert known.children.known(SERVICE.kind, "default") == set()
    assert known.children.remove("default", ChildKey(SERVICE.kind, "a")) == []
