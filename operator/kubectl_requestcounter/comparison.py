"""An object before and after, and the difference as a person reads it: without noise, with secrets masked. Pure."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from request_counter_operator.kinds import SECRET, SERVICE
from request_counter_operator.ownership import owned_fields

Body = Mapping[str, Any]
Effect = Literal["new", "changed", "removed"]

_NOISE = {
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
}
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_GIVEN_BY_SERVER = {SERVICE.kind: {"clusterIP", "clusterIPs"}}
"""Fields that the API server makes up when it creates an object: a dry run tells others than the creation will."""

_TO_BE_GIVEN = "(given when it is created)"


class _Dumper(yaml.SafeDumper):
    """Writes YAML for people: text of several lines as such, so that a diff shows the line that differs."""

    def represent_text(self, text: str) -> yaml.Node:
        """Write text in lines where it has several."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    def ignore_aliases(self, _data: Any) -> bool:
        """Write equal parts out, each time."""
        return True


_Dumper.add_representer(str, _Dumper.represent_text)


@dataclass(frozen=True, slots=True)
class Change:
    """One object, as it is and as it would be; None where it is not there.

    Attributes:
        owner_is_new: Whether its RequestCounter does not exist yet, so that the UID of that is not known.
    """

    kind: str
    name: str
    before: Body | None
    after: Body | None
    owner_is_new: bool = False

    @property
    def effect(self) -> Effect | None:
        """What happens to the object, or None when nothing does: then no write would be made."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "removed"
        is_same = _shown(self.before) == _shown(self.after) and _ours(self.before) == _ours(self.after)
        return None if is_same else "changed"

    @property
    def replaces_pods(self) -> bool:
        """Whether a workload's pods would be replaced."""
        if self.before is None or self.after is None:
            return False
        return bool(_template(self.before) != _template(self.after))

    def lines(self) -> Iterator[str]:
        """Yield the difference as a unified diff of YAML, line by line; nothing where there is no effect."""
        if self.effect is None:
            return
        before = None if self.before is None else _shown(self.before)
        after = None if self.after is None else _shown(self.after, is_new=before is None)
        if after is not None and self.owner_is_new:
            for owner in after["metadata"].get("ownerReferences", ()):
                owner["uid"] = _TO_BE_GIVEN
        if self.kind == SECRET.kind:
            _mask(before, after)
        if before == after and self.before is not None and self.after is not None:
            # Somebody holds the same value: nothing shows but who owns which field.
            before, after = _paths(_ours(self.before)), _paths(_ours(self.after))
        label = f"{self.kind}/{self.name}"
        old, new = ("/dev/null" if side is None else f"{label} ({when})" for side, when in _sides(before, after))
        yield from difflib.unified_diff(_dump(before), _dump(after), old, new, lineterm="")


def _sides(before: Any, after: Any) -> tuple[tuple[Any, str], tuple[Any, str]]:
    return (before, "now"), (after, "then")


def _shown(body: Body, *, is_new: bool = False) -> dict[str, Any]:
    """Return a copy of what a person means by the object, without the API server's bookkeeping."""
    shown: dict[str, Any] = json.loads(json.dumps({key: value for key, value in body.items() if key != "status"}))
    metadata = {key: value for key, value in shown["metadata"].items() if key not in _NOISE}
    annotations = {key: value for key, value in metadata.pop("annotations", {}).items() if key != _LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    shown["metadata"] = metadata
    if is_new:
        for field in _GIVEN_BY_SERVER.get(str(body["kind"]), ()):
            shown["spec"].pop(field, None)
    return shown


def _ours(body: Body) -> Mapping[str, Any]:
    return owned_fields(body)


def _paths(fields: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Return the fields that the operator owns, one entry each."""
    paths: dict[str, str] = {}
    for element, below in fields.items():
        path = f"{above}.{element.removeprefix('f:')}".removeprefix(".")
        paths |= _paths(below, path) if set(below) - {"."} else {path: "owned by the operator"}
    return paths


def _template(body: Body) -> Any:
    return (body.get("spec") or {}).get("template")


def _mask(before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    """Take the values out of a Secret, and leave whether they differ: as ``kubectl diff`` does."""
    old, new = ((side or {}).get("data") or {} for side in (before, after))
    differing = {key for key in old.keys() & new.keys() if old[key] != new[key]}
    for values, when in ((old, "before"), (new, "after")):
        for key in values:
            values[key] = f"*** ({when})" if key in differing else "***"


def _dump(shown: Any) -> list[str]:
    if shown is None:
        return []
    return yaml.dump(shown, Dumper=_Dumper, width=1_000_000, allow_unicode=True).splitlines()
