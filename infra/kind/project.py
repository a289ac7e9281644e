"""The project's own two images, built from the Dockerfiles at the root of the checkout."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from infra.kind import places
from infra.kind.process import follow
from infra.kind.progress import Step

_PASSED_ON = ("UV_DEFAULT_INDEX", "PIP_INDEX_URL", "EXTRA_CA_PEM")
"""Build arguments that are taken from the user's environment: a package index and its certificate authority."""


@dataclass(frozen=True, slots=True)
class ProjectImage:
    """One of our images.

    Args:
        program: operator or service.
        version: the project's.
    """

    program: str
    version: str

    @property
    def name(self) -> str:
        """Its name and tag."""
        return f"request-counter/{self.program}:{self.version}"


def project_images() -> tuple[ProjectImage, ProjectImage]:
    """Return the operator's image and the service's, in the version that pyproject.toml names."""
    project = tomllib.loads((places.CHECKOUT / "pyproject.toml").read_text())["project"]
    return ProjectImage("operator", project["version"]), ProjectImage("service", project["version"])


def build_command(image: ProjectImage, environment: Mapping[str, str]) -> list[str]:
    """Return the `docker build` of an image, with what the environment says about package indexes."""
    arguments = [f"--build-arg={name}={environment[name]}" for name in _PASSED_ON if environment.get(name)]
    return ["docker", "build", "--tag", image.name, "--file", f"Dockerfile.{image.program}", *arguments, "."]


def build_project_image(image: ProjectImage, step: Step) -> None:
    """Build an image; Docker's cache makes a repeat quick.

    Raises:
        CommandError: The build failed; an older image of that name stays.
    """
    follow(build_command(image, os.environ), step.note, cwd=places.CHECKOUT)
    step.note(image.name)
