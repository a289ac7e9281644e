"""The part of the resource that says what is the case."""

from typing import Any, Literal

from request_counter_operator.api.model import Model
from request_counter_operator.api.store import Durability, External, Mode, RedisTls


class Condition(Model):
    """One aspect of the resource's state, as the Kubernetes API conventions define it.

    ``last_transition_time`` is RFC 3339 and moves only when ``status`` does.
    """

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: str
    observed_generation: int | None = None


class Server(Model):
    """One Redis server: its pod, and what it was when it was asked last. ``linked`` is for replicas."""

    name: str
    role: Literal["Primary", "Replica", "Unreachable"]
    linked: bool | None = None


class AuthStatus(Model):
    """How often the passwords of the counter's own Redis have been renewed, and how far that has come.

    ``generation`` is what is to be used, ``accepted`` what may log in; ``rotate`` is the text of the specification that
    was acted upon last, ``since`` (RFC 3339) the time from which on ``generation`` is used.
    """

    generation: int = 0
    accepted: tuple[int, ...] = (0,)
    rotate: str = ""
    since: str | None = None

    @property
    def is_renewing(self) -> bool:
        """Whether two generations may log in, because not everybody has come from one to the other yet."""
        return len(self.accepted) > 1


class Move(Model):
    """How far the counts have come on their way to a Redis of another mode.

    Preparing: the other Redis is being made, and the counter counts on. Stopping: the service hands over its last
    counts and ends. Copying: nothing counts while the counts are copied. ``since`` (RFC 3339) is when it began.
    """

    to: Mode
    phase: Literal["Preparing", "Stopping", "Copying"] = "Preparing"
    since: str


class StoreStatus(Model):
    """Which Redis holds the counts, and how it does.

    ``mode`` is that of the Redis that has the counts, which is not yet the wanted one while they are moved; with
    ``external``, ``tls`` and ``durability`` it is what the specification said before. ``primaries`` are a cluster's, by
    shard, with an empty text for one that was never seen; ``shards`` is how many shards there have to be: those asked
    for, and those that still hold counts. ``restored`` is the backup that the counts come from; ``last_backup``
    (RFC 3339) is when the newest one was complete. Of all these, only mode, external, tls, durability, move,
    bootstrapped, shards, auth and restored cannot be observed anew.
    """

    mode: Mode | None = None
    external: External | None = None
    tls: RedisTls | None = None
    durability: Durability | None = None
    move: Move | None = None
    primary: str | None = None
    version: str | None = None
    bootstrapped: bool | None = None
    last_failover: str | None = None
    cluster_state: Literal["ok", "fail"] | None = None
    shards: int | None = None
    primaries: tuple[str, ...] = ()
    servers: tuple[Server, ...] = ()
    auth: AuthStatus | None = None
    last_backup: str | None = None
    restored: str | None = None


class Status(Model):
    """What is the case. Everything in it can be observed anew."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()
    replicas: int | None = None
    ready_replicas: int | None = None
    selector: str | None = None
    url: str | None = None
    total: int | None = None
    requests_per_second: int | None = None
    store: StoreStatus | None = None

    def to_body(self) -> dict[str, Any]:
        """Return the status as the API server stores it, without what is unknown."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")
