"""What a counter's own Redis said of itself when it was asked last."""

from dataclasses import dataclass

from request_counter_operator.api import Server


@dataclass(frozen=True, slots=True)
class StoreReading:
    """One look at all servers.

    Attributes:
        servers: each, by the order of its pod.
        primary: the pod that the sentinels call primary and that says so too; None when there is none.
        version: of Redis; None when nobody told.
        is_whole: whether all servers are there and all replicas follow, and whoever watches them knows them all.
        fault: what is wrong, as a sentence; None when nothing is.
    """

    servers: tuple[Server, ...] = ()
    primary: str | None = None
    version: str | None = None
    is_whole: bool = False
    fault: str | None = None


NOT_READ = StoreReading()
