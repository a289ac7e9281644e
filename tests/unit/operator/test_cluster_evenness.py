"""Which primary is to be on another node of Kubernetes: nobody's, unless that makes them more even."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from request_counter_operator.redis_admin.cluster.evenness import handover
from request_counter_operator.redis_admin.cluster.layout import layout_of
from request_counter_operator.redis_admin.cluster.membership import Step
from tests.support.counters import counter
from tests.unit.operator.test_cluster_decision import Known, Scene, everybody

LAYOUT = replace(layout_of(counter({"store": {"redis": {"mode": "Cluster"}}})), tags={})
NODES = ("a", "b", "c")
GATHERED = {name: NODES[number] for shard in LAYOUT.shards for number, name in enumerate(shard)}
APART = {
    name: NODES[(shard + number) % 3] for shard, names in enumerate(LAYOUT.shards) for number, name in enumerate(names)
}


def scene(known: dict[str, Known] | None = None) -> Scene:
    return Scene(layout=LAYOUT, known=known or everybody(LAYOUT))


def test_primaries_on_different_nodes_stay_where_they_are() -> None:
    assert handover(LAYOUT, scene().nodes(), APART) is None


def test_of_primaries_on_one_node_one_is_handed_over() -> None:
    assert handover(LAYOUT, scene().nodes(), GATHERED) == Step("hits-cluster-2-2", ("CLUSTER", "FAILOVER"))


def test_nothing_is_done_while_it_is_not_known_where_a_pod_is() -> None:
    hosts = {name: node for name, node in GATHERED.items() if name != "hits-cluster-1-1"}
    assert handover(LAYOUT, scene().nodes(), hosts) is None


@given(st.lists(st.permutations(NODES), min_size=3, max_size=3))
def test_wherever_pods_are_it_comes_to_an_end_and_no_node_has_most_primaries(placed: list[tuple[str, ...]]) -> None:
    hosts = {
        name: node
        for shard, nodes in zip(LAYOUT.shards, placed, strict=True)
        for name, node in zip(shard, nodes, strict=True)
    }
    known = everybody(LAYOUT)
    for _ in range(3):
        step = handover(LAYOUT, scene(known).nodes(), hosts)
        if step is None:
            break
        known |= taken_over(known, step.name)
    assert handover(LAYOUT, scene(known).nodes(), hosts) is None
    load = Counter(hosts[name] for name, one in known.items() if not one.follows)
    assert max(load.values()) == 1


def taken_over(known: dict[str, Known], heir: str) -> dict[str, Known]:
    """Return the shard of ``heir`` as it is when that is its primary."""
    before = known[heir].follows.removeprefix("id-")
    others = {name: one for name, one in known.items() if one.follows == f"id-{before}"} | {before: known[before]}
    followers = {name: replace(one, flags="slave", slots="", follows=f"id-{heir}") for name, one in others.items()}
    return followers | {heir: replace(known[heir], flags="master", slots=known[before].slots, follows="")}
