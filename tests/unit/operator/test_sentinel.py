"""A Redis with replicas: what is rendered for it, and what is made of its servers' and sentinels' words."""

from typing import Any

import pytest

from request_counter_operator.api import Server
from request_counter_operator.desired import children
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.redis_admin.sentinel_group import Said, Watched, reading_of
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.topology import group, topology
from request_counter_operator.settings import Settings
from tests.support.counters import SENTINEL, counter

ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.3")


def said(number: int, role: Any, *, linked: bool | None = None) -> Said:
    if role == "Unreachable":
        return Said(Server(name=f"hits-redis-{number}", role=role))
    server = Server(name=f"hits-redis-{number}", role=role, linked=linked)
    return Said(server, ADDRESSES[number], "8.0.2")


PRIMARY = said(0, "Primary")
FOLLOWERS = [said(1, "Replica", linked=True), said(2, "Replica", linked=True)]
AGREED = [Watched(ADDRESSES[0], sentinels=3, replicas=2)] * 3


def test_a_group_is_whole_when_all_follow_the_primary_that_all_sentinels_name() -> None:
    reading = reading_of([PRIMARY, *FOLLOWERS], AGREED)
    assert reading == StoreReading(
        servers=(PRIMARY.server, FOLLOWERS[0].server, FOLLOWERS[1].server),
        primary="hits-redis-0",
        version="8.0.2",
        is_whole=True,
    )


@pytest.mark.parametrize(
    ("servers", "sentinels"),
    [
        ([PRIMARY, FOLLOWERS[0], said(2, "Replica", linked=False)], AGREED),
        ([PRIMARY, FOLLOWERS[0], said(2, "Unreachable")], AGREED),
        ([PRIMARY, *FOLLOWERS], AGREED[:2]),
        ([PRIMARY, *FOLLOWERS], [*AGREED[:2], Watched(ADDRESSES[0], sentinels=2, replicas=2)]),
        ([PRIMARY, *FOLLOWERS], [*AGREED[:2], Watched(ADDRESSES[1], sentinels=3, replicas=2)]),
        ([PRIMARY, *FOLLOWERS], [*AGREED[:2], Watched(ADDRESSES[0], sentinels=3, replicas=1)]),
    ],
)
def test_a_group_that_lacks_something_counts_on(servers: list[Said], sentinels: list[Watched]) -> None:
    reading = reading_of(servers, sentinels)
    assert (reading.primary, reading.is_whole, reading.fault) == ("hits-redis-0", False, None)


@pytest.mark.parametrize(
    ("servers", "sentinels", "fault"),
    [
        ([PRIMARY, *FOLLOWERS], AGREED[:1], "1 of 3 sentinels answer, and do not agree on a primary"),
        ([said(0, "Unreachable"), *FOLLOWERS], AGREED, "the primary does not answer"),
        # Who calls itself primary is not, unless the sentinels say so.
        ([PRIMARY, *FOLLOWERS], [Watched(ADDRESSES[1], sentinels=3, replicas=2)] * 3, "the primary does not answer"),
    ],
)
def test_without_a_primary_the_fault_is_told(servers: list[Said], sentinels: list[Watched], fault: str) -> None:
    reading = reading_of(servers, sentinels)
    assert (reading.primary, reading.is_whole, reading.fault) == (None, False, fault)


def rendered(**metadata: Any) -> dict[tuple[str, str], dict[str, Any]]:
    facts = Facts(Credentials("root"), service_replicas=2, service_pods=2)
    manifests = children(counter(SENTINEL, **metadata), Settings(), facts)
    return {(m["kind"], m["metadata"]["name"]): m for m in manifests}


def test_each_server_and_sentinel_has_an_address_that_outlives_its_pod() -> None:
    manifests = rendered()
    for workload in ("hits-redis", "hits-sentinel"):
        for number in range(3):
            service = manifests["Service", f"{workload}-{number}"]["spec"]
            assert service["selector"]["statefulset.kubernetes.io/pod-name"] == f"{workload}-{number}"
            assert service["publishNotReadyAddresses"]
            assert "clusterIP" not in service
        assert manifests["StatefulSet", workload]["spec"]["replicas"] == 3


def test_nothing_in_a_template_tells_who_is_primary_or_whether_there_is_data() -> None:
    templates = [m["spec"]["template"] for key, m in rendered().items() if key[0] == "StatefulSet"]
    status = {"store": {"mode": "Sentinel", "primary": "hits-redis-2", "bootstrapped": True}}
    resource = counter(SENTINEL).from_body(
        {"metadata": counter(SENTINEL).metadata.model_dump(by_alias=True), "spec": SENTINEL, "status": status}
    )
    facts = Facts(Credentials("root"), service_replicas=2, service_pods=2)
    later = [m["spec"]["template"] for m in children(resource, Settings(), facts) if m["kind"] == "StatefulSet"]
    assert later == templates
    assert 'BOOTSTRAPPED="yes"' in topology(resource)


def test_two_counters_of_one_name_have_groups_and_passwords_of_their_own() -> None:
    assert group(counter(SENTINEL)) != group(counter(SENTINEL, uid="another"))
    assert 'BOOTSTRAPPED="no"' in topology(counter(SENTINEL))
