"""`status`: what there is of the local cluster, without changing anything."""

import shutil

from infra.kind import places
from infra.kind.cluster import is_ready, kubectl, node_states
from infra.kind.errors import ClusterError
from infra.kind.process import succeeds
from infra.kind.smoke import URL
from infra.kind.tools import find_tools

_QUERIES = {
    "Nodes": ("get", "nodes", "-o", "wide"),
    "Operator": ("get", "pods", "-n", places.OPERATOR_NAMESPACE),
    "Counters": ("get", "requestcounters", "--all-namespaces"),
    "Their pods": ("get", "pods", "--all-namespaces", "-l", "app.kubernetes.io/managed-by=request-counter-operator"),
}


def status_report() -> str:
    """Return what a person wants to see, in sections; a sentence if there is no cluster."""
    if not shutil.which("docker") or not succeeds(["docker", "version"]):
        return "No Docker daemon answers, so there is no cluster. `make up` makes one."
    states = node_states()
    if not states:
        return "There is no cluster. `make up` makes one."
    sections = ["Containers\n" + "\n".join(f"{name}  {state}" for name, state in sorted(states.items()))]
    tools = find_tools()
    if tools is None or not is_ready(tools):
        return "\n\n".join([*sections, "The cluster does not answer. `make up` starts it again."])
    for title, query in _QUERIES.items():
        try:
            sections.append(f"{title}\n{kubectl(tools, *query)}")
        except ClusterError as error:
            sections.append(f"{title}\n{error.output}")
    return "\n\n".join([*sections, f"Sample counter: {URL}"])
