"""The ClusterRole allows exactly what the operator does: no right without a use, no use without a right."""

from pathlib import Path
from typing import Any

import yaml

from request_counter_operator.desired import Facts, children
from request_counter_operator.kinds import CHILD_KINDS, KIND_OF, REQUEST_COUNTER
from request_counter_operator.settings import Settings
from tests.support.counters import SPECS, counter

BASE = Path(__file__).parents[3] / "deploy" / "base"
WATCHED = {"get", "list", "watch"}


def allowed() -> dict[tuple[str, str], set[str]]:
    role: dict[str, Any] = yaml.safe_load((BASE / "cluster-role.yaml").read_text())
    return {
        (group, resource): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_the_rights_are_those_that_are_used() -> None:
    ours = (REQUEST_COUNTER.group, REQUEST_COUNTER.plural)
    used = {(kind.group, kind.plural): WATCHED | {"create", "patch", "delete"} for kind in CHILD_KINDS}
    used[ours] = WATCHED
    used[ours[0], f"{ours[1]}/status"] = {"patch"}
    used[ours[0], f"{ours[1]}/finalizers"] = {"update"}
    assert allowed() == used


def test_every_kind_that_is_watched_is_rendered_by_some_resource() -> None:
    facts = Facts(redis_password="p", deployment_exists=False)
    rendered = {manifest["kind"] for spec in SPECS.values() for manifest in children(counter(spec), Settings(), facts)}
    assert rendered == KIND_OF.keys()


def test_nothing_is_allowed_by_wildcard() -> None:
    assert not any("*" in {group, resource, *verbs} for (group, resource), verbs in allowed().items())
