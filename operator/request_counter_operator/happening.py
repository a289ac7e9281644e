"""What is told to people as a Kubernetes Event. docs/status-conditions.md lists every reason (a test says so)."""

from typing import Literal, NamedTuple


class Happening(NamedTuple):
    """Something to tell: Normal or Warning, a reason in CamelCase, and a sentence."""

    type: Literal["Normal", "Warning"]
    reason: str
    note: str
