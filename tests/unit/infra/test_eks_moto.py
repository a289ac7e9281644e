"""The simulated AWS: what is applied to it, and that nothing of it could reach the real one."""

from infra.eks_cli import places
from infra.eks_cli.moto import LEFT_OUT, SIMULATED, override, resources, targets


def test_each_type_of_resource_is_either_simulated_or_left_out() -> None:
    types = {kind for kind, _ in resources(places.EKS)}
    assert types == SIMULATED | LEFT_OUT
    assert not SIMULATED & LEFT_OUT


def test_only_what_is_simulated_is_applied() -> None:
    chosen = targets(places.EKS)
    assert "-target=aws_vpc.this" in chosen
    assert not any("aws_eks" in option for option in chosen)


def test_every_service_in_use_is_sent_to_moto() -> None:
    text = override("http://127.0.0.1:5000")
    assert text.count('"http://127.0.0.1:5000"') == 8
    assert 'backend "local"' in text
    assert 'access_key                  = "testing"' in text
