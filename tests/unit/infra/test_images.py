"""Which image is taken from where, which is loaded, and which pods run an older one."""

from typing import Any

import pytest

from infra.kind.images import RECIPE_LABEL, Image, Source, source
from infra.kind.nodes import full_name
from infra.kind.progress import Step
from infra.kind.project import ProjectImage, build_command, project_images
from infra.kind.workloads import is_outdated


def _never(step: Step) -> None:
    raise AssertionError(step)


IMAGE = Image("redis:8.0-trixie", "recipe-2", _never)
SERVICE = "docker.io/request-counter/service:0.1.0"


def test_a_missing_image_is_asked_of_its_registry_first() -> None:
    assert source(IMAGE, None) is Source.REGISTRY


def test_an_image_that_was_pulled_is_kept() -> None:
    assert source(IMAGE, {}) is Source.LOCAL
    assert source(IMAGE, {"maintainer": "someone"}) is Source.LOCAL


def test_an_image_that_was_built_here_is_kept_until_its_recipe_changes() -> None:
    assert source(IMAGE, {RECIPE_LABEL: "recipe-2"}) is Source.LOCAL
    assert source(IMAGE, {RECIPE_LABEL: "recipe-1"}) is Source.REGISTRY


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("redis:8.0-trixie", "docker.io/library/redis:8.0-trixie"),
        ("request-counter/service:0.1.0", SERVICE),
        ("registry.k8s.io/pause:3.10.2", "registry.k8s.io/pause:3.10.2"),
        ("127.0.0.1:5000/some/thing:1", "127.0.0.1:5000/some/thing:1"),
    ],
)
def test_names_are_completed_as_containerd_does(name: str, full: str) -> None:
    assert full_name(name) == full


def _pod(image: str, image_id: str) -> dict[str, Any]:
    return {"status": {"containerStatuses": [{"image": image, "imageID": image_id}]}}


def test_a_pod_is_outdated_when_it_runs_another_image_by_the_same_name() -> None:
    current = "config @sha256:bbb layer @sha256:ccc"
    assert is_outdated(_pod(SERVICE, "sha256:aaa"), SERVICE, current)
    assert is_outdated(_pod(SERVICE, "docker.io/library/import@sha256:aaa"), SERVICE, current)


def test_a_pod_is_left_alone_when_its_image_is_current_or_not_ours_or_not_known_yet() -> None:
    current = "config @sha256:bbb"
    assert not is_outdated(_pod(SERVICE, "sha256:bbb"), SERVICE, current)
    assert not is_outdated(_pod("docker.io/someone/else:1", "sha256:aaa"), SERVICE, current)
    assert not is_outdated(_pod(SERVICE, ""), SERVICE, current)
    assert not is_outdated({"status": {}}, SERVICE, current)


def test_builds_pass_on_the_package_index_and_certificates_that_are_set() -> None:
    environment = {"PIP_INDEX_URL": "https://pypi.example.com/simple", "EXTRA_CA_PEM": "", "HOME": "/root"}
    command = build_command(ProjectImage("operator", "1.2.3"), environment)
    assert command == [
        *("docker", "build", "--tag", "request-counter/operator:1.2.3", "--file", "Dockerfile.operator"),
        "--build-arg=PIP_INDEX_URL=https://pypi.example.com/simple",
        ".",
    ]


def test_images_have_the_project_s_version() -> None:
    assert len({image.version for image in project_images()}) == 1
    assert [image.program for image in project_images()] == ["operator", "service"]
