"""One look at a counter's own Redis, however it is run: its users are tended, and then it is asked how it does."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from request_counter_operator.api import RequestCounter
from request_counter_operator.redis_admin import sentinel_group, standalone
from request_counter_operator.redis_admin.certificate_renewal import renew
from request_counter_operator.redis_admin.cluster.keeper import ClusterKeeper, Hosts
from request_counter_operator.redis_admin.cluster.layout import layout_of
from request_counter_operator.redis_admin.connection import doors
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.redis_admin.trust import Trust
from request_counter_operator.redis_admin.users import Members, tend, together
from request_counter_operator.render.credentials import Credentials


@dataclass(frozen=True, slots=True)
class Means:
    """What a look needs besides the resource.

    Attributes:
        credentials: the users of its Redis.
        trust: what its servers have to prove by TLS; None where there is none.
        keeper: keeps its cluster together, where it is one.
        may_act: whether anything may be changed just now.
        hosts: where the pods of a cluster are.
        may_renew: whether the files of pods are, or will be, of a certificate that would do.
        clock: a monotonic clock, in seconds.
    """

    credentials: Credentials
    trust: Trust | None
    keeper: ClusterKeeper
    may_act: Callable[[], bool]
    hosts: Hosts
    may_renew: bool = True
    clock: Callable[[], float] = time.monotonic


async def look(counter: RequestCounter, means: Means) -> StoreReading:
    """Return what all servers and sentinels say; what is not as it should be of their users is put right before.

    Args:
        counter: whose Redis it is; not somebody else's.
        means: how to look, and what may be done.
    """
    credentials, may_act = means.credentials, means.may_act
    members = Members(*doors(counter, credentials, means.trust))
    found = await tend(counter, credentials, members, may_act)
    outdated, happenings = await renew(members.servers, found, means.clock(), lambda: means.may_renew and may_act())
    if counter.spec.store.redis.mode == "Standalone":
        reading = standalone.read(counter, found)
    elif counter.spec.store.redis.mode == "Cluster":
        by_name = {door.name: door for door in members.servers}
        reading = await means.keeper.look(layout_of(counter), by_name, may_act, means.hosts)
    else:
        reading = await sentinel_group.look(counter, members)
    return replace(
        reading,
        logins=together(found, members),
        certificate="" if means.trust is None else means.trust.digest,
        outdated=outdated,
        happenings=(*reading.happenings, *happenings),
    )
