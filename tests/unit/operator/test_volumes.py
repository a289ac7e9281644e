"""Volumes that are to grow: the claims first, and the StatefulSet only if they could."""

import copy
from typing import Any

import pytest

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Child, ChildKey
from request_counter_operator.conditions import Observed, verdicts
from request_counter_operator.desired import children
from request_counter_operator.errors import ApiError, NotFoundError, VolumeNotGrownError
from request_counter_operator.happening import Happening
from request_counter_operator.ownership import manifest_digest
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.settings import Settings
from request_counter_operator.volumes import grow_volumes, smaller_claims
from tests.support.counters import EXTERNAL, IN_MEMORY, counter

REFUSAL = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


class Claims:
    """The API server, as far as claims are read from it and grow."""

    def __init__(self, sizes: dict[str, str], refusals: dict[str, ApiError] | None = None) -> None:
        self.sizes = sizes
        self.refusals = refusals or {}
        self.selectors: list[str] = []

    async def list(self, kind: Any, namespace: str, selector: str) -> list[Any]:
        """Return the claims of Redis."""
        assert (kind.plural, namespace) == ("persistentvolumeclaims", "default")
        self.selectors.append(selector)
        return [claim(*one) for one in self.sizes.items()] if "component=redis" in selector else []

    async def resize(self, namespace: str, name: str, size: str) -> None:
        """Grow, or refuse to."""
        assert namespace == "default"
        if name in self.refusals:
            raise self.refusals[name]
        self.sizes[name] = size


def claim(name: str, size: str, **metadata: str) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "spec": {"resources": {"requests": {"storage": size}}}}


def of_size(size: str, mode: str = "Sentinel") -> RequestCounter:
    return counter({"store": {"redis": {"mode": mode, "persistence": {"size": size}}}})


def manifests(resource: RequestCounter) -> list[Manifest]:
    return children(resource, Settings(), Facts(Credentials("p")))


def live(made: list[Manifest]) -> dict[ChildKey, Child]:
    """Return the children as they are once these manifests are applied."""
    keys = [ChildKey(manifest["kind"], manifest["metadata"]["name"]) for manifest in made]
    digests = map(manifest_digest, made)
    return {
        key: Child(key, "u", 1, "o", terminating=False, digest=digest, owns_replicas=True, rollout=None)
        for key, digest in zip(keys, digests, strict=True)
    }


async def test_what_is_as_wanted_costs_no_request() -> None:
    claims, wanted = Claims({}), manifests(of_size("2Gi"))
    grown = await grow_volumes(claims, wanted, live(wanted))  # type: ignore[arg-type]
    assert (grown.manifests, grown.failures, grown.happenings, claims.selectors) == (wanted, [], [], [])


@pytest.mark.parametrize("spec", [EXTERNAL, IN_MEMORY])
async def test_without_volumes_nothing_is_looked_for(spec: dict[str, Any]) -> None:
    claims = Claims({})
    wanted = manifests(counter(spec))
    assert (await grow_volumes(claims, wanted, {})).manifests == wanted  # type: ignore[arg-type]
    assert claims.selectors == []


async def test_claims_grow_before_their_stateful_set_says_so() -> None:
    claims = Claims({"data-hits-redis-0": "1Gi", "data-hits-redis-1": "5Gi", "data-hits-redis-2": "1024Mi"})
    wanted = manifests(of_size("2Gi"))
    grown = await grow_volumes(claims, wanted, live(manifests(of_size("1Gi"))))  # type: ignore[arg-type]
    assert claims.sizes == {"data-hits-redis-0": "2Gi", "data-hits-redis-1": "5Gi", "data-hits-redis-2": "2Gi"}
    assert (grown.manifests, grown.failures) == (wanted, [])
    assert grown.happenings == [
        Happening("Normal", "VolumeGrows", "PersistentVolumeClaim data-hits-redis-0 grows from 1Gi to 2Gi"),
        Happening("Normal", "VolumeGrows", "PersistentVolumeClaim data-hits-redis-2 grows from 1024Mi to 2Gi"),
    ]
    # The sentinels' StatefulSet is as it was, so that it is left alone.
    assert len(claims.selectors) == 1


async def test_where_one_cannot_grow_the_stateful_set_stays_and_all_else_is_as_wanted() -> None:
    claims = Claims(
        {"data-hits-redis-0": "1Gi", "data-hits-redis-1": "1Gi"},
        {"data-hits-redis-1": ApiError(REFUSAL, status=403)},
    )
    before, wanted = manifests(of_size("1Gi")), manifests(of_size("2Gi"))
    given = copy.deepcopy(wanted)
    grown = await grow_volumes(claims, wanted, live(before))  # type: ignore[arg-type]
    assert (grown.manifests, wanted) == (before, given)
    assert claims.sizes["data-hits-redis-0"] == "2Gi"
    assert [(type(one), str(one)) for one in grown.failures] == [
        (VolumeNotGrownError, f"PersistentVolumeClaim data-hits-redis-1: {REFUSAL}")
    ]
    degraded = verdicts(of_size("2Gi"), Observed(failures=tuple(grown.failures)))["Degraded"]
    assert degraded == ("True", "VolumeNotGrown", f"PersistentVolumeClaim data-hits-redis-1: {REFUSAL}")


async def test_what_may_pass_is_no_refusal_and_keeps_the_stateful_set_as_well() -> None:
    claims = Claims({"data-hits-redis-0": "1Gi"}, {"data-hits-redis-0": ApiError("cannot reach the API server")})
    before = manifests(of_size("1Gi", "Standalone"))
    grown = await grow_volumes(claims, manifests(of_size("2Gi", "Standalone")), live(before))  # type: ignore[arg-type]
    assert grown.manifests == before
    assert [type(one) for one in grown.failures] == [ApiError]


async def test_a_claim_that_is_deleted_meanwhile_keeps_nothing_from_its_size() -> None:
    claims = Claims({"data-hits-redis-0": "1Gi"}, {"data-hits-redis-0": NotFoundError("not found", status=404)})
    wanted = manifests(of_size("2Gi", "Standalone"))
    grown = await grow_volumes(claims, wanted, {})  # type: ignore[arg-type]
    assert (grown.manifests, grown.failures, grown.happenings) == (wanted, [], [])


def test_only_claims_of_this_stateful_set_that_are_smaller_and_stay_are_meant() -> None:
    found = [
        claim("data-hits-redis-0", "1Gi"),
        claim("data-hits-redis-1", "2Gi"),
        claim("data-hits-redis-2", "1e9"),
        claim("data-hits-redis-3", "1Gi", deletionTimestamp="2026-01-01T00:00:00Z"),
        claim("data-hits-redis-0-copy", "1Gi"),
        claim("data-hits-sentinel-0", "1Gi"),
    ]
    assert smaller_claims(found, "hits-redis", "2Gi") == {"data-hits-redis-0": "1Gi"}
