"""The kind cluster itself: made, started again after Docker stopped, and deleted. No other cluster is ever touched."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import yaml

from infra.kind import places
from infra.kind.daemon import lacks_sys_resource
from infra.kind.errors import ClusterError
from infra.kind.kind_config import kind_config
from infra.kind.node_choice import check_unchanged, node_image
from infra.kind.process import capture, follow, succeeds
from infra.kind.progress import Step, wait_until
from infra.kind.tools import Tools

_START_TIMEOUT_S = 90.0
CONTROL_PLANE = f"{places.CLUSTER}-control-plane"
NODES = (CONTROL_PLANE, f"{places.CLUSTER}-worker", f"{places.CLUSTER}-worker2")


def ensure_cluster(tools: Tools, step: Step) -> None:
    """Return when the cluster answers and the user's kubeconfig has its context.

    One that is stopped is started; one that does not answer even then is made anew, and what it held is lost.

    Raises:
        ClusterError: kind could not make it, or the one that is there has another version than the one asked for.
    """
    states = node_states()
    if not states:
        _create(tools, step)
        outcome = "created"
    else:
        check_unchanged(capture(["docker", "inspect", "--format", "{{.Config.Image}}", CONTROL_PLANE]), os.environ)
        outcome = _revive(tools, states, step)
    selected = _export_context(tools)
    step.note(f"{outcome}; your current context {'stays ' + selected if selected else 'is ' + places.CONTEXT}")


def delete_cluster(tools: Tools) -> bool:
    """Delete the cluster with all it holds; return False if there was none."""
    if not node_states():
        return False
    capture([tools.kind, "delete", "cluster", "--name", places.CLUSTER])
    return True


def node_states() -> dict[str, str]:
    """Return container name -> Docker's state of it (running, exited, …), for each node of our cluster."""
    label = f"label=io.x-k8s.kind.cluster={places.CLUSTER}"
    listing = capture(["docker", "ps", "--all", "--filter", label, "--format", "{{json .}}"])
    containers = [json.loads(line) for line in listing.splitlines()]
    return {container["Names"]: container["State"] for container in containers}


def is_ready(tools: Tools) -> bool:
    """Whether the API server answers that it is ready, and every node too."""
    nodes = ["get", "nodes", "-o", r'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}']
    try:
        return set(kubectl(tools, *nodes, timeout_s=5).split()) == {"True"}
    except ClusterError:
        return False


def kubectl(tools: Tools, *arguments: str, timeout_s: int = 30, stdin: bytes | None = None) -> str:
    """Run kubectl on our cluster, whatever the user's current context is, and return what it wrote.

    Raises:
        CommandError: It ended with an error.
    """
    client = [tools.kubectl, f"--context={places.CONTEXT}", f"--request-timeout={timeout_s}s"]
    return capture([*client, *arguments], stdin=stdin)


def _create(tools: Tools, step: Step) -> None:
    # The API server reads it at every start, so it must not move when the checkout does.
    policy = places.CACHE / "audit-policy.yaml"
    policy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(places.MANIFESTS / "audit-policy.yaml", policy)
    config = kind_config(policy, can_lower_oom_score=not lacks_sys_resource(), node_image=node_image(os.environ))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kind.yaml"
        file.write_text(yaml.safe_dump(config))
        # kind would select the new context in the user's kubeconfig: it gets one to throw away.
        command = [tools.kind, "create", "cluster", "--config", str(file), "--kubeconfig", f"{folder}/kubeconfig"]
        follow([*command, "--wait", "120s"], lambda line: step.note(line.strip(" •✓")))


def _revive(tools: Tools, states: dict[str, str], step: Step) -> str:
    """Start what is stopped, and make a cluster anew that does not answer then; return what was done."""
    stopped = sorted(name for name, state in states.items() if state != "running")
    if stopped:
        step.note("starting its stopped nodes")
        succeeds(["docker", "start", *stopped])
    if wait_until(lambda: _is_reachable(tools), _START_TIMEOUT_S, 1.0):
        return "started again" if stopped else "runs already"
    step.note("it does not answer: making it anew")
    delete_cluster(tools)
    _create(tools, step)
    return "did not answer, so it was made anew, empty"


def _is_reachable(tools: Tools) -> bool:
    try:
        _export_context(tools)
    except ClusterError:
        return False
    return is_ready(tools)


def _export_context(tools: Tools) -> str:
    """Write our context into the user's kubeconfig; return the other one that stays selected, empty if it is ours."""
    config = [tools.kubectl, "config"]
    selected = capture([*config, "current-context"]) if succeeds([*config, "current-context"]) else ""
    try:
        # This selects our context.
        capture([tools.kind, "export", "kubeconfig", "--name", places.CLUSTER])
    finally:
        if selected:
            capture([*config, "use-context", selected])
    return "" if selected == places.CONTEXT else selected
