"""The commands: ``kubectl requestcounter diff | status | verify | pause | resume | hibernate | restart``.

Errors become sentences here, and exit codes: 0 as wanted, 1 differences or discrepancies, 2 an error.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import click

from kubectl_requestcounter.deployed_settings import OPERATOR_NAMESPACE
from kubectl_requestcounter.diff import DiffCommand, DiffOptions
from kubectl_requestcounter.errors import PluginError
from kubectl_requestcounter.status import status as show_status
from kubectl_requestcounter.target import Target, with_target
from kubectl_requestcounter.verbs import restart as restart_child
from kubectl_requestcounter.verbs import suspend
from kubectl_requestcounter.verify import VerifyOptions
from kubectl_requestcounter.verify import verify as verify_counter
from request_counter_operator import __version__

ERROR = 2
_INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended


def _run(work: Coroutine[Any, Any, int | str | None]) -> None:
    """Do the work, print the sentence or exit with the code that it returns, and turn errors into sentences."""
    try:
        outcome = asyncio.run(work)
    except PluginError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(ERROR) from None
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        raise SystemExit(_INTERRUPTED) from None
    if isinstance(outcome, str):
        click.echo(outcome)
    elif outcome:
        raise SystemExit(outcome)


def _command(work: Callable[..., Coroutine[Any, Any, int | str | None]]) -> Callable[..., None]:
    """Make a plain function of a coroutine function, for click."""

    @wraps(work)
    def command(**options: Any) -> None:
        _run(work(**options))

    return command


def _examples(*commands: str) -> str:
    """Return what ends a command's help; the first character keeps click from joining the lines."""
    return "\n".join(["\b", "Examples:", *(f"  kubectl requestcounter {command}" for command in commands)])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def main() -> None:
    """Look at RequestCounters, try changes out, and prove that they count.

    Exit codes: 0 all is as wanted; 1 diff found differences, or verify discrepancies; 2 an error.
    """


@main.command(
    epilog=_examples("diff -f hits.yaml", "kustomize build . | kubectl requestcounter diff -f -", "diff hits")
)
@click.argument("name", required=False)
@click.option("--filename", "-f", "filenames", multiple=True, metavar="FILE", help="Files, or - for standard input.")
@click.option("--server-side", is_flag=True, help="As `kubectl apply --server-side --force-conflicts` would do it.")
@click.option("--resumed", is_flag=True, help="Compare as if spec.suspend was None.")
@click.option(
    "--operator-namespace",
    default=OPERATOR_NAMESPACE,
    show_default=True,
    metavar="NAME",
    help="Where the operator runs.",
)
@with_target
@_command
async def diff(target: Target, **options: Any) -> int:
    """Show what applying a RequestCounter would change.

    In itself, and in all that it stands for. With NAME it is taken as it is in the cluster: then differences are what
    the operator has not done yet. Nothing is changed: the API server is asked for dry runs. No difference means that
    the operator would write nothing.

    Exit codes: 0 no difference; 1 differences; 2 an error, as `kubectl diff` has them.
    """
    if (options["name"] is None) == (not options["filenames"]):
        raise click.UsageError("Give either the NAME of a RequestCounter, or files with --filename.")
    return await DiffCommand(target, DiffOptions(**options)).run()


@main.command(epilog=_examples("status hits", "status -A", "status hits -o json | jq .total"))
@click.argument("name", required=False)
@click.option("--all-namespaces", "-A", "everywhere", is_flag=True, help="Those of all namespaces.")
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True)
@with_target
@_command
async def status(target: Target, name: str | None, output: str, *, everywhere: bool) -> None:
    """Show how a RequestCounter does, or all of them.

    Conditions, children with their readiness, and recent events.
    """
    if name is not None and everywhere:
        raise click.UsageError("A NAME is looked for in one namespace: leave out --all-namespaces.")
    await show_status(target, name, output, everywhere=everywhere)


@main.command(
    epilog=_examples(
        "verify hits",
        "verify hits --rate 500 --seconds 60",
        "verify hits --url http://127.0.0.1:8080 --host-header hits.localhost",
    )
)
@click.argument("name")
@click.option("--rate", type=click.FloatRange(1, 10_000), default=100, show_default=True, help="Requests per second.")
@click.option("--paths", type=click.IntRange(1, 1_000), default=10, show_default=True, help="Over how many paths.")
@click.option("--seconds", type=click.FloatRange(0.1), default=10, show_default=True, help="For how long.")
@click.option("--url", metavar="URL", help="The counter's address; else the way is through the API server.")
@click.option("--host-header", metavar="HOST", help="The Host header to send there.")
@click.option("--admin-url", metavar="URL", help="The admin port's address; else the way is through the API server.")
@click.option("--keep", is_flag=True, help="Leave the paths, which are removed otherwise.")
@with_target
@_command
async def verify(target: Target, name: str, **options: Any) -> int:
    """Prove that a live counter counts what it acknowledges.

    Each path must be counted at least as often as it was acknowledged, and at most as often as it was asked for, and no
    two requests may have been told the same count. Do to it meanwhile what you want to know about: delete pods, drain
    nodes. The paths are new ones below /ledger, so others may count on the same counter.

    Exit codes: 0 the books balance; 1 they do not; 2 an error: nothing is verified.
    """
    return await verify_counter(target, name, VerifyOptions(**options))


@main.command()
@click.argument("name")
@with_target
@_command
async def pause(target: Target, name: str) -> str:
    """Keep the operator from changing anything of a counter's.

    Sets spec.suspend to Reconcile. The counter goes on counting.
    """
    return await suspend(target, name, "Reconcile")


@main.command()
@click.argument("name")
@with_target
@_command
async def resume(target: Target, name: str) -> str:
    """Undo pause and hibernate.

    Sets spec.suspend to None.
    """
    return await suspend(target, name, "None")


@main.command()
@click.argument("name")
@with_target
@_command
async def hibernate(target: Target, name: str) -> str:
    """Take a counter's pods away, and keep its counts.

    Sets spec.suspend to Workload.
    """
    return await suspend(target, name, "Workload")


@main.command(epilog=_examples("restart hits", "restart hits --redis"))
@click.argument("name")
@click.option("--redis", is_flag=True, help="The pod of the counter's own Redis, instead of the service's pods.")
@click.option("--force", is_flag=True, help="Even if that loses counts which are in memory only.")
@with_target
@_command
async def restart(target: Target, name: str, *, redis: bool, force: bool) -> str:
    """Replace a counter's pods, as `kubectl rollout restart` does."""
    return await restart_child(target, name, redis=redis, force=force)
