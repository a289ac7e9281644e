"""The ClusterRole allows exactly what the operator does: no right without a use, no use without a right."""

from pathlib import Path
from typing import Any

import yaml

from request_counter_operator.desired import children
from request_counter_operator.election import LEASE_NAME
from request_counter_operator.kinds import (
    CHILD_KINDS,
    EVENT,
    KIND_OF,
    LEASE,
    POD,
    REQUEST_COUNTER,
    SECRET,
    VOLUME_CLAIM,
)
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.seed import SEED_SECRET
from request_counter_operator.settings import Settings
from tests.support.counters import SPECS, STATUSES, counter

BASE = Path(__file__).parents[3] / "deploy" / "base"
WATCHED = {"get", "list", "watch"}


def allowed(file: str = "cluster-role.yaml") -> dict[tuple[str, ...], set[str]]:
    role: dict[str, Any] = yaml.safe_load((BASE / file).read_text())
    return {
        (group, resource, *rule.get("resourceNames", ())): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_the_rights_are_those_that_are_used() -> None:
    ours = (REQUEST_COUNTER.group, REQUEST_COUNTER.plural)
    used: dict[tuple[str, ...], set[str]] = {
        (kind.group, kind.plural): WATCHED | {"create", "patch", "delete"} for kind in CHILD_KINDS
    }
    used[ours] = WATCHED
    used[ours[0], f"{ours[1]}/status"] = {"patch"}
    used[ours[0], f"{ours[1]}/finalizers"] = {"update"}
    used[POD.group, POD.plural] = {"list", "delete"}
    # The volumes with the counts and their backups are for people to delete.
    used[VOLUME_CLAIM.group, VOLUME_CLAIM.plural] = WATCHED | {"create", "patch"}
    used[EVENT.group, EVENT.plural] = {"create", "patch"}
    assert allowed() == used


def test_the_rights_in_its_own_namespace_are_for_the_lease_and_the_seed() -> None:
    assert allowed("role.yaml") == {
        (LEASE.group, LEASE.plural): {"create"},
        (LEASE.group, LEASE.plural, LEASE_NAME): {"get", "update"},
        (SECRET.group, SECRET.plural): {"create"},
        (SECRET.group, SECRET.plural, SEED_SECRET): {"get"},
    }


def test_every_kind_that_is_watched_is_rendered_by_some_resource() -> None:
    facts = Facts(Credentials("p"))
    rendered = {
        manifest["kind"]
        for name, spec in SPECS.items()
        for manifest in children(counter(spec, status=STATUSES.get(name)), Settings(), facts)
    }
    assert rendered == KIND_OF.keys()


def test_nothing_is_allowed_by_wildcard() -> None:
    for file in ("cluster-role.yaml", "role.yaml"):
        assert not any("*" in {*what, *verbs} for what, verbs in allowed(file).items())
