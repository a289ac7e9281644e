"""Container images in Docker: taken if they are there, else pulled, else built from package registries."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from infra.kind.errors import ClusterError, CommandError
from infra.kind.process import capture, follow
from infra.kind.progress import Step, Steps

RECIPE_LABEL = "io.requestcounter.recipe"
"""On each image that was built here: the digest of what it was made of, so that a changed recipe is noticed."""

_FIRST_ANSWER_S = 10.0
"""A registry that has not answered by then is out of reach. The daemon's own answer counts: it knows its mirrors."""


class Source(StrEnum):
    """Where an image comes from."""

    LOCAL = "local"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the cluster is made of.

    Args:
        name: how everything here refers to it.
        recipe: the digest of what it is built from, where it is.
        build: makes it under its name, with RECIPE_LABEL; for machines that no registry answers.
        digest: what is pulled, if not whatever the name stands for today.
    """

    name: str
    recipe: str
    build: Callable[[Step], None]
    digest: str | None = None


def source(image: Image, labels: Mapping[str, str] | None) -> Source:
    """Decide where an image is taken from first.

    Args:
        image: the image.
        labels: those of the local image of that name; None if there is none.
    """
    if labels is None:
        return Source.REGISTRY
    # Without our label it came from a registry, and is what its name says.
    return Source.LOCAL if labels.get(RECIPE_LABEL, image.recipe) == image.recipe else Source.REGISTRY


def ensure_images(images: Sequence[Image], steps: Steps) -> None:
    """Return when Docker has all images, after pulling those that it lacks all at once, then building what is left.

    Raises:
        ClusterError: One can neither be pulled nor built.
    """
    with steps.step("images") as step:
        lacking = [image for image in images if source(image, image_labels(image.name)) is Source.REGISTRY]
        refusals = _pull_all(lacking, step)
        refused = [refusal.image for refusal in refusals]
        found = {
            "there": [image.name for image in images if image not in lacking],
            "pulled": [image.name for image in lacking if image not in refused],
            "to be built": [image.name for image in refused],
        }
        step.note("; ".join(f"{what}: {', '.join(names)}" for what, names in found.items() if names))
    for refusal in refusals:
        with steps.step(refusal.image.name) as step:
            _build(refusal, step)
            step.note("built from packages")


def image_labels(name: str) -> Mapping[str, str] | None:
    """Return a local image's labels, or None if there is no such image."""
    try:
        found = json.loads(capture(["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", name]))
    except CommandError:
        return None
    return dict(found or {})


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An image that could not be pulled, and why."""

    image: Image
    reason: str


def _pull_all(images: Sequence[Image], step: Step) -> list[_Refusal]:
    with ThreadPoolExecutor() as pool:
        return [refusal for refusal in pool.map(lambda image: _pull(image, step), images) if refusal is not None]


def _pull(image: Image, step: Step) -> _Refusal | None:
    reference = image.name if image.digest is None else f"{image.name.partition(':')[0]}@{image.digest}"
    try:
        follow(["docker", "pull", reference], step.note, first_line_within_s=_FIRST_ANSWER_S)
    except CommandError as error:
        return _Refusal(image, error.output.strip() or f"its registry did not answer within {_FIRST_ANSWER_S:.0f} s")
    if image.digest is not None:
        capture(["docker", "tag", reference, image.name])
    return None


def _build(refusal: _Refusal, step: Step) -> None:
    try:
        refusal.image.build(step)
    except ClusterError as error:
        message = f"{refusal.image.name} cannot be pulled ({refusal.reason}), and not be built here: {error.message}"
        raise ClusterError(message, output=error.output, advice=error.advice) from error
