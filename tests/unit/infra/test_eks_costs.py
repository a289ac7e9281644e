"""What a plan is said to cost: by what will be there, not by what changes; and nothing is passed over in silence."""

from typing import Any

import pytest

from infra.eks_cli.costs import estimate, lines
from infra.eks_cli.prices import HOURS_PER_MONTH, PRICES
from tests.support.eks_examples import PLAN


def plan_of(kind: str, **values: Any) -> dict[str, Any]:
    return {"planned_values": {"root_module": {"resources": [{"type": kind, "values": values}]}}}


def test_an_estimate_counts_what_will_be_there() -> None:
    assert estimate(PLAN).items == {
        "control-plane": 1,
        "m6a.large": 3,
        "nat-gateway": 1,
        "public-ipv4": 1,
        "kms-key": 2,
    }


@pytest.mark.parametrize(
    ("values", "nodes"),
    [
        ({"num_cache_clusters": 2, "num_node_groups": 1, "replicas_per_node_group": 1}, 2),
        ({"num_cache_clusters": None, "num_node_groups": 3, "replicas_per_node_group": 2}, 9),
    ],
)
def test_replicas_of_elasticache_are_counted(values: dict[str, Any], nodes: int) -> None:
    plan = plan_of("aws_elasticache_replication_group", node_type="cache.t4g.small", **values)
    assert estimate(plan).items == {"cache.t4g.small": nodes}


def test_replicas_of_memorydb_are_counted() -> None:
    plan = plan_of("aws_memorydb_cluster", node_type="db.t4g.small", num_shards=2, num_replicas_per_shard=1)
    assert estimate(plan).items == {"db.t4g.small": 4}


def test_extended_support_is_dearer() -> None:
    plan = plan_of("aws_eks_cluster", upgrade_policy=[{"support_type": "EXTENDED"}])
    assert estimate(plan).monthly_usd == 0.60 * HOURS_PER_MONTH


def test_what_has_no_price_is_named() -> None:
    group = plan_of("aws_eks_node_group", instance_types=["x9.huge"], scaling_config=[{"desired_size": 3}])
    assert "      x9.huge: no price known" in lines(estimate(group))


def test_the_dearest_comes_first_and_the_sum_last() -> None:
    shown = list(lines(estimate(PLAN)))
    assert "m6a.large" in shown[0]
    assert shown[-1].startswith("  about $301 a month")


def test_every_price_says_where_it_was_read() -> None:
    assert all(price.source and price.usd > 0 for price in PRICES.values())
