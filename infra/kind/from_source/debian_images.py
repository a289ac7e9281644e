"""Images made of Debian packages, as the official ones of Python and Redis are, with mmdebstrap."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.kind import debian
from infra.kind.errors import ClusterError
from infra.kind.from_source.docker_build import digest_of
from infra.kind.images import RECIPE_LABEL, image_labels
from infra.kind.process import pipe
from infra.kind.progress import Step

_TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class DebianImage:
    """A minimal Debian with some packages.

    Args:
        name: the image's name and tag.
        suite: Debian's release.
        packages: to install, by name.
        script: shell commands that run in it at the end.
        changes: Dockerfile instructions for the image's configuration.
    """

    name: str
    suite: str
    packages: Sequence[str]
    script: str = ""
    changes: Sequence[str] = ()

    @property
    def recipe(self) -> str:
        """The digest of all of it."""
        return digest_of(repr(self))


def build_debian_image(image: DebianImage, step: Step) -> None:
    """Make an image that is not there yet; about 20 seconds on an idle core.

    It trusts the certificate authorities that this machine trusts, so that builds in it reach what this machine does.

    Raises:
        ClusterError: This machine cannot install Debian packages.
        CommandError: Debian's archive cannot be had, or Docker refused the result.
    """
    if (image_labels(image.name) or {}).get(RECIPE_LABEL) == image.recipe:
        return
    if not debian.can_install():
        raise ClusterError("building images from packages needs root on Debian")
    debian.ensure_programs({"mmdebstrap": "mmdebstrap"}, step)
    step.note(f"installing Debian {image.suite}")
    changes = [*image.changes, f"LABEL {RECIPE_LABEL}={image.recipe}"]
    import_command = ["docker", "import", *(f"--change={change}" for change in changes), "-", image.name]
    pipe(_bootstrap(image), import_command)


def _bootstrap(image: DebianImage) -> list[str]:
    # dpkg could leave these out itself, but mmdebstrap then filters every package in Python.
    hooks = ['rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/*']
    if image.script:
        hooks.append(f'chroot "$1" sh -euc {shlex.quote(image.script)}')
    if _TRUSTED.exists():
        hooks.append(f"upload {_TRUSTED} {_TRUSTED}")
    return [
        *("mmdebstrap", "--variant=minbase", "--quiet"),
        f"--include={','.join(['ca-certificates', *image.packages])}",
        *(f"--customize-hook={hook}" for hook in hooks),
        *(image.suite, "-"),
    ]
