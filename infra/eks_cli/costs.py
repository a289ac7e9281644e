"""What a plan costs a month, as far as it can be known before anything runs. Pure: plans in, lines out.

Traffic, logs and requests are not in a plan; they are in the table of prices, to be multiplied by what is expected.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.eks_cli.prices import PRICES, Price

Plan = Mapping[str, Any]
"""`terraform show -json` of a plan."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Counts of priced things, and what there is no price for.

    Args:
        items: key in PRICES -> how many.
        unknown: types of nodes that PRICES does not have.
    """

    items: Counter[str]
    unknown: frozenset[str] = frozenset()

    @property
    def monthly_usd(self) -> float:
        """The sum of all that has a price."""
        return sum(PRICES[key].monthly_usd * number for key, number in self.items.items())


def estimate(plan: Plan) -> Estimate:
    """Return what will be there after the plan, not only what it adds."""
    resources = plan.get("planned_values", {}).get("root_module", {}).get("resources", [])
    counted: Counter[str] = Counter()
    for resource in resources:
        counted.update(_items(resource["type"], resource.get("values", {})))
    return Estimate(
        items=Counter({key: number for key, number in counted.items() if key in PRICES}),
        unknown=frozenset(key for key in counted if key not in PRICES),
    )


def _items(kind: str, values: Mapping[str, Any]) -> Counter[str]:
    single = _SINGLE.get(kind)
    if single is not None:
        return Counter({single: 1})
    if kind == "aws_eks_cluster":
        extended = values["upgrade_policy"][0]["support_type"] == "EXTENDED"
        return Counter({"control-plane-extended" if extended else "control-plane": 1})
    if kind == "aws_eks_node_group":
        return Counter({values["instance_types"][0]: values["scaling_config"][0]["desired_size"]})
    if kind == "aws_elasticache_replication_group":
        sharded = (values.get("num_node_groups") or 1) * (1 + (values.get("replicas_per_node_group") or 0))
        return Counter({values["node_type"]: values.get("num_cache_clusters") or sharded})
    if kind == "aws_memorydb_cluster":
        return Counter({values["node_type"]: values["num_shards"] * (1 + values["num_replicas_per_shard"])})
    return Counter()


_SINGLE: Final = {
    "aws_nat_gateway": "nat-gateway",
    "aws_eip": "public-ipv4",
    "aws_kms_key": "kms-key",
    "aws_secretsmanager_secret": "secret",
    "aws_elasticache_serverless_cache": "serverless-minimum",
}

Items = Mapping[str, int]

_BASE: Final[Items] = {
    "control-plane": 1,
    "kms-key": 2,
    "load-balancer": 1,
    "load-balancer-unit": 1,
    "public-ipv4": 3,
}
_ONE_NAT: Final[Items] = {"nat-gateway": 1, "public-ipv4": 1}
_THREE_NATS: Final[Items] = {"nat-gateway": 3, "public-ipv4": 3}
_NODES: Final[Items] = {"m6a.large": 3, "gp3": 3 * 40}
_LARGER_NODES: Final[Items] = {"m6a.xlarge": 3, "gp3": 3 * 40}
_VOLUME: Final[Items] = {"gp3": 8}


def _together(*items: Items) -> Items:
    return sum((Counter(some) for some in items), Counter())


ROWS: Final[tuple[tuple[str, str, Items], ...]] = (
    ("always", "control plane, two keys, one load balancer with three addresses and little traffic", _BASE),
    ("`single_nat_gateway = true`", "one NAT gateway with its address", _ONE_NAT),
    ("`single_nat_gateway = false`", "three of them", _THREE_NATS),
    ("`eks_managed_node_groups` as they are", "three m6a.large with 40 GiB each", _NODES),
    (
        "`compute_config = { enabled = true }`",
        "as many nodes; AWS chooses them by what pods ask for, so take it as an example",
        _together(_NODES, {"auto-mode-m6a.large": 3}),
    ),
    (
        '`upgrade_policy = { support_type = "EXTENDED" }`',
        "once the version is out of standard support, instead of its price",
        {"control-plane-extended": 1},
    ),
    ('`datastore = "in-cluster"`', "a gp3 volume of 8 GiB for each counter", _VOLUME),
    (
        '`datastore = "elasticache-serverless"`',
        "the least; each million of commands besides",
        {"serverless-minimum": 1, "secret": 1},
    ),
    ('`datastore = "elasticache-cluster"`', "two cache.t4g.small", {"cache.t4g.small": 2, "secret": 1}),
    ('`datastore = "memorydb"`', "two db.t4g.small", {"db.t4g.small": 2, "secret": 1}),
    ('`datastore = "dynamodb"`', "nothing at rest but storage; each million of writes", {}),
    (
        "`examples/demo.tfvars`",
        "all of it, with one counter in the cluster",
        _together(_BASE, _ONE_NAT, _NODES, _VOLUME),
    ),
    (
        "`examples/production.tfvars`",
        "three m6a.xlarge, three NAT gateways, one counter in the cluster",
        _together(_BASE, _THREE_NATS, _LARGER_NODES, _VOLUME),
    ),
)
"""Settings of infra/eks, what they bring along, and how much of what that is."""


def cost_tables() -> str:
    """Return the two tables of docs/eks.md, in Markdown: by setting, and the prices they are made of."""
    settings = [
        f"| {setting} | {meaning} | {Estimate(Counter(items)).monthly_usd:,.2f} |" for setting, meaning, items in ROWS
    ]
    prices = [
        f"| {price.title} | {price.usd:g} / {price.unit} | {_month(price)} | {price.source} |"
        for price in PRICES.values()
    ]
    return "\n".join(
        [
            *("| setting | what it brings | $ a month |", "|---|---|--:|", *settings),
            "",
            *("| what | $ | $ a month | source |", "|---|--:|--:|---|", *prices),
        ]
    )


def _month(price: Price) -> str:
    return "" if price.unit in {"GB", "million"} else f"{price.monthly_usd:,.2f}"


def lines(estimated: Estimate) -> Iterable[str]:
    """Return an estimate as a person reads it, the dearest first."""
    parts = sorted(estimated.items.items(), key=lambda item: -PRICES[item[0]].monthly_usd * item[1])
    for key, number in parts:
        yield f"  {number:>3} x {PRICES[key].title:<46} {PRICES[key].monthly_usd * number:>9,.2f}"
    for key in sorted(estimated.unknown):
        yield f"      {key}: no price known"
    total = f"{estimated.monthly_usd:,.0f}"
    yield f"  about ${total} a month at list prices, before volumes, load balancers, traffic and logs"
