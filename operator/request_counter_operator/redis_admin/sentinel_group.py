"""Looks at a primary, its replicas and the sentinels that watch them. It only looks: the sentinels decide.

Source: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from request_counter_operator.api import RequestCounter, Server
from request_counter_operator.errors import RedisSilentError
from request_counter_operator.redis_admin.connection import Door, asking
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.redis_admin.users import Members
from request_counter_operator.render.topology import QUORUM, SENTINELS, group


@dataclass(frozen=True, slots=True)
class Said:
    """What one server said: its role, the address it announces, and what of it people want to know."""

    server: Server
    address: str = ""
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """Whom one sentinel calls primary, how many sentinels it knows, itself included, and how many replicas are well.

    A replica that has just come back is well to its primary first, and to the sentinels some seconds later. Before that
    they would hesitate to make it primary.
    """

    primary: str
    sentinels: int
    replicas: int


async def look(counter: RequestCounter, members: Members) -> StoreReading:
    """Ask all servers and sentinels at the same time; return what they said. A silent one is part of the answer."""
    said, watched = await asyncio.gather(
        asyncio.gather(*map(_ask_server, members.servers)),
        asyncio.gather(*(_ask_sentinel(door, group(counter)) for door in members.sentinels)),
    )
    return reading_of(list(said), [one for one in watched if one is not None])


async def _ask_server(door: Door) -> Said:
    try:
        async with asking(door) as ask:
            server, replication = await ask.info("server"), await ask.info("replication")
            announced = await ask("CONFIG", "GET", "replica-announce-ip")
    except RedisSilentError:
        return Said(Server(name=door.name, role="Unreachable"))
    address, version = announced["replica-announce-ip"], str(server["redis_version"])
    if replication["role"] == "master":
        return Said(Server(name=door.name, role="Primary"), address, version)
    linked = replication["master_link_status"] == "up"
    return Said(Server(name=door.name, role="Replica", linked=linked), address, version)


async def _ask_sentinel(door: Door, name: str) -> Watched | None:
    try:
        async with asking(door) as ask:
            known = await ask("SENTINEL", "MASTER", name)
            replicas = await ask("SENTINEL", "REPLICAS", name)
    except RedisSilentError:
        return None
    return Watched(known["ip"], int(known["num-other-sentinels"]) + 1, sum(map(_is_well, replicas)))


def _is_well(replica: Mapping[str, Any]) -> bool:
    """Whether a sentinel could make it primary; one that has just started has the priority 0: see redis-start.sh."""
    is_linked = (replica["flags"], replica["master-link-status"]) == ("slave", "ok")
    return is_linked and int(replica["slave-priority"]) > 0


def reading_of(said: list[Said], watched: list[Watched]) -> StoreReading:
    """Return what the servers' and the sentinels' words come to. Pure."""
    votes = Counter(one.primary for one in watched).most_common(1)
    chosen = votes[0][0] if votes and votes[0][1] >= QUORUM else None
    servers = tuple(one.server for one in said)
    primary = next((s.server.name for s in said if chosen and s.address == chosen and s.server.role == "Primary"), None)
    fault = None
    if chosen is None:
        fault = f"{len(watched)} of {SENTINELS} sentinels answer, and do not agree on a primary"
    elif primary is None:
        fault = "the primary does not answer"
    followers = [server for server in servers if server.role == "Replica" and server.linked]
    return StoreReading(
        servers=servers,
        primary=primary,
        version=next((one.version for one in said if one.version), None),
        is_whole=(
            chosen is not None
            and primary is not None
            and len(followers) == len(servers) - 1
            and len(watched) == SENTINELS
            and set(watched) == {Watched(chosen, SENTINELS, len(followers))}
        ),
        fault=fault,
    )
