"""The API server, as far as the operator needs it: apply, read, watch, create, delete, and nothing else.

A thin layer over the official client's dynamic part. Every call has a deadline; every failure is one of ``errors``.
Every write goes through the gate, but for those to the Lease that opens it.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeAlias

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.dynamic import DynamicClient

from request_counter_operator.api import Metadata
from request_counter_operator.api_connection import api_connector
from request_counter_operator.api_errors import error_of_status, translated_errors
from request_counter_operator.errors import ApiError, NotFoundError, NotLeadingError
from request_counter_operator.kinds import EVENT, KIND_OF, LEASE, REQUEST_COUNTER, VOLUME_CLAIM, Kind
from request_counter_operator.names import FIELD_MANAGER
from request_counter_operator.watch_pulse import CONNECT_S, SILENCE_S, WATCH_S
from request_counter_operator.write_gate import WriteGate

REQUEST_TIMEOUT_S = 15
PAGE_OBJECTS = 200
"""How many objects of a long list are read at once."""

Object = dict[str, Any]


Propagation: TypeAlias = Literal["Background", "Orphan"]


@asynccontextmanager
async def connect(gate: WriteGate, tracing: aiohttp.TraceConfig) -> AsyncIterator["Cluster"]:
    """Open the cluster that this pod runs in, or else the one that the user's kubeconfig selects.

    Args:
        gate: lets writes through.
        tracing: is told of every request.

    Raises:
        config.ConfigException: There is neither.
    """
    try:
        config.load_incluster_config()
    except config.ConfigException:
        await config.load_kube_config()
    async with client.ApiClient() as api, api_connector(api.rest_client.ssl_context) as connector:
        api.configuration.client_session_kwargs = {"connector": connector, "trace_configs": [tracing]}
        yield Cluster(DynamicClient(api), gate)


class Cluster:
    """One connection pool to one API server."""

    def __init__(self, dynamic: DynamicClient, gate: WriteGate) -> None:
        self._dynamic = dynamic
        self._gate = gate

    async def apply(self, manifest: Mapping[str, Any], *, field_manager: str = FIELD_MANAGER) -> Object:
        """Apply a child server-side: exactly the manifest's fields become ours, others' values of them are overruled.

        Returns:
            The object as it is now.

        Raises:
            TerminatingError: Its namespace is being deleted.
            ApiError: It was refused or the server could not be reached.
        """
        metadata = manifest["metadata"]
        path = KIND_OF[manifest["kind"]].path(metadata["namespace"], metadata["name"])
        return await self._apply(path, manifest, field_manager)

    async def apply_status(self, metadata: Metadata, status: Mapping[str, Any]) -> Object:
        """Make ``status`` the whole status of this very RequestCounter, if it is still of this very version.

        Raises:
            ConflictError: It has been changed since, or another resource has the name by now.
            NotFoundError: It is gone.
            ApiError: It was refused or the server could not be reached.
        """
        body = {
            "apiVersion": REQUEST_COUNTER.api_version,
            "kind": REQUEST_COUNTER.kind,
            "metadata": metadata.model_dump(
                by_alias=True, exclude_none=True, include={"name", "namespace", "uid", "resource_version"}
            ),
            "status": status,
        }
        path = REQUEST_COUNTER.path(metadata.namespace, metadata.name, "status")
        return await self._apply(path, body, FIELD_MANAGER)

    async def check_installed(self, namespace: str = "") -> None:
        """Make sure that the API server knows RequestCounters, and lets us read those of a namespace, or of all.

        Raises:
            NotFoundError: The CustomResourceDefinition is not there.
            ApiError: The server refused or could not be reached.
        """
        await self._request("get", REQUEST_COUNTER.path(namespace), limit=1)

    async def get(self, kind: Kind, namespace: str, name: str, *, may_be_old: bool = False) -> Object:
        """Return an object; with ``may_be_old``, as the server's cache has it, without asking its database.

        Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions

        Raises:
            NotFoundError: There is none.
            ApiError: The server refused or could not be reached.
        """
        version = "0" if may_be_old else None
        return await self._request("get", kind.path(namespace, name), resource_version=version)

    async def list(self, kind: Kind, namespace: str, selector: str) -> "list[Object]":
        """Return the objects with these labels.

        Raises:
            ApiError: The server refused or could not be reached.
        """
        answer = await self._request("get", kind.path(namespace), label_selector=selector)
        items: list[Object] = answer["items"]
        return items

    async def page(self, kind: Kind, namespace: str, selector: str, token: str) -> Object:
        """Return some of the objects with these labels, of a namespace or (empty) of all, as the API's list.

        Its ``metadata.continue`` is the ``token`` of the next page; that of the first is empty.

        Raises:
            ExpiredError: The list has become too old to be gone on with.
            ApiError: The server refused or could not be reached.
        """
        return await self._request(
            "get", kind.path(namespace), label_selector=selector, limit=PAGE_OBJECTS, _continue=token or None
        )

    async def watch(self, kind: Kind, namespace: str, selector: str, version: str) -> AsyncIterator[Object]:
        """Yield what happens to these objects from a version on, bookmarks included; end when the server does.

        Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes

        Raises:
            ExpiredError: The server does not remember that version any more.
            ApiError: The server refused, could not be reached, or fell silent.
        """
        options: dict[str, Any] = {"label_selector": selector, "resource_version": version, "watch": "true"}
        options |= {"timeout_seconds": WATCH_S, "query_params": [("allowWatchBookmarks", "true")]}
        silence = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
        with translated_errors():
            response = await self._dynamic.request(
                "get", kind.path(namespace), serialize=False, _request_timeout=silence, header_params={}, **options
            )
            async with response:
                async for line in response.content:
                    event: Object = json.loads(line)
                    if event["type"] == "ERROR":
                        raise error_of_status(event["object"])
                    yield event

    async def create(self, kind: Kind, namespace: str, manifest: Mapping[str, Any]) -> Object:
        """Create an object.

        Raises:
            ConflictError: There is one already.
            ApiError: The server refused or could not be reached.
        """
        return await self._write("post", kind.path(namespace), body=manifest, field_manager=FIELD_MANAGER)

    async def count_event(self, namespace: str, name: str, count: int, last: str) -> None:
        """Say of an Event that it happened again: ``count`` times by now, ``last`` (RFC 3339) being the latest.

        Raises:
            NotFoundError: It has expired.
            ApiError: The server refused or could not be reached.
        """
        body = {"count": count, "lastTimestamp": last}
        path = EVENT.path(namespace, name)
        await self._write("patch", path, body=body, content_type="application/merge-patch+json")

    async def resize(self, namespace: str, name: str, size: str) -> None:
        """Ask for so much storage (a quantity) for a PersistentVolumeClaim.

        Raises:
            NotFoundError: It is gone.
            ApiError: It was refused, as where its StorageClass lets nothing grow (status 403), or there was no answer.
        """
        body = {"spec": {"resources": {"requests": {"storage": size}}}}
        path = VOLUME_CLAIM.path(namespace, name)
        await self._write("patch", path, body=body, content_type="application/merge-patch+json")

    async def write_lease(self, namespace: str, lease: Mapping[str, Any], *, timeout_s: float) -> Object:
        """Create the Lease, or replace it if its resourceVersion is still the current one. Passes by the gate.

        Raises:
            ConflictError: Somebody was faster.
            ApiError: The server refused or could not be reached.
        """
        metadata = lease["metadata"]
        if "resourceVersion" in metadata:
            path = LEASE.path(namespace, metadata["name"])
            return await self._request("put", path, body=lease, timeout_s=timeout_s)
        return await self._request("post", LEASE.path(namespace), body=lease, timeout_s=timeout_s)

    async def delete(
        self, kind: Kind, namespace: str, name: str, uid: str, *, propagation: Propagation = "Background"
    ) -> None:
        """Delete this very object; one that is gone already is as good as deleted.

        What belongs to it is deleted after it (Background), or stays without an owner (Orphan).

        Raises:
            ConflictError: Another object has the name by now. It was left alone.
            ApiError: The server refused or could not be reached.
        """
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": {"uid": uid},
        }
        try:
            await self._write("delete", kind.path(namespace, name), body=options)
        except NotFoundError:
            return

    async def _apply(self, path: str, body: Mapping[str, Any], field_manager: str) -> Object:
        return await self._write(
            "patch",
            path,
            body=body,
            content_type="application/apply-patch+yaml",
            field_manager=field_manager,
            force_conflicts="true",
        )

    async def _write(self, method: str, path: str, **options: Any) -> Object:
        """Make a request that changes something, if the gate is open, and in the time that it is open for.

        Raises:
            NotLeadingError: It is closed, or closed on the way: then it is unknown whether the write had an effect.
        """
        with self._gate.write() as left_s:
            try:
                return await self._request(method, path, timeout_s=min(left_s, REQUEST_TIMEOUT_S), **options)
            except ApiError as error:
                if error.status or self._gate.is_open:
                    raise
                raise NotLeadingError(str(error)) from error

    async def _request(self, method: str, path: str, *, timeout_s: float = REQUEST_TIMEOUT_S, **options: Any) -> Object:
        options.setdefault("query_params", [])  # the client's own default is shared by all calls
        options.setdefault("header_params", {})
        with translated_errors():
            response = await self._dynamic.request(method, path, serialize=False, _request_timeout=timeout_s, **options)
            answer: Object = await response.json()
        return answer
