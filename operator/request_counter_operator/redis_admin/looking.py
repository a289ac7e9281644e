"""One look at a counter's own Redis, however it is run: its users are tended, and then it is asked how it does."""

from collections.abc import Callable
from dataclasses import replace

from request_counter_operator.api import RequestCounter
from request_counter_operator.redis_admin import sentinel_group, standalone
from request_counter_operator.redis_admin.cluster.keeper import ClusterKeeper
from request_counter_operator.redis_admin.cluster.layout import layout_of
from request_counter_operator.redis_admin.connection import doors
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.redis_admin.users import Members, tend, together
from request_counter_operator.render.credentials import Credentials


async def look(
    counter: RequestCounter, credentials: Credentials, keeper: ClusterKeeper, may_act: Callable[[], bool]
) -> StoreReading:
    """Return what all servers and sentinels say; what is not as it should be of their users is put right before.

    Args:
        counter: whose Redis it is; not somebody else's.
        credentials: its users.
        keeper: keeps its cluster together, where it is one.
        may_act: whether anything may be changed just now.
    """
    members = Members(*doors(counter, credentials))
    found = await tend(counter, credentials, members, may_act)
    if counter.spec.store.redis.mode == "Standalone":
        reading = standalone.read(counter, found)
    elif counter.spec.store.redis.mode == "Cluster":
        by_name = {door.name: door for door in members.servers}
        reading = await keeper.look(layout_of(counter), by_name, may_act)
    else:
        reading = await sentinel_group.look(counter, credentials)
    return replace(reading, logins=together(found, members))
