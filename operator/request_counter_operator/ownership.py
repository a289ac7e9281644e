"""What of an object is ours: the fields that its managed fields record for our field manager.

An object's ``metadata.managedFields`` lists, for each manager, the fields it applied, as a tree: ``f:<name>`` a field,
``k:<json>`` the list item with these keys, ``v:<json>`` the set member with this value, ``.`` the node itself.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/ and the FieldsV1 format of
sigs.k8s.io/structured-merge-diff.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from request_counter_operator.names import FIELD_MANAGER


def owned_fields(body: Mapping[str, Any], manager: str = FIELD_MANAGER) -> Mapping[str, Any]:
    """Return the tree of the fields that ``manager`` applied to the object; empty when it applied none."""
    for entry in body["metadata"].get("managedFields", ()):
        if entry["manager"] == manager and entry["operation"] == "Apply" and not entry.get("subresource"):
            fields: Mapping[str, Any] = entry.get("fieldsV1", {})
            return fields
    return {}


def owns_replicas(body: Mapping[str, Any]) -> bool:
    """Return whether the number of replicas is among our fields: letting go of it would reset it to one."""
    return "f:replicas" in owned_fields(body).get("f:spec", {})


def owned_digest(body: Mapping[str, Any]) -> str:
    """Return a digest of our fields with their present values: another one means that somebody changed them."""
    return digest(_values(body, owned_fields(body)))


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value, the same for the same value in any order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _values(live: Any, fields: Mapping[str, Any]) -> Any:
    """Return the part of ``live`` that ``fields`` names."""
    below = {path: subtree for path, subtree in fields.items() if path != "."}
    if not below:
        return live
    return {path: _values(_step(live, path), subtree) for path, subtree in below.items()}


def _step(live: Any, path: str) -> Any:
    """Return what one path element of FieldsV1 leads to, or None when it is not there."""
    form, _, name = path.partition(":")
    if form == "f":
        return live.get(name) if isinstance(live, Mapping) else None
    items = live if isinstance(live, list) else []
    wanted = json.loads(name)
    if form == "v":
        return wanted if wanted in items else None
    return next((item for item in items if isinstance(item, Mapping) and wanted.items() <= item.items()), None)
