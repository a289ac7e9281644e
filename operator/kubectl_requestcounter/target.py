"""Which cluster and namespace a command is about, in the options that every user of kubectl knows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Target:
    """What the user selected; None is what kubectl itself would take.

    Attributes:
        kubeconfig: Path of the file; by default ``$KUBECONFIG``, or else ``~/.kube/config``.
        context: Name of a context in it; by default the current one.
        namespace: By default the context's, or else ``default``.
    """

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None

    def kubectl_options(self) -> list[str]:
        """Return the options that make kubectl mean the same cluster and namespace."""
        chosen = {"--kubeconfig": self.kubeconfig, "--context": self.context, "--namespace": self.namespace}
        return [f"{option}={value}" for option, value in chosen.items() if value is not None]


def with_target(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a target, and hand it over as the parameter ``target``."""

    @wraps(command)
    def with_options(*, kubeconfig: str | None, context: str | None, namespace: str | None, **rest: Any) -> Any:
        return command(target=Target(kubeconfig, context, namespace), **rest)

    for option in (
        click.option("--kubeconfig", metavar="FILE", help="The kubeconfig to use instead of $KUBECONFIG."),
        click.option("--context", metavar="NAME", help="The context to use instead of the current one."),
        click.option("--namespace", "-n", metavar="NAME", help="The namespace, instead of the context's."),
    ):
        with_options = option(with_options)
    return with_options
