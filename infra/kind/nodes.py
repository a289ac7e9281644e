"""Images inside the cluster's nodes: which are there, and loading those that are not."""

from collections.abc import Sequence

from infra.kind.errors import CommandError
from infra.kind.process import capture, pipe

_CTR = ("ctr", "--namespace", "k8s.io", "images")


def load_images(names: Sequence[str], nodes: Sequence[str]) -> list[str]:
    """Put local Docker images into nodes that do not have exactly them; return the names of those that were lacking.

    Raises:
        CommandError: Docker does not have one, or a node refused it.
    """
    lacking = [name for name in names if any(_image_id(name) not in descriptors(name, node) for node in nodes)]
    if lacking:
        _import(lacking, nodes)
    return lacking


def descriptors(name: str, node: str) -> str:
    """Return the digests of an image in a node, its configuration and its layers; empty if it is absent."""
    try:
        return capture(["docker", "exec", node, *_CTR, "inspect", full_name(name)])
    except CommandError:
        return ""


def _image_id(name: str) -> str:
    """Return the digest by which Docker knows an image: of its configuration, or of its index; nodes show both."""
    return capture(["docker", "image", "inspect", "--format", "{{.Id}}", name])


def full_name(name: str) -> str:
    """Return a name as containerd spells it, with its registry. Source: github.com/distribution/reference."""
    first, _, rest = name.partition("/")
    if not rest:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first else f"docker.io/{name}"


def _import(names: Sequence[str], nodes: Sequence[str]) -> None:
    # Without --digests, pods report an image by the digest that Docker reports it by.
    sinks = [["docker", "exec", "-i", node, *_CTR, "import", "--all-platforms", "-"] for node in nodes]
    pipe(["docker", "save", *names], *sinks)
