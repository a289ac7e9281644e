"""What a counter's own Redis said of itself when it was asked last."""

from dataclasses import dataclass, field
from typing import Literal

from request_counter_operator.api import Server
from request_counter_operator.happening import Happening


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
        primaries: of a cluster, the pod that has the slots of each shard; empty for a shard without one.
        version: of Redis; None when nobody told.
        cluster_state: what a cluster's servers say of it; None for what is no cluster.
        shards: how many shards a cluster has to have; None when that could not be seen.
        is_whole: whether all servers are there and all replicas follow, and whoever watches them knows them all.
        fault: why counts cannot be had, as a sentence; None when they can.
        lack: what it lacks to be whole, as a sentence; None when that is nothing, or not told.
        logins: which passwords are accepted everywhere, and which are used.
        certificate: the digest of the certificate that its Secret has; empty without TLS.
        certificate_fault: what that lacks now, as the end of a sentence; None when it lacks nothing.
        outdated: who still shows another certificate.
        happenings: what was done in this look that people should know of; no part of what two readings are compared by.
    """

    servers: tuple[Server, ...] = ()
    primary: str | None = None
    primaries: tuple[str, ...] = ()
    version: str | None = None
    cluster_state: Literal["ok", "fail"] | None = None
    shards: int | None = None
    is_whole: bool = False
    fault: str | None = None
    lack: str | None = None
    happenings: tuple[Happening, ...] = field(default=(), compare=False)
    logins: Logins = Logins()
    certificate: str = ""
    certificate_fault: str | None = None
    outdated: tuple[str, ...] = ()

    @property
    def is_calm(self) -> bool:
        """Whether nothing is expected to happen: all are there, and nobody needs another password or certificate."""
        return self.is_whole and len(self.logins.proved) == 1 and not self.outdated


NOT_READ = StoreReading()
