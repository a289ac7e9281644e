"""Asks the servers of a cluster what they are and what they know of each other."""

import asyncio
from collections.abc import Mapping

from request_counter_operator.errors import RedisSilentError
from request_counter_operator.redis_admin.cluster.layout import Layout
from request_counter_operator.redis_admin.cluster.nodes import Node, parse_nodes
from request_counter_operator.redis_admin.connection import Door, asking


async def ask_all(layout: Layout, doors: Mapping[str, Door]) -> list[Node]:
    """Ask all servers at the same time; return what those said that answered, by shard."""
    said = await asyncio.gather(*(_ask(layout, doors[name]) for name in layout.names))
    return [node for node in said if node is not None]


async def _ask(layout: Layout, door: Door) -> Node | None:
    try:
        async with asking(door) as ask:
            server, replication = await ask.info("server"), await ask.info("replication")
            state, table = str(await ask("CLUSTER", "INFO")), parse_nodes(str(await ask("CLUSTER", "NODES")))
            keys = int(await ask("DBSIZE"))
    except RedisSilentError:
        return None
    is_primary = replication["role"] == "master"
    is_linked = is_primary or replication["master_link_status"] == "up"
    return Node(
        name=door.name,
        shard=layout.shard_of(door.name) or 0,
        me=next(entry for entry in table.values() if "myself" in entry.flags),
        table=table,
        is_ok="cluster_state:ok" in state,
        keys=keys,
        is_linked=is_linked,
        has_followed=is_linked or replication["master_link_down_since_seconds"] >= 0,
        offset=int(replication["master_repl_offset" if is_primary else "slave_repl_offset"]),
        version=str(server["redis_version"]),
    )
