"""Lets the volumes of a counter's own Redis grow, before their StatefulSet says so.

A StatefulSet never changes the claims that it has made, nor its template for them: with another one it is made anew,
and its pods run on meanwhile (see ``apply``). So the claims come first; where they cannot grow, nothing else changes.
Source: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims
"""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from request_counter_operator.cache import Child, ChildKey
from request_counter_operator.errors import ApiError, NotFoundError, OperatorError, VolumeNotGrownError
from request_counter_operator.happening import Happening
from request_counter_operator.kinds import STATEFUL_SET, VOLUME_CLAIM
from request_counter_operator.kube import Cluster, Object
from request_counter_operator.ownership import manifest_digest
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.render.quantities import to_bytes

_REFUSALS = {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}


@dataclass(slots=True)
class Grown:
    """What came of it.

    Attributes:
        manifests: what is to be applied now: a StatefulSet whose volumes cannot grow has the size that they have.
        failures: why volumes could not grow.
        happenings: what people should know of.
    """

    manifests: list[Manifest] = field(default_factory=list)
    failures: list[OperatorError] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)


async def grow_volumes(cluster: Cluster, manifests: Sequence[Manifest], live: Mapping[ChildKey, Child]) -> Grown:
    """Give the claims of each StatefulSet that is to be written the size that its template asks for.

    One that is as wanted already costs no request.

    Args:
        cluster: where the claims are.
        manifests: what is wanted.
        live: what there is.

    Raises:
        ApiError: The claims could not be read.
        NotLeadingError: This process may not write any more.
    """
    grown = Grown()
    for manifest in manifests:
        known = live.get(ChildKey(manifest["kind"], manifest["metadata"]["name"]))
        is_as_wanted = known is not None and known.digest == manifest_digest(manifest)
        if manifest["kind"] != STATEFUL_SET.kind or is_as_wanted or "volumeClaimTemplates" not in manifest["spec"]:
            grown.manifests.append(manifest)
        else:
            grown.manifests.append(await _grow(cluster, manifest, grown))
    return grown


async def _grow(cluster: Cluster, manifest: Manifest, grown: Grown) -> Manifest:
    """Let the claims of one StatefulSet grow; return what can be had of its manifest."""
    namespace, wanted = manifest["metadata"]["namespace"], _template_size(manifest)
    selector = ",".join(f"{key}={value}" for key, value in manifest["spec"]["selector"]["matchLabels"].items())
    claims = await cluster.list(VOLUME_CLAIM, namespace, selector)
    small = smaller_claims(claims, manifest["metadata"]["name"], wanted)
    has_failed = False
    for name in small:
        try:
            await cluster.resize(namespace, name, wanted)
        except NotFoundError:
            continue  # deleted meanwhile: the next one is made by the template
        except ApiError as error:
            has_failed = True
            grown.failures.append(_failure(name, error))
        else:
            grown.happenings.append(
                Happening("Normal", "VolumeGrows", f"PersistentVolumeClaim {name} grows from {small[name]} to {wanted}")
            )
    return _of_size(manifest, min(small.values(), key=to_bytes)) if has_failed else manifest


def smaller_claims(claims: Sequence[Object], stateful_set: str, wanted: str) -> dict[str, str]:
    """Return the claims of a StatefulSet that ask for less than ``wanted``, and for how much they do.

    One whose size is written in a way that we never write is somebody's own business.
    """
    name = re.compile(rf"data-{re.escape(stateful_set)}-\d+")
    found = {}
    for claim in claims:
        if name.fullmatch(claim["metadata"]["name"]) and "deletionTimestamp" not in claim["metadata"]:
            size = str(claim["spec"]["resources"]["requests"]["storage"])
            if _is_smaller(size, wanted):
                found[claim["metadata"]["name"]] = size
    return found


def _is_smaller(size: str, wanted: str) -> bool:
    try:
        return to_bytes(size) < to_bytes(wanted)
    except ValueError:
        return False


def _failure(claim: str, error: ApiError) -> OperatorError:
    """Return what a person is to know: a refusal is for good, unless somebody changes something; all else may pass."""
    message = f"PersistentVolumeClaim {claim}: {error}"
    if error.status in _REFUSALS:
        return VolumeNotGrownError(message)
    return ApiError(message, status=error.status)


def _template_size(manifest: Manifest) -> str:
    return str(_requests(manifest)["storage"])


def _of_size(manifest: Manifest, size: str) -> Manifest:
    smaller = copy.deepcopy(manifest)
    _requests(smaller)["storage"] = size
    return smaller


def _requests(manifest: Manifest) -> dict[str, Any]:
    (template,) = manifest["spec"]["volumeClaimTemplates"]
    requests: dict[str, Any] = template["spec"]["resources"]["requests"]
    return requests
