"""What kopf does for us: watch RequestCounters, and say which may have changed. Every handler only names a key.

There are no create, update, timer or daemon handlers on purpose: kopf keeps their progress in annotations and
finalizers of the resource, and nothing of the operator's is to be on it but its status.
"""

import asyncio
from collections.abc import Collection, Mapping
from itertools import repeat
from typing import Any

import aiohttp
import kopf

from request_counter_operator.api_connection import api_connector
from request_counter_operator.cache import Body, Cache, Child, Key
from request_counter_operator.kinds import REQUEST_COUNTER
from request_counter_operator.kube import PAGE_OBJECTS
from request_counter_operator.watch_pulse import CONNECT_S, RETRY_S, SILENCE_S, WATCH_S
from request_counter_operator.workqueue import WorkQueue

COUNTERS = "counters"
_WATCHED = (REQUEST_COUNTER.group, REQUEST_COUNTER.version, REQUEST_COUNTER.plural)


def build_registry(
    cache: Cache, children: Mapping[Key, Collection[Child]], queue: WorkQueue[Key], tracing: aiohttp.TraceConfig
) -> kopf.OperatorRegistry:
    """Return handlers that fill ``cache`` and add to ``queue``, the latter not before the whole list is read.

    Args:
        cache: gets the index of RequestCounters, and that of the children.
        children: the latter.
        queue: gets the keys.
        tracing: is told of every request to the API server.
    """
    registry = kopf.OperatorRegistry()

    async def login(**kwargs: Any) -> kopf.AiohttpSession | None:
        return await open_session(tracing, **kwargs)

    async def startup(*, settings: kopf.OperatorSettings, **indexes: Any) -> None:
        configure(settings)
        cache.attach(indexes[COUNTERS], children)

    async def counter_event(body: kopf.Body, type: str | None, **_: Any) -> None:  # noqa: A002 - kopf's name
        queue.add(counter_key(body), urgent=type is not None)

    kopf.on.login(registry=registry)(login)
    kopf.on.startup(registry=registry)(startup)
    kopf.index(*_WATCHED, id=COUNTERS, registry=registry)(index_counter)
    kopf.on.event(*_WATCHED, registry=registry)(counter_event)
    return registry


def configure(settings: kopf.OperatorSettings) -> None:
    """Set kopf up: no footprint on any object, no watch that hangs for ever."""
    settings.posting.enabled = False
    settings.scanning.disabled = True  # no right to list namespaces and CRDs is needed
    settings.peering.standalone = True
    settings.watching.server_timeout = WATCH_S
    settings.watching.client_timeout = settings.watching.inactivity_timeout = SILENCE_S
    settings.watching.connect_timeout = CONNECT_S
    settings.watching.chunk_size = PAGE_OBJECTS
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = repeat(RETRY_S)
    settings.queueing.idle_timeout = 0.5  # each object that told something has a task for so long
    settings.queueing.exit_timeout = 0.5


async def open_session(tracing: aiohttp.TraceConfig, **kwargs: Any) -> kopf.AiohttpSession | None:
    """Return how to reach the cluster: as this pod's ServiceAccount, or else as the user's kubeconfig says."""
    info = kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
    if info is None:
        return None
    session = aiohttp.ClientSession(
        # The files are small, and read once an hour: when the token has expired.
        connector=api_connector(await asyncio.to_thread(info.as_ssl_context)),
        headers=info.as_http_headers(),
        trace_configs=[tracing],
        proxy=info.proxy_url,
    )
    return kopf.AiohttpSession(server=info.server, default_namespace=info.default_namespace, aiohttp_session=session)


async def index_counter(body: kopf.Body, **_: Any) -> dict[Key, Body]:
    """Index a RequestCounter by its key, without the bulk that nobody reads."""
    raw = dict(body)
    raw["metadata"] = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    return {counter_key(body): raw}


def counter_key(body: Body) -> Key:
    """Return the key of a RequestCounter's body."""
    return Key(body["metadata"]["namespace"], body["metadata"]["name"])
