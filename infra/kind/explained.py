"""How a command of ours fails: a sentence, the tool's last lines, what to do next, and an exit code."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import click

from infra.kind.errors import ClusterError

_INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended
Parameters = ParamSpec("Parameters")


def explained(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Turn a failure into what failed, the tool's last lines and what to do next; no traceback."""

    @wraps(command)
    def explained_command(*args: Parameters.args, **options: Parameters.kwargs) -> None:
        try:
            command(*args, **options)
        except ClusterError as error:
            parts = [f"Failed: {error.message}", error.output, error.advice]
            click.echo("\n" + "\n\n".join(part for part in parts if part), err=True)
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            click.echo("\nStopped. What was finished stays: run it again to carry on.", err=True)
            raise SystemExit(_INTERRUPTED) from None

    return explained_command
