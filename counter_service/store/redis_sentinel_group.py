"""Where everything is when sentinels watch a primary and its replicas; and whether who answered was the primary still.

A server that was silent for long enough is replaced, and does not know it when it speaks again: for about a second it
still has a replica that confirms what it takes, and all of that is lost when the replica is sent to the next primary.
So an acknowledgement needs an unbroken chain of answers, each sooner after the one before than any sentinel gives a
server up; where the chain has a gap, the sentinels are asked whether they have anybody else in mind.

Source: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
"""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import structlog
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from counter_service.store.redis_address import Address, RedisAddress
from counter_service.store.redis_exchange import asked, first_told

# How long a replica is used before it is chosen anew, seconds, so that new ones get their part; and for how long the
# primary is used where there was none.
REPLICA_FOR_S: Final = 30.0
NO_REPLICA_FOR_S: Final = 1.0
# Who has answered us was asked by each sentinel within this time, seconds: SENTINEL_PING_PERIOD in Redis's sentinel.c.
_PING_PERIOD_S: Final = 1.0
# Of the time after which sentinels give a server up, for how much we are sure that they have not.
_SURE: Final = 0.75

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class View:
    """What one sentinel says of the group's primary.

    Attributes:
        primary: whom it names.
        is_well: whether it hears that one, and has nothing to say against it.
        is_replacing: whether it has another one take over.
        silence_s: for how long it has not heard the primary, seconds.
        patience_s: for how long it may not hear the primary before it gives it up, seconds.
    """

    primary: Address
    is_well: bool = True
    is_replacing: bool = False
    silence_s: float = 0.0
    patience_s: float = float("inf")

    @classmethod
    def of(cls, named: Address, fields: Mapping[str, str]) -> Self:
        """Return what the answers to SENTINEL GET-MASTER-ADDR-BY-NAME and SENTINEL MASTER say."""
        patience_s = int(fields["down-after-milliseconds"]) / 1000
        if named != (fields["ip"], int(fields["port"])):
            # It leads a failover, the next primary has told it so. What is left is to tell the replicas.
            return cls(named, silence_s=_PING_PERIOD_S, patience_s=patience_s)
        flags = set(fields["flags"].split(","))
        return cls(
            named,
            is_well=flags == {"master"},
            is_replacing="failover_in_progress" in flags,
            silence_s=int(fields["last-ok-ping-reply"]) / 1000,
            patience_s=patience_s,
        )


def settled(views: Sequence[View], sentinels: int) -> tuple[Address, Sequence[View]]:
    """Return the primary that most of the sentinels hear and nobody is replacing, and the views of those that hear it.

    Raises:
        RedisConnectionError: There is none at the moment.
    """
    if any(view.is_replacing for view in views) or len({view.primary for view in views}) > 1:
        raise RedisConnectionError("the sentinels are having another server take over")
    well = [view for view in views if view.is_well]
    if len(well) <= sentinels // 2:
        raise RedisConnectionError(f"{len(well)} of {sentinels} sentinels hear a primary, which are too few")
    return well[0].primary, well


class SentinelGroup:
    """A primary with replicas; sentinels say which is which. A Topology."""

    shards = 1

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._primary: Address | None = None
        self._sure_until_s = 0.0
        self._sure_for_s = 0.0
        self._replica: Address | None = None
        self._replica_until_s = 0.0

    async def primaries(self) -> Sequence[Address]:
        """See Topology."""
        if self._primary is None:
            self._primary = await self._ask_for_primary()
            _log.info("primary found", group=self._address.group, primary=self._primary)
        return [self._primary]

    async def replicas(self) -> Sequence[Address]:
        """See Topology."""
        if self._replica is None or time.monotonic() > self._replica_until_s:
            usable = await self._usable_replicas()
            # A random one, so that many processes use all of them.
            self._replica = random.choice(usable) if usable else (await self.primaries())[0]  # noqa: S311 -- no secret
            self._replica_until_s = time.monotonic() + (REPLICA_FOR_S if usable else NO_REPLICA_FOR_S)
        return [self._replica]

    def connection_to(self, server: Address) -> AbstractConnection:
        """See Topology."""
        return self._address.connection_to(server)()

    def doubt(self) -> None:
        """See Topology."""
        self._primary = self._replica = None
        self._sure_until_s = 0.0

    async def vouch(self, servers: Sequence[Address]) -> None:
        """See Topology."""
        now_s = time.monotonic()
        if now_s <= self._sure_until_s:
            self._sure_until_s = max(self._sure_until_s, now_s + self._sure_for_s)
        elif await self._ask_for_primary() != servers[0]:
            raise RedisConnectionError("another server has taken over")

    async def _ask_for_primary(self) -> Address:
        asked_s, sentinels = time.monotonic(), self._address.hosts
        answers = await asyncio.gather(*map(self._view, sentinels))
        views = [answer for answer in answers if isinstance(answer, View)]
        if not views:
            raise next(answer for answer in answers if isinstance(answer, Exception))
        primary, well = settled(views, len(sentinels))
        self._sure_until_s = asked_s + min(_SURE * view.patience_s - view.silence_s for view in well)
        self._sure_for_s = min(_SURE * view.patience_s for view in well) - _PING_PERIOD_S
        return primary

    async def _view(self, sentinel: Address) -> View | Exception:
        questions = [("SENTINEL", question, self._address.group) for question in ("GET-MASTER-ADDR-BY-NAME", "MASTER")]
        try:
            known, told = await asked(self._address.connection_to_sentinel(sentinel), *questions)
        except (RedisError, OSError) as error:
            return error
        if isinstance(known, ResponseError):
            return known
        if known is None:
            return RedisConnectionError(f"the sentinels know no group {self._address.group!r}")
        named = known[0].decode(), int(known[1])
        # Somebody else's sentinels may not tell us more than that.
        return View(named) if isinstance(told, ResponseError) else View.of(named, _fields(told))

    async def _usable_replicas(self) -> Sequence[Address]:
        sentinels = random.sample(self._address.hosts, len(self._address.hosts))
        question = ("SENTINEL", "REPLICAS", self._address.group)
        return await first_told(sentinels, self._address.connection_to_sentinel, question, _usable)


def _usable(_sentinel: Address, told: Any) -> Sequence[Address]:
    return [
        (replica["ip"], int(replica["port"]))
        for replica in map(_fields, told)
        if not {"s_down", "o_down", "disconnected"} & set(replica["flags"].split(","))
        and replica["master-link-status"] == "ok"
    ]


def _fields(pairs: Sequence[bytes]) -> Mapping[str, str]:
    words = [word.decode() for word in pairs]
    return dict(zip(words[::2], words[1::2], strict=True))
