"""kind's node image: systemd, containerd and Kubernetes on Debian, with the images that kubeadm starts in it."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.kind import pins, places
from infra.kind.from_source.binaries import PACKAGES, compile_binaries, compiled, recipe_digest
from infra.kind.from_source.debian_images import DebianImage, build_debian_image
from infra.kind.from_source.docker_build import build_image, digest_of
from infra.kind.images import RECIPE_LABEL
from infra.kind.process import capture, pipe
from infra.kind.progress import Step

_NODE = places.FROM_SOURCE / "node"
_POD_NETWORK = places.FROM_SOURCE / "pod-network"
_BARE = "request-counter/node:bare"

_BASE = DebianImage(
    "request-counter/node-base:bookworm",
    "bookworm",
    (
        *("systemd", "systemd-sysv", "dbus", "util-linux", "mount", "hostname", "kmod", "procps", "jq"),
        *("iproute2", "iptables", "nftables", "conntrack", "ethtool", "socat"),
        *("runc", "containernetworking-plugins"),
    ),
)


@dataclass(frozen=True, slots=True)
class _Part:
    """An image that runs inside the node.

    Args:
        name: as kubeadm and our manifests call it.
        program: the compiled program that it is made for.
        path: where that is in the image.
        base: what it stands on.
        end: last instructions of its Dockerfile.
        files: more files, path in the image -> file.
    """

    name: str
    program: str
    path: str
    base: str = "scratch"
    end: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)

    def build(self) -> None:
        files = {self.path: compiled(self.program), **self.files}
        copies = "".join(f"COPY {path[1:]} {path}\n" for path in files)
        context = {path[1:]: file for path, file in files.items()}
        build_image(self.name, node_recipe(), f"FROM {self.base}\n{copies}{self.end}\n", context)


def _kubernetes(program: str, base: str = "scratch") -> _Part:
    name = f"registry.k8s.io/{program}:{pins.KUBERNETES}"
    return _Part(
        name, program, f"/usr/local/bin/{program}", base, "ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    )


_PARTS = (
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kube-proxy", _BASE.name),
    _Part(f"registry.k8s.io/etcd:{pins.ETCD}", "etcd", "/usr/local/bin/etcd", end="ENV PATH=/usr/local/bin"),
    _Part(f"registry.k8s.io/coredns/coredns:{pins.COREDNS}", "coredns", "/coredns", end='ENTRYPOINT ["/coredns"]'),
    _Part(f"registry.k8s.io/pause:{pins.PAUSE}", "pause", "/pause", end='ENTRYPOINT ["/pause"]'),
    _Part(
        "request-counter/pod-network:v1",
        "kubectl",
        "/usr/bin/kubectl",
        _BASE.name,
        'ENTRYPOINT ["/pod-network"]',
        {"/pod-network": _POD_NETWORK / "pod-network", "/conflist": _POD_NETWORK / "conflist"},
    ),
    _Part("request-counter/local-path:v1", "local-path-provisioner", "/usr/bin/local-path-provisioner", _BASE.name),
)
_NODE_PROGRAMS = ("containerd", "containerd-shim-runc-v2", "ctr", "kubeadm", "kubelet", "kubectl")


def node_recipe() -> str:
    """Return the digest of all that the node image is made of."""
    parts = [part.name + part.path + part.base + part.end for part in _PARTS]
    return digest_of(recipe_digest(), _BASE.recipe, _NODE, _POD_NETWORK, *parts)


def build_node_image(step: Step) -> None:
    """Make pins.NODE_IMAGE; about 6 minutes on two idle cores, nearly all of it compiling.

    Raises:
        ClusterError: This machine lacks Go, or cannot install Debian packages.
        CommandError: A source cannot be had, or a build failed.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        base = pool.submit(build_debian_image, _BASE, Step(_BASE.name))
        # Not all of them are of the node, but they share nearly all of their packages.
        compile_binaries(PACKAGES, step)
        base.result()
    step.note("building the images inside it")
    for part in _PARTS:
        part.build()
    bare = {"files": _NODE / "files", **{f"bin/{program}": compiled(program) for program in _NODE_PROGRAMS}}
    build_image(_BARE, node_recipe(), (_NODE / "Dockerfile").read_text(), bare)
    step.note("putting them into it")
    with _container(_BARE) as name:
        pipe(["docker", "save", *(part.name for part in _PARTS)], ["docker", "exec", "-i", name, "preload"])
        changes = (
            'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]',
            "CMD []",
            f"LABEL {RECIPE_LABEL}={node_recipe()}",
        )
        capture(["docker", "commit", *(f"--change={change}" for change in changes), name, pins.NODE_IMAGE])


@contextmanager
def _container(image: str) -> Iterator[str]:
    name = "request-counter-node-preload"
    capture(["docker", "rm", "--force", name])
    capture(["docker", "run", "--detach", "--name", name, "--privileged", "--entrypoint=sleep", image, "infinity"])
    try:
        yield name
    finally:
        capture(["docker", "rm", "--force", name])
