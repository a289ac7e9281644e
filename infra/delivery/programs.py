"""Helm, kubeconform and actionlint: of one version each, in the cache, downloaded or compiled from the Go module proxy.

Whatever is on the PATH is not taken: what they say about the chart has to be the same everywhere.
"""

import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.kind import places
from infra.kind.download import UnreachableError, download_packed_program
from infra.kind.errors import ClusterError
from infra.kind.process import follow

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_GITHUB = "https://github.com/{repository}/releases/download/v{version}"


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is written in Go.

    Args:
        name: what it is called in the cache.
        version: of its release, without the v.
        archive: where its release is; {version}, {system} and {machine} are filled in, as Go names them.
        checksums: likewise, where the archive's SHA-256 is.
        member: likewise, the program's path in the archive.
        package: what it is compiled from.
        stamp: the variable that tells it its version, as the linker wants it.
    """

    name: str
    version: str
    archive: str
    checksums: str
    member: str
    package: str
    stamp: str

    def filled(self, template: str) -> str:
        """Return an address or path for this machine."""
        machine = platform.machine()
        return template.format(
            version=self.version, system=platform.system().lower(), machine=_MACHINES.get(machine, machine)
        )

    @property
    def path(self) -> Path:
        """Where it is, once it has been got: the version in the name, so that another one is got when that changes."""
        return places.CACHE / "programs" / f"{self.name}-{self.version}"

    @property
    def short_path(self) -> Path:
        """Where people and the Makefile find it: a link."""
        return places.BIN / self.name


def _helm(major: int, version: str) -> Program:
    archive = "https://get.helm.sh/helm-v{version}-{system}-{machine}.tar.gz"
    return Program(
        name=f"helm{major}",
        version=version,
        archive=archive,
        checksums=f"{archive}.sha256sum",
        member="{system}-{machine}/helm",
        package=f"helm.sh/helm/v{major}/cmd/helm",
        stamp=f"helm.sh/helm/v{major}/internal/version.version=v{version}",
    )


_KUBECONFORM = _GITHUB.format(repository="yannh/kubeconform", version="{version}")
_ACTIONLINT = _GITHUB.format(repository="rhysd/actionlint", version="{version}")
PROGRAMS = {
    "helm3": _helm(3, "3.22.0"),
    "helm4": _helm(4, "4.3.1"),
    "kubeconform": Program(
        name="kubeconform",
        version="0.8.0",
        archive=f"{_KUBECONFORM}/kubeconform-{{system}}-{{machine}}.tar.gz",
        checksums=f"{_KUBECONFORM}/CHECKSUMS",
        member="kubeconform",
        package="github.com/yannh/kubeconform/cmd/kubeconform",
        stamp="main.version=v0.8.0",
    ),
    "actionlint": Program(
        name="actionlint",
        version="1.7.12",
        archive=f"{_ACTIONLINT}/actionlint_{{version}}_{{system}}_{{machine}}.tar.gz",
        checksums=f"{_ACTIONLINT}/actionlint_{{version}}_checksums.txt",
        member="actionlint",
        package="github.com/rhysd/actionlint/cmd/actionlint",
        stamp="github.com/rhysd/actionlint.version=1.7.12",
    ),
}
"""Every program that is got, by its name."""


def get_program(name: str, note: Callable[[str], None]) -> Path:
    """Return where a program is, after downloading it, or compiling it where its release cannot be reached.

    Args:
        name: a key of PROGRAMS.
        note: gets a line about what is going on.

    Raises:
        ClusterError: What was downloaded is not what was published, or there is no Go to compile it with.
        CommandError: It does not compile.
    """
    program = PROGRAMS[name]
    if not program.path.exists():
        note(f"downloading {name} {program.version}")
        try:
            download_packed_program(
                program.filled(program.archive),
                program.filled(program.checksums),
                program.filled(program.member),
                program.path,
            )
        except UnreachableError:
            _compile(program, note)
    if not program.short_path.is_symlink() or program.short_path.readlink() != program.path:
        program.short_path.parent.mkdir(parents=True, exist_ok=True)
        program.short_path.unlink(missing_ok=True)
        program.short_path.symlink_to(program.path)
    return program.path


def find_program(name: str) -> Path | None:
    """Return where a program is if it has been got in the version that is wanted, else None."""
    path = PROGRAMS[name].path
    return path if path.exists() else None


def _compile(program: Program, note: Callable[[str], None]) -> None:
    if not shutil.which("go"):
        raise ClusterError(
            f"the release of {program.name} cannot be reached, and to compile it there is no Go",
            advice="Install Go 1.21 or later (https://go.dev/dl/), or give this machine access to the release.",
        )
    note(f"compiling {program.name} {program.version}")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CGO_ENABLED": "0", "GOBIN": folder}
        link = f"-s -w -X {program.stamp}"
        package = f"{program.package}@v{program.version}"
        follow(["go", "install", "-trimpath", "-ldflags", link, package], note, environment=environment)
        program.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(folder) / program.package.rpartition("/")[2], program.path)
