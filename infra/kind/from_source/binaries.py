"""Kubernetes and what runs beside it, compiled from the Go module proxy (`go/go.mod` pins every module)."""

import hashlib
import itertools
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from infra.kind import pins, places
from infra.kind.errors import ClusterError
from infra.kind.process import follow
from infra.kind.progress import Step

_MODULE = places.FROM_SOURCE / "go"
_KUBERNETES_PROGRAMS = (
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"),
    *("kubeadm", "kubelet", "kubectl"),
)
PACKAGES = {
    **{program: f"k8s.io/kubernetes/cmd/{program}" for program in _KUBERNETES_PROGRAMS},
    **{
        program: f"github.com/containerd/containerd/v2/cmd/{program}"
        for program in ("containerd", "containerd-shim-runc-v2", "ctr")
    },
    "kind": "sigs.k8s.io/kind",
    "etcd": "go.etcd.io/etcd/server/v3",
    "coredns": "./coredns",
    "pause": "./pause",
    "metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server",
    "local-path-provisioner": "github.com/rancher/local-path-provisioner",
}
"""Program -> the Go package that it is compiled from."""

_APART = {"local-path-provisioner"}
"""It spells a module's path in another case than the others do, which one `go build` refuses."""

_CLIENTS = ("kind", "kubectl")
"""Programs that people run, and so have a place in places.BIN as well."""


def recipe_digest() -> str:
    """Return what changes whenever a compiled program would: a digest of the module's files."""
    files = sorted(path for path in _MODULE.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def compiled(program: str) -> Path:
    """Return where a program is, once it is compiled."""
    return places.CACHE / "compiled" / recipe_digest() / program


def compile_binaries(programs: Iterable[str], step: Step) -> None:
    """Compile the programs that are not there yet; several minutes for all of them on two cores, cold.

    Raises:
        ClusterError: There is no Go.
        CommandError: A module cannot be had, or does not compile.
    """
    missing = [program for program in programs if not compiled(program).exists()]
    if missing and not shutil.which("go"):
        raise ClusterError(
            "no container registry answers here, and to compile Kubernetes instead there is no Go",
            advice="Install Go 1.21 or later (https://go.dev/dl/), or give this machine access to a registry.",
        )
    for group in ([p for p in missing if p not in _APART], [p for p in missing if p in _APART]):
        if group:
            _build(group, step)
    for client in _CLIENTS:
        if compiled(client).exists():
            places.BIN.mkdir(parents=True, exist_ok=True)
            (places.BIN / client).unlink(missing_ok=True)
            (places.BIN / client).symlink_to(compiled(client))


def _build(programs: Sequence[str], step: Step) -> None:
    target = compiled(programs[0]).parent
    partial = target.with_suffix(".partial")
    partial.mkdir(parents=True, exist_ok=True)
    packages = [PACKAGES[program] for program in programs]
    # Left to itself, the build would fetch one module after the other.
    step.note("downloading Go modules")
    follow(["go", "mod", "download"], step.note, cwd=_MODULE)
    count = itertools.count(1)
    follow(
        ["go", "build", "-v", "-mod=readonly", "-trimpath", *_build_flags(), "-o", f"{partial}/", *packages],
        lambda _: step.note(f"compiling {len(programs)} programs, package {next(count)}"),  # -v names each package
        environment=_go_environment(),
        cwd=_MODULE,
    )
    target.mkdir(parents=True, exist_ok=True)
    for program in programs:
        # Go names a program after its package's folder.
        (partial / ("server" if program == "etcd" else program)).rename(target / program)
    for outdated in target.parent.iterdir():
        if outdated != target:
            shutil.rmtree(outdated)


def _build_flags() -> list[str]:
    version = pins.KUBERNETES
    _, minor, _ = version.split(".")
    base, client = "k8s.io/component-base/version", "k8s.io/client-go/pkg/version"
    stamps = {f"{base}.gitVersion": version, f"{base}.gitMajor": "1", f"{base}.gitMinor": minor}
    stamps |= {f"{base}.gitTreeState": "clean", f"{client}.gitVersion": version}
    link = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])
    # Nobody debugs these programs, and they have little to do: leaving out DWARF and inlining saves a third
    # of the compiler's time.
    return ["-gcflags=all=-dwarf=false -l", "-ldflags", link]


def _go_environment() -> dict[str, str]:
    # A larger heap between the compiler's garbage collections saves it another tenth.
    return {**os.environ, "CGO_ENABLED": "0", "GOGC": "400"}
