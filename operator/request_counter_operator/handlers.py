"""What kopf does for us: watch, index, and say whose state may have changed. Every handler only names a key.

There are no create, update, timer or daemon handlers on purpose: kopf keeps their progress in annotations and
finalizers of the resource, and nothing of the operator's is to be on it but its status.
"""

from typing import Any

import kopf

from request_counter_operator.cache import Body, Cache, Child, Key, owner_key
from request_counter_operator.kinds import CHILD_KINDS, REQUEST_COUNTER, Kind
from request_counter_operator.names import SELECT_OURS
from request_counter_operator.workqueue import WorkQueue

COUNTERS = "counters"
CHILDREN = "children"


def build_registry(cache: Cache, queue: WorkQueue[Key]) -> kopf.OperatorRegistry:
    """Return handlers that fill ``cache`` and add to ``queue``, the latter not before all lists are read."""
    registry = kopf.OperatorRegistry()

    async def startup(*, settings: kopf.OperatorSettings, **indexes: Any) -> None:
        configure(settings)
        cache.attach(indexes[COUNTERS], indexes[CHILDREN])

    async def counter_event(body: kopf.Body, **_: Any) -> None:
        queue.add(counter_key(body))

    async def child_event(body: kopf.Body, **_: Any) -> None:
        owner = owner_key(body)
        if owner is not None:
            queue.add(owner)

    kopf.on.login(registry=registry)(login)
    kopf.on.startup(registry=registry)(startup)
    kopf.index(*_selector(REQUEST_COUNTER), id=COUNTERS, registry=registry)(index_counter)
    kopf.on.event(*_selector(REQUEST_COUNTER), registry=registry)(counter_event)
    for kind in CHILD_KINDS:
        kopf.index(*_selector(kind), id=CHILDREN, registry=registry, param=kind)(index_child)
        kopf.on.event(*_selector(kind), registry=registry)(child_event)
    return registry


def configure(settings: kopf.OperatorSettings) -> None:
    """Set kopf up: no footprint on any object, no look at what is not ours, no watch that hangs for ever."""
    settings.posting.enabled = False
    settings.scanning.disabled = True  # no right to list namespaces and CRDs is needed
    settings.peering.standalone = True
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.watching.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    for kind in CHILD_KINDS:
        # Always the 3-tuple: other forms of the key match nothing, silently.
        settings.watching.label_selectors[kind.group, kind.version, kind.plural] = SELECT_OURS


async def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Return how to reach the cluster: as this pod's ServiceAccount, or else as the user's kubeconfig says."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


async def index_counter(body: kopf.Body, **_: Any) -> dict[Key, Body]:
    """Index a RequestCounter by its key, without the bulk that nobody reads."""
    raw = dict(body)
    raw["metadata"] = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    return {counter_key(body): raw}


async def index_child(body: kopf.Body, param: Any = None, **_: Any) -> dict[Key, Child]:
    """Index a child by its owner's key, reduced to what reconciling needs."""
    owner = owner_key(body)
    kind: Kind = param  # items of a list do not tell their kind
    return {} if owner is None else {owner: Child.from_body({**body, "kind": kind.kind})}


def counter_key(body: Body) -> Key:
    """Return the key of a RequestCounter's body."""
    return Key(body["metadata"]["namespace"], body["metadata"]["name"])


def _selector(kind: Kind) -> tuple[str, str, str]:
    return (kind.group, kind.version, kind.plural)
