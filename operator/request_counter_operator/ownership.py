"""What of an object is ours: the fields that its managed fields record for our field manager.

An object's ``metadata.managedFields`` lists, for each manager, the fields it applied, as a tree: ``f:<name>`` a field,
``k:<json>`` the list item with these keys, ``v:<json>`` the set member with this value, ``.`` the node itself.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/ and the FieldsV1 format of
sigs.k8s.io/structured-merge-diff.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from request_counter_operator.names import FIELD_MANAGER

Fields: TypeAlias = Mapping[str, Any]
"""A tree of FieldsV1."""


def owned_fields(body: Mapping[str, Any], manager: str = FIELD_MANAGER) -> Fields:
    """Return the tree of the fields that ``manager`` applied to the object; empty when it applied none."""
    for entry in body["metadata"].get("managedFields", ()):
        if entry["manager"] == manager and entry["operation"] == "Apply" and not entry.get("subresource"):
            fields: Fields = entry.get("fieldsV1", {})
            return fields
    return {}


def owns_replicas(body: Mapping[str, Any]) -> bool:
    """Return whether the number of replicas is among our fields: letting go of it would reset it to one."""
    return "f:replicas" in owned_fields(body).get("f:spec", {})


def owned_digest(body: Mapping[str, Any]) -> str:
    """Return a digest of our fields with their present values: another one means that somebody changed them.

    It is that of the manifest (``manifest_digest``) that was applied last, except where the API server writes a value
    in another way than the manifest does, such as an amount of memory.
    """
    return digest(_values(body, owned_fields(body)))


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """Return the digest of a manifest's fields, without those that tell which object it is: nobody owns them."""
    metadata = {name: value for name, value in manifest["metadata"].items() if name not in {"name", "namespace"}}
    fields = {name: value for name, value in manifest.items() if name not in {"apiVersion", "kind", "metadata"}}
    return digest({**fields, "metadata": metadata})


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value, the same for the same value in any order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def takers(body: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Return who holds fields of ``manifest`` that are not ours: the field managers, the latest to write first.

    A field that somebody removed is nobody's, so whoever only removed fields is not found.
    """
    ours = set(_paths(owned_fields(body)))
    entries = body["metadata"].get("managedFields", ())
    found: dict[str, str] = {}
    for entry in entries:
        manager = entry["manager"]
        if manager.startswith(FIELD_MANAGER) or entry.get("subresource") == "status":
            continue
        theirs = (path for path in _paths(entry.get("fieldsV1", {})) if path not in ours)
        if any(_leads_somewhere(manifest, path) for path in theirs):
            found[manager] = max(found.get(manager, ""), entry.get("time", ""))
    return tuple(sorted(found, key=lambda manager: found[manager], reverse=True))


def _values(live: Any, fields: Fields) -> Any:
    """Return the part of ``live`` that ``fields`` names, as JSON of the same shape; what is missing is null."""
    below = {path: subtree for path, subtree in fields.items() if path != "."}
    if not below:
        # With a point, the node itself is ours and what is in it is others'.
        return type(live)() if "." in fields and isinstance(live, dict | list) else live
    if next(iter(below)).startswith("f:"):
        return {path[2:]: _values(_step(live, path), subtree) for path, subtree in below.items()}
    ours = [(_position(live, path), _values(_step(live, path), subtree)) for path, subtree in below.items()]
    return [value for _, value in sorted(ours, key=lambda item: item[0])]


def _step(live: Any, path: str) -> Any:
    """Return what one path element of FieldsV1 leads to, or None when it is not there."""
    form, _, name = path.partition(":")
    if form == "f":
        return live.get(name) if isinstance(live, Mapping) else None
    place = _position(live, path)
    return live[place] if isinstance(live, list) and place < len(live) else None


def _position(live: Any, path: str) -> int:
    """Return where in a list a path element leads to; past its end when it is not there."""
    items = live if isinstance(live, list) else []
    form, _, name = path.partition(":")
    wanted = json.loads(name)
    for number, item in enumerate(items):
        is_it = item == wanted if form == "v" else isinstance(item, Mapping) and wanted.items() <= item.items()
        if is_it:
            return number
    return len(items)


def _paths(fields: Fields, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the paths to all leaves of a tree."""
    for element, below in fields.items():
        if element == ".":
            continue
        path = (*prefix, element)
        if any(name != "." for name in below):
            yield from _paths(below, path)
        else:
            yield path


def _leads_somewhere(manifest: Any, path: tuple[str, ...]) -> bool:
    """Return whether the manifest says anything of a path."""
    for element in path:
        manifest = _step(manifest, element)
        if manifest is None:
            return False
    return True
