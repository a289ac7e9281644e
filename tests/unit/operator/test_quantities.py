"""Kubernetes quantities in bytes."""

import pytest

from request_counter_operator.render.quantities import to_bytes
from request_counter_operator.render.redis_config import redis_config
from tests.support.counters import counter


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (1024, 1024),
        ("128974848", 128974848),
        ("64Mi", 64 * 2**20),
        ("1.5Gi", 3 * 2**29),
        ("1k", 1000),
        ("129M", 129_000_000),
        ("2Ti", 2**41),
        ("1500m", 1),
    ],
)
def test_quantities_in_bytes(quantity: str | int, expected: int) -> None:
    assert to_bytes(quantity) == expected


@pytest.mark.parametrize("quantity", ["", "Mi", "1 Mi", "1e3", "-1", "1Ei"])
def test_what_the_schema_does_not_admit_is_refused(quantity: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        to_bytes(quantity)


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"limits": {"memory": "100Mi"}}, "maxmemory 78643200\n"),
        ({"limits": {"cpu": 1}}, None),
        ({}, None),
    ],
)
def test_redis_may_use_three_quarters_of_its_memory(resources: dict[str, dict[str, str]], expected: str | None) -> None:
    config = redis_config(counter({"store": {"redis": {"resources": resources}}}))
    assert ("maxmemory " in config) is (expected is not None)
    assert expected is None or expected in config
