"""kind and kubectl: those on the PATH if they fit, else our own in the cache, downloaded or compiled."""

import json
import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.kind import pins, places
from infra.kind.download import UnreachableError, download_program
from infra.kind.errors import ClusterError
from infra.kind.node_choice import kubernetes_version
from infra.kind.process import capture
from infra.kind.progress import Step

Version = tuple[int, int, int]

_OLDEST_KIND: Version = (0, 32, 0)
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Tools:
    """The two programs, each with its full path."""

    kind: str
    kubectl: str

    @property
    def missing(self) -> list[str]:
        """The programs that are not there yet: they have to be compiled."""
        return [Path(path).name for path in (self.kind, self.kubectl) if not Path(path).exists()]


def get_tools(step: Step) -> Tools:
    """Return both programs, after downloading those that no fitting one is there of.

    Raises:
        ClusterError: What was downloaded is not what was published.
    """
    tools = Tools(_usable("kind") or _download("kind", step), _usable("kubectl") or _download("kubectl", step))
    step.note(f"{tools.kind}, {tools.kubectl}" + (", to be compiled" if tools.missing else ""))
    return tools


def find_tools() -> Tools | None:
    """Return both programs if they are there, None if one would have to be fetched."""
    kind, kubectl = _usable("kind"), _usable("kubectl")
    return Tools(kind, kubectl) if kind and kubectl else None


def parse_version(text: str) -> Version | None:
    """Return the numbers of a release's version, as in `v1.36.4`.

    None for anything with more to it: vendors put programs of their own under these names, with a suffix.
    """
    found = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)", text)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def kubectl_fits(version: Version | None, cluster: str = pins.KUBERNETES) -> bool:
    """Whether a kubectl may talk to a cluster of this version: at most one minor version apart.

    Source: https://kubernetes.io/releases/version-skew-policy/#kubectl
    """
    ours = parse_version(cluster)
    return version is not None and ours is not None and version[0] == ours[0] and abs(version[1] - ours[1]) <= 1


def kind_fits(version: Version | None) -> bool:
    """Whether a kind is new enough for our node image."""
    return version is not None and version >= _OLDEST_KIND


def release_urls(program: str, system: str, machine: str, cluster: str = pins.KUBERNETES) -> tuple[str, str]:
    """Return where a program's official release is, and its checksum.

    Args:
        program: kind or kubectl.
        system: linux or darwin.
        machine: as uname names it.
        cluster: the version of Kubernetes that kubectl is for.
    """
    architecture = _MACHINES.get(machine, machine)
    if program == "kind":
        url = f"https://github.com/kubernetes-sigs/kind/releases/download/{pins.KIND}/kind-{system}-{architecture}"
        return url, f"{url}.sha256sum"
    url = f"https://dl.k8s.io/release/{cluster}/bin/{system}/{architecture}/kubectl"
    return url, f"{url}.sha256"


def _usable(program: str) -> str | None:
    """Return the first of our own and the PATH's program that fits."""
    for path in (str(places.BIN / program), shutil.which(program)):
        if path is not None and _fits(program, path):
            return path
    return None


def _fits(program: str, path: str) -> bool:
    try:
        if program == "kind":
            return kind_fits(parse_version(f"v{capture([path, 'version', '--quiet'])}"))
        version = json.loads(capture([path, "version", "--client", "-o", "json"]))
        client = parse_version(version["clientVersion"]["gitVersion"])
        return kubectl_fits(client, kubernetes_version(os.environ))
    except (ClusterError, ValueError, KeyError):
        return False


def _download(program: str, step: Step) -> str:
    """Return where our own program is, or will have to be compiled to."""
    target = places.BIN / program
    step.note(f"downloading {program}")
    try:
        urls = release_urls(program, platform.system().lower(), platform.machine(), kubernetes_version(os.environ))
        download_program(*urls, target)
    except UnreachableError:
        target.unlink(missing_ok=True)  # one that does not fit
    return str(target)
