"""`docker build` from files that are anywhere, without a folder of copies: the context is streamed as a tar archive."""

import hashlib
import io
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from infra.kind.errors import CommandError
from infra.kind.images import RECIPE_LABEL
from infra.kind.process import last_lines


def build_image(name: str, recipe: str, dockerfile: str, files: Mapping[str, Path]) -> None:
    """Build an image, with the classic builder or BuildKit, whichever Docker has.

    Args:
        name: the image's name and tag.
        recipe: goes into RECIPE_LABEL.
        dockerfile: its instructions.
        files: path in the build context -> the file or folder to put there.

    Raises:
        CommandError: The build failed.
    """
    command = ["docker", "build", "--quiet", "--tag", name, "--label", f"{RECIPE_LABEL}={recipe}", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as docker:
        assert docker.stdin is not None  # noqa: S101 -- asked for by PIPE
        with docker.stdin, tarfile.open(fileobj=docker.stdin, mode="w|") as context:
            text = dockerfile.encode()
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(text)
            context.addfile(entry, io.BytesIO(text))
            for path, file in files.items():
                context.add(file.resolve(), path)
        assert docker.stdout is not None  # noqa: S101 -- likewise
        output = docker.stdout.read().decode(errors="replace")
    if docker.returncode:
        raise CommandError(command, docker.returncode, last_lines(output))


def digest_of(*parts: str | Path) -> str:
    """Return a digest of texts, files and folders: what an image is made of."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode())
            continue
        for file in sorted([part, *part.rglob("*")]):
            if file.is_file():
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
