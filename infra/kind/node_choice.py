"""Which node image the cluster is made of, and so its version: ours, or the one that NODE_IMAGE names.

    NODE_IMAGE=kindest/node:v1.35.5@sha256:… make up

The images that belong to a release of kind are in its notes: https://github.com/kubernetes-sigs/kind/releases
"""

import re
from collections.abc import Mapping

from infra.kind import pins
from infra.kind.errors import ClusterError

VARIABLE = "NODE_IMAGE"


def node_image(environment: Mapping[str, str]) -> str:
    """Return the node image's name, which may have a digest."""
    return environment.get(VARIABLE) or pins.NODE_IMAGE


def kubernetes_version(environment: Mapping[str, str]) -> str:
    """Return the version of Kubernetes in the node image, such as v1.36.4.

    Raises:
        ClusterError: The image's tag does not say it.
    """
    name = node_image(environment)
    found = re.search(r":(v\d+\.\d+\.\d+)(@sha256:[0-9a-f]{64})?$", name)
    if found is None:
        raise ClusterError(f"{VARIABLE} is {name}, and should be such as kindest/node:v1.36.4[@sha256:…]")
    return found[1]


def check_unchanged(running: str, environment: Mapping[str, str]) -> None:
    """Refuse another version than that of the cluster that is there: nodes are not upgraded in place.

    Args:
        running: the image of the cluster's control plane.
        environment: says which is wanted; nothing there is whatever runs.

    Raises:
        ClusterError: It is another one.
    """
    wanted = environment.get(VARIABLE)
    if wanted and wanted != running:
        raise ClusterError(
            f"the cluster's nodes are {running}, and {VARIABLE} asks for {wanted}", advice="`make down` first."
        )
