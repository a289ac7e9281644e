"""The API server, with the user's own rights: read, dry-run as the operator, and patch what a verb is about.

Every call has a deadline; every failure is one of ``errors``, in the API server's words where it has any.
"""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from kubernetes.aio import client, config
from kubernetes.aio.dynamic import DynamicClient

from kubectl_requestcounter.errors import ApiError, ForbiddenError, NotFoundError
from kubectl_requestcounter.target import Target
from request_counter_operator.kinds import KIND_OF, REQUEST_COUNTER, Kind
from request_counter_operator.names import FIELD_MANAGER

POD = Kind("", "v1", "Pod", "pods")
REPLICA_SET = Kind("apps", "v1", "ReplicaSet", "replicasets")
VOLUME_CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")

OUR_FIELD_MANAGER = "kubectl-requestcounter"
REQUEST_TIMEOUT_S = 30
_CLUSTER_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

Body = dict[str, Any]


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator["Cluster"]:
    """Open the cluster that the user selected.

    Raises:
        ApiError: The kubeconfig selects none.
    """
    # The client warns about what is then an error, and the error is enough.
    logging.getLogger("kubernetes").setLevel(logging.ERROR)
    configuration = client.Configuration()
    try:
        namespace = await _configure(configuration, target)
    except config.ConfigException as error:
        is_unknown = target.context is not None and f"name {target.context} in" in str(error)
        reason = f"the kubeconfig has no context {target.context!r}" if is_unknown else str(error)
        raise ApiError(f"no cluster is selected: {reason}") from error
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        # What the client raises for a file that is no kubeconfig, depends on what is wrong with it.
        raise ApiError(f"the kubeconfig cannot be read: {' '.join(str(error).split())}") from error
    async with client.ApiClient(configuration) as api:
        yield Cluster(DynamicClient(api), target.namespace or namespace)


async def _configure(configuration: Any, target: Target) -> str:
    """Fill in the configuration and return the selected namespace."""
    paths = target.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    if not _is_there(paths):
        if (target.kubeconfig, target.context) == (None, None) and "KUBERNETES_SERVICE_HOST" in os.environ:
            # As kubectl does in a pod.
            config.load_incluster_config(client_configuration=configuration)
            return await asyncio.to_thread(_CLUSTER_NAMESPACE.read_text, encoding="utf-8")
        raise config.ConfigException(f"there is no kubeconfig at {paths}")
    loader = await config.load_kube_config(paths, target.context, configuration, persist_config=False)
    return str(loader.current_context["context"].get("namespace") or "default")


def _is_there(paths: str) -> bool:
    return any(Path(path).expanduser().exists() for path in paths.split(os.pathsep) if path)


class Cluster:
    """One connection pool to one API server.

    Attributes:
        namespace: The namespace that the user selected.
    """

    def __init__(self, dynamic: DynamicClient, namespace: str) -> None:
        self.namespace = namespace
        self._dynamic = dynamic

    async def get(self, kind: Kind, namespace: str, name: str) -> Body:
        """Return an object.

        Raises:
            NotFoundError: There is none.
            ForbiddenError: The user may not read it.
            ApiError: The server refused or could not be reached.
        """
        return await self._request("get", kind.path(namespace, name))

    async def find(self, kind: Kind, namespace: str, name: str) -> Body | None:
        """Return an object, or None where there is none.

        Raises:
            ForbiddenError: The user may not read it.
            ApiError: The server refused or could not be reached.
        """
        try:
            return await self.get(kind, namespace, name)
        except NotFoundError:
            return None

    async def get_counter(self, name: str) -> Body:
        """Return a RequestCounter of the selected namespace.

        Raises:
            NotFoundError: There is none.
            ApiError: The server refused or could not be reached.
        """
        try:
            return await self.get(REQUEST_COUNTER, self.namespace, name)
        except NotFoundError as error:
            raise NotFoundError(f"{error} in namespace {self.namespace!r}") from error

    async def list(self, kind: Kind, namespace: str, selector: str = "") -> list[Body]:
        """Return the objects of a kind, all or those that the label selector selects; all namespaces' if that is empty.

        Raises:
            ForbiddenError: The user may not list them.
            ApiError: The server refused or could not be reached.
        """
        path = kind.path(namespace) if namespace else kind.path("*").replace("/namespaces/*", "")
        answer = await self._request("get", path, label_selector=selector or None)
        return [{**item, "apiVersion": kind.api_version, "kind": kind.kind} for item in answer["items"]]

    async def dry_run(self, manifest: Mapping[str, Any]) -> Body:
        """Return what a child would be after the operator had applied this manifest. Nothing is changed.

        Raises:
            ForbiddenError: The user may not apply it.
            ApiError: The server refused it, as it would refuse the operator, or could not be reached.
        """
        metadata = manifest["metadata"]
        return await self._request(
            "patch",
            KIND_OF[manifest["kind"]].path(metadata["namespace"], metadata["name"]),
            body=manifest,
            content_type="application/apply-patch+yaml",
            field_manager=FIELD_MANAGER,
            force_conflicts="true",
            dry_run="All",
        )

    async def merge(
        self, kind: Kind, name: str, patch: Mapping[str, Any], *, field_manager: str = OUR_FIELD_MANAGER
    ) -> Body:
        """Merge ``patch`` (RFC 7396) into an object of the selected namespace, and return it.

        Raises:
            NotFoundError: There is none.
            ForbiddenError: The user may not change it.
            ApiError: The server refused or could not be reached; in the latter case it may have changed it.
        """
        return await self._request(
            "patch",
            kind.path(self.namespace, name),
            body=patch,
            content_type="application/merge-patch+json",
            field_manager=field_manager,
        )

    async def _request(self, method: str, path: str, **options: Any) -> Body:
        # The client's own defaults for these two are shared by all calls.
        options |= {"query_params": [], "header_params": {}}
        try:
            response = await self._dynamic.request(
                method, path, serialize=False, _request_timeout=REQUEST_TIMEOUT_S, **options
            )
            answer: Body = await response.json()
        except client.ApiException as error:
            raise _translated(error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            host = self._dynamic.configuration.host
            raise ApiError(f"cannot reach the API server at {host}: {str(error) or type(error).__name__}") from error
        return answer


def _translated(error: client.ApiException) -> ApiError:
    """Return the error that says what the server's answer means for the user."""
    try:
        message = str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        message = ""
    if error.status == HTTPStatus.NOT_FOUND and not message:
        # For an object that is not there the server names it; for a kind that is not there it has no words.
        return ApiError("this cluster has no RequestCounters: install the operator first, or select another --context")
    if error.status == HTTPStatus.UNAUTHORIZED:
        return ApiError("the API server does not know you: log in anew, or select another --context")
    kinds = {HTTPStatus.NOT_FOUND: NotFoundError, HTTPStatus.FORBIDDEN: ForbiddenError}
    return kinds.get(HTTPStatus(error.status), ApiError)(message or str(error.reason))
