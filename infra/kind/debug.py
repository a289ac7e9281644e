"""`debug`: what somebody who was not there needs to see why a run failed, as files; no Secret is among them."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from infra.kind import places
from infra.kind.cluster import kubectl, node_states
from infra.kind.errors import ClusterError
from infra.kind.process import capture
from infra.kind.tools import Tools, find_tools

FOLDER = places.CHECKOUT / "build" / "debug"
_OURS = "app.kubernetes.io/managed-by=request-counter-operator"
_KINDS = "deployments,replicasets,statefulsets,pods,services,ingresses,hpa,pdb,pvc,configmaps,leases"
_LOGS = ("--prefix", "--timestamps", "--ignore-errors", "--all-containers", "--max-log-requests=50")
_OPERATOR_LOGS = ("logs", "-n", places.OPERATOR_NAMESPACE, f"--selector=app={places.OPERATOR}", *_LOGS)

MACHINE = {
    "containers": ("docker", "ps", "--all"),
    "images": ("docker", "image", "ls", "--digests"),
    "disks": ("df", "--human-readable"),
    "processes": ("ps", "-eo", "pid,pcpu,rss,args", "--sort=-rss"),
}
"""File -> a command of this machine."""

QUERIES: dict[str, Sequence[str]] = {
    "versions": ("version",),
    "node-states": ("describe", "nodes"),
    "objects": ("get", _KINDS, "--all-namespaces", "-o", "wide"),
    "events": ("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"),
    "counters": ("get", "requestcounters", "--all-namespaces", "-o", "yaml"),
    "pods": ("describe", "pods", "--all-namespaces"),
    "workloads": ("get", "deployments,statefulsets", "--all-namespaces", "-o", "yaml"),
    "operator": (*_OPERATOR_LOGS, "--tail=5000"),
    "operator-before-restart": (*_OPERATOR_LOGS, "--tail=5000", "--previous"),
    "traefik": ("logs", "-n", "traefik", "deployment/traefik", "--tail=1000"),
}
"""File -> what is asked of the cluster."""

SHOWN = ("containers", "objects", "operator")
"""The files whose ends are shown, for those who do not download the rest."""
_SHOWN_LINES = 40


def write_dump(folder: Path) -> list[str]:
    """Write the state of machine and cluster into files; return what a person wants to see first.

    Nothing that fails ends it: its file then says why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, command in MACHINE.items():
        _write(folder / f"{name}.txt", partial(capture, command))
    tools = find_tools()
    if tools is not None and _is_there():
        for name, query in QUERIES.items():
            _write(folder / f"{name}.txt", partial(kubectl, tools, *query))
        _write(folder / "counters-logs.txt", partial(_logs_of_counters, tools))
        nodes = [tools.kind, "export", "logs", str(folder / "nodes"), "--name", places.CLUSTER]
        _write(folder / "nodes.txt", partial(capture, nodes))
    shown = [folder / f"{name}.txt" for name in SHOWN]
    return [f"== {file.name}\n{_end(file)}" for file in shown if file.exists()]


def _write(file: Path, read: Callable[[], str]) -> None:
    try:
        text = read()
    except ClusterError as error:
        text = f"{error.message}\n{error.output}"
    file.write_text(text + "\n")


def _is_there() -> bool:
    try:
        return bool(node_states())
    except ClusterError:
        return False


def _logs_of_counters(tools: Tools) -> str:
    template = "jsonpath={range .items[*]}{.metadata.namespace}{'\\n'}{end}"
    listed = kubectl(tools, "get", "pods", "--all-namespaces", f"--selector={_OURS}", "-o", template)
    logs = ("logs", f"--selector={_OURS}", *_LOGS, "--tail=500")
    return "\n".join(kubectl(tools, *logs, "-n", namespace) for namespace in sorted(set(listed.split())))


def _end(file: Path) -> str:
    return "\n".join(file.read_text().splitlines()[-_SHOWN_LINES:])
