"""Another Kubernetes than ours: which image, which kubectl, and that a cluster of another version is left alone."""

import pytest

from infra.kind import pins
from infra.kind.errors import ClusterError
from infra.kind.from_source.recipes import NODE, chosen_node
from infra.kind.node_choice import check_unchanged, kubernetes_version, node_image
from infra.kind.progress import Step
from infra.kind.tools import kubectl_fits, parse_version, release_urls

OTHER = f"kindest/node:v1.34.8@sha256:{'0' * 64}"


def test_without_a_choice_it_is_ours() -> None:
    for environment in ({}, {"NODE_IMAGE": ""}, {"NODE_IMAGE": pins.NODE_IMAGE}):
        assert node_image(environment) == pins.NODE_IMAGE
        assert kubernetes_version(environment) == pins.KUBERNETES
        assert chosen_node(environment) is NODE


def test_another_image_is_taken_as_it_is_named_and_never_built() -> None:
    image = chosen_node({"NODE_IMAGE": OTHER})
    assert image.name == OTHER
    with pytest.raises(ClusterError, match="recipe"):
        image.build(Step(OTHER))


def test_kubectl_is_the_chosen_version_s() -> None:
    version = kubernetes_version({"NODE_IMAGE": OTHER})
    assert version == "v1.34.8"
    assert "/v1.34.8/" in release_urls("kubectl", "linux", "x86_64", version)[0]
    assert kubectl_fits(parse_version("v1.35.0"), version)
    assert not kubectl_fits(parse_version("v1.36.4"), version)


@pytest.mark.parametrize("name", ["kindest/node", "kindest/node:latest", "kindest/node:v1.34", f"{OTHER}x"])
def test_an_image_that_does_not_say_its_version_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="should be such as"):
        kubernetes_version({"NODE_IMAGE": name})


def test_nodes_are_not_changed_under_a_cluster() -> None:
    check_unchanged(OTHER, {})
    check_unchanged(OTHER, {"NODE_IMAGE": OTHER})
    with pytest.raises(ClusterError, match="the cluster's nodes are"):
        check_unchanged(pins.NODE_IMAGE, {"NODE_IMAGE": OTHER})
