"""The two images, from this commit into the cluster's registry."""

import os
from collections.abc import Mapping
from typing import Any

from infra.eks_cli import places
from infra.eks_cli.terraform import Say
from infra.kind.errors import ClusterError
from infra.kind.process import capture, follow, pipe, succeeds
from infra.kind.project import ProjectImage, build_command, project_images

INGREDIENTS = (
    "Dockerfile.operator",
    "Dockerfile.service",
    ".dockerignore",
    "pyproject.toml",
    "uv.lock",
    "README.md",
    "LICENSE",
    "counter_service",
    "operator",
)
"""What images are made of; a test compares it with .dockerignore."""


def tag(version: str, commit: str) -> str:
    """Return the tag of an image: the release it will be part of, and the commit it is made of."""
    return f"{version}-{commit[:12]}"


def current_commit() -> str:
    """Return the commit that is checked out.

    Raises:
        ClusterError: Something that images are made of is not committed: nobody could say later what is in them.
    """
    changed = capture(["git", "status", "--porcelain", "--", *INGREDIENTS], cwd=places.CHECKOUT)
    if changed:
        raise ClusterError(
            "what the images are made of has changes that are not committed, and a tag in the registry never changes",
            output=changed,
            advice="Commit or stash them: the tag names the commit.",
        )
    return capture(["git", "rev-parse", "HEAD"], cwd=places.CHECKOUT)


def push_images(outputs: Mapping[str, Any], say: Say) -> dict[str, str]:
    """Build and push what the registry does not have yet; return each program's image by its full name.

    Raises:
        ClusterError: Docker, AWS or git refuses.
    """
    commit = current_commit()
    wanted = {
        image: f"{outputs['image_repositories'][image.program]}:{tag(image.version, commit)}"
        for image in project_images()
    }
    missing = {image: name for image, name in wanted.items() if not _is_pushed(name, outputs["region"])}
    if missing:
        _log_in(next(iter(missing.values())).partition("/")[0], outputs["region"])
    for image, name in missing.items():
        say(f"building {name}")
        follow(build(image, name, outputs["platform"]), say, cwd=places.CHECKOUT)
        say(f"pushing {name}")
        follow(["docker", "push", "--quiet", name], say)
    return {image.program: name for image, name in wanted.items()}


def build(image: ProjectImage, name: str, platform: str) -> list[str]:
    """Return the `docker build` of an image for the nodes' platform, under its name in the registry."""
    command = build_command(image, os.environ)
    return [*command[:2], f"--platform={platform}", f"--tag={name}", *command[2:]]


def _is_pushed(name: str, region: str) -> bool:
    repository, _, image_tag = name.partition("/")[2].rpartition(":")
    command = ["aws", "ecr", "describe-images", "--region", region, "--repository-name", repository]
    return succeeds([*command, "--image-ids", f"imageTag={image_tag}", "--output", "json"])


def _log_in(registry: str, region: str) -> None:
    pipe(
        ["aws", "ecr", "get-login-password", "--region", region],
        ["docker", "login", "--username", "AWS", "--password-stdin", registry],
    )
