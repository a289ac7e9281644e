"""The released images: built for both architectures, with SBOM and provenance, and pushed."""

import json
from collections.abc import Callable
from pathlib import Path

from infra.delivery import places
from infra.delivery.names import Released
from infra.delivery.outputs import write_outputs
from infra.kind.process import capture, follow

PROGRAMS = ("operator", "service")
PLATFORMS = "linux/amd64,linux/arm64"
FOLDER = places.BUILD / "images"


def publish_images(names: Released, note: Callable[[str], None]) -> dict[str, str]:
    """Build and push both images; return program -> digest, which build/outputs/images.env has too.

    Raises:
        CommandError: A build or a push failed, or Docker has no buildx.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    revision = capture(["git", "rev-parse", "HEAD"], cwd=places.CHECKOUT)
    digests = {}
    for program in PROGRAMS:
        metadata = FOLDER / f"{program}.json"
        follow(build_command(program, names, revision, metadata), note, cwd=places.CHECKOUT)
        digests[program] = str(json.loads(metadata.read_text())["containerimage.digest"])
    write_outputs(
        "images",
        {f"{program}-image": names.repository(program) for program in PROGRAMS}
        | {f"{program}-digest": digests[program] for program in PROGRAMS},
    )
    return digests


def build_command(program: str, names: Released, revision: str, metadata: Path) -> list[str]:
    """Return the command that builds and pushes an image.

    Args:
        program: operator or service.
        names: of the release.
        revision: the commit.
        metadata: the file that its digest is written to.
    """
    return [
        *("docker", "buildx", "build", "--push", "--progress=plain"),
        *("--file", f"Dockerfile.{program}", "--platform", PLATFORMS, "--tag", names.tagged(program)),
        *("--build-arg", f"VERSION={names.version}", "--build-arg", f"REVISION={revision}"),
        *("--sbom=true", "--provenance=mode=max", "--metadata-file", str(metadata), "."),
    ]
