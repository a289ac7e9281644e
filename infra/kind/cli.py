"""The commands: `python -m infra.kind up | down | status | debug | images`. Here errors become sentences."""

from pathlib import Path

import click

from infra.kind import places
from infra.kind.cluster import delete_cluster, node_states
from infra.kind.daemon import ensure_daemon
from infra.kind.debug import FOLDER, write_dump
from infra.kind.errors import ClusterError
from infra.kind.explained import explained
from infra.kind.from_source.recipes import IMAGES
from infra.kind.images import ensure_images
from infra.kind.process import succeeds
from infra.kind.progress import Steps
from infra.kind.smoke import URL
from infra.kind.status import status_report
from infra.kind.tools import find_tools
from infra.kind.up import Outcome
from infra.kind.up import up as bring_up
from infra.kind.workloads import SAMPLE


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The local cluster: kind with the operator, an ingress and a sample counter."""


@main.command()
@explained
def up() -> None:
    """Make the cluster, or bring it up to date with this checkout."""
    with Steps() as steps:
        outcome = bring_up(steps)
    _show(outcome)


@main.command()
@explained
def down() -> None:
    """Delete the cluster, and nothing else."""
    if not succeeds(["docker", "version"]):
        raise ClusterError("no Docker daemon answers, so whether there is a cluster is unknown", advice="Start Docker.")
    if not node_states():
        click.echo(f"There is no cluster {places.CLUSTER}.")
        return
    tools = find_tools()
    if tools is None:
        raise ClusterError("there is no kind to delete the cluster with", advice="`make up` gets it.")
    delete_cluster(tools)
    click.echo(f"Deleted the cluster {places.CLUSTER} with all it held. Images and {places.CACHE} stay.")


@main.command()
@explained
def status() -> None:
    """Show nodes, operator and counters."""
    click.echo(status_report())


@main.command()
@explained
def debug() -> None:
    """Write the state of machine and cluster into build/debug, for somebody who was not there."""
    click.echo("\n\n".join([*write_dump(FOLDER), f"All of it is in {FOLDER}."]))


@main.command()
@click.argument("names", nargs=-1, type=click.Choice(list(IMAGES)))
@explained
def images(names: tuple[str, ...]) -> None:
    """Get images into Docker, all of them without NAMES: pulled, or built where no registry answers."""
    with Steps() as steps:
        with steps.step("Docker daemon") as step:
            ensure_daemon(step)
        ensure_images([IMAGES[name] for name in names or IMAGES], steps)


def _show(outcome: Outcome) -> None:
    kubectl = f"kubectl --context {places.CONTEXT}"
    lines = [*outcome.exchanges, "", outcome.counters, "", "What to try next:"]
    if Path(outcome.tools.kubectl).parent == places.BIN:
        lines.append(f'  export PATH="{places.BIN}:$PATH"')
    lines += [
        f"  curl -X PUT {URL}/a/b; curl {URL}/a/b; curl {URL}/",
        f"  {kubectl} get requestcounters --watch",
        f"  {kubectl} scale {SAMPLE} --replicas=3",
        f"  {kubectl} delete pod hits-redis-0     # the counts are still there afterwards",
        "  make status, make logs, make down",
    ]
    click.echo("\n" + "\n".join(lines))
