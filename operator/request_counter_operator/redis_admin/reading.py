"""What a counter's own Redis said of itself when it was asked last."""

from dataclasses import dataclass

from request_counter_operator.api import Server


@dataclass(frozen=True, slots=True)
class Logins:
    """Which generations of users can be used, and are.

    Attributes:
        proved: those as which the operator has just logged in at every server and sentinel; none when one is silent.
        in_use: those as which somebody else is logged in anywhere, or has been told to log in next. Looked for only
            while there is more than one.
    """

    proved: tuple[int, ...] = ()
    in_use: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreReading:
    """One look at all servers.

    Attributes:
        servers: each, by the order of its pod.
        primary: the pod that the sentinels call primary and that says so too; None when there is none.
        version: of Redis; None when nobody told.
        is_whole: whether all servers are there and all replicas follow, and whoever watches them knows them all.
        fault: what is wrong, as a sentence; None when nothing is.
        logins: which passwords are accepted everywhere, and which are used.
    """

    servers: tuple[Server, ...] = ()
    primary: str | None = None
    version: str | None = None
    is_whole: bool = False
    fault: str | None = None
    logins: Logins = Logins()

    @property
    def is_calm(self) -> bool:
        """Whether nothing is expected to happen: all are there, and nobody has to move to another password."""
        return self.is_whole and len(self.logins.proved) == 1


NOT_READ = StoreReading()
