"""What can go wrong, as a person should read it: what failed, the tool's own last words, and what to do next.

ClusterError
└── CommandError    a program that we ran ended with an error
"""

from collections.abc import Sequence
from textwrap import shorten


class ClusterError(Exception):
    """A step failed.

    Args:
        message: one sentence, what failed.
        output: the last lines that the tool wrote, empty if there are none.
        advice: what to do next, empty if the output says it.
    """

    def __init__(self, message: str, *, output: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.output = output
        self.advice = advice


class CommandError(ClusterError):
    """A program that we ran ended with an error."""

    def __init__(self, command: Sequence[str], status: int, output: str) -> None:
        shown = shorten(" ".join(command), width=80, placeholder=" …")
        super().__init__(f"`{shown}` ended with status {status}", output=output)
