"""List prices, each with where it was read and when. Nothing here was asked of AWS: see docs/eks.md for how to do that.

All are on-demand prices of us-east-1 in US dollars, without taxes and discounts.
"""

from dataclasses import dataclass
from typing import Final, Literal

HOURS_PER_MONTH: Final = 730
"""As the AWS Pricing Calculator counts."""

Unit = Literal["hour", "month", "GB-month", "GB", "million"]

PUBLIC_PAGE: Final = "public page, read 2026"
INSTANCE_LIST: Final = "Karpenter's copy of the AWS price list, 2026-01-19"
NODE_LIST: Final = "public copy of the AWS price list, 2026-10-02"
MEMORY: Final = "from memory, not looked up"


@dataclass(frozen=True, slots=True)
class Price:
    """What one of something costs.

    Args:
        title: as a person calls it.
        usd: for one unit.
        unit: what is counted.
        source: where the price was read.
    """

    title: str
    usd: float
    unit: Unit
    source: str

    @property
    def monthly_usd(self) -> float:
        """Of one, for a month; per GB or million where there is no time in it."""
        return self.usd * HOURS_PER_MONTH if self.unit == "hour" else self.usd


PRICES: Final[dict[str, Price]] = {
    "control-plane": Price("control plane, standard support", 0.10, "hour", PUBLIC_PAGE),
    "control-plane-extended": Price("control plane, extended support", 0.60, "hour", PUBLIC_PAGE),
    "nat-gateway": Price("NAT gateway", 0.045, "hour", PUBLIC_PAGE),
    "nat-data": Price("data through NAT", 0.045, "GB", PUBLIC_PAGE),
    "public-ipv4": Price("public IPv4 address", 0.005, "hour", MEMORY),
    "load-balancer": Price("Application Load Balancer", 0.0225, "hour", MEMORY),
    "load-balancer-unit": Price("load balancer capacity unit, used on average", 0.008, "hour", PUBLIC_PAGE),
    "kms-key": Price("KMS key", 1.00, "month", MEMORY),
    "secret": Price("secret in Secrets Manager", 0.40, "month", MEMORY),
    "gp3": Price("EBS gp3 volume", 0.08, "GB-month", MEMORY),
    "logs": Price("CloudWatch logs, taken in", 0.50, "GB", MEMORY),
    "m6a.large": Price("node m6a.large", 0.0864, "hour", INSTANCE_LIST),
    "m6a.xlarge": Price("node m6a.xlarge", 0.1728, "hour", INSTANCE_LIST),
    "m6g.large": Price("node m6g.large", 0.077, "hour", INSTANCE_LIST),
    "auto-mode-m6a.large": Price("Auto Mode's fee for an m6a.large (12 %)", 0.01037, "hour", MEMORY),
    "cache.t4g.small": Price("ElastiCache for Valkey, cache.t4g.small", 0.0256, "hour", NODE_LIST),
    "cache.r7g.large": Price("ElastiCache for Valkey, cache.r7g.large", 0.1752, "hour", NODE_LIST),
    "serverless-minimum": Price("ElastiCache Serverless, the least (100 MB)", 0.0084, "hour", MEMORY),
    "serverless-million": Price("ElastiCache Serverless, commands of up to 1 KB", 0.0023, "million", PUBLIC_PAGE),
    "db.t4g.small": Price("MemoryDB for Valkey, db.t4g.small", 0.030, "hour", MEMORY),
    "dynamodb-million": Price("DynamoDB, writes on demand", 0.625, "million", PUBLIC_PAGE),
}
