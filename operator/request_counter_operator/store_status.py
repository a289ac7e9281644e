"""What a RequestCounter's status says of its Redis. Pure."""

from itertools import zip_longest

from request_counter_operator.api import RequestCounter, StoreStatus
from request_counter_operator.conditions import Observed
from request_counter_operator.moving import next_move
from request_counter_operator.names import child_name
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.renewal import next_auth


def store_status(counter: RequestCounter, observed: Observed, now: str) -> StoreStatus:
    """Return what there is to say of the Redis; what cannot be seen at the moment stays as it was.

    While the counts are on their way to another Redis, it goes on telling of the one that has them.
    """
    before = counter.status.store or StoreStatus()
    update = {
        "auth": next_auth(counter, observed.store.logins, now),
        "last_backup": max(filter(None, (before.last_backup, observed.backups.last)), default=None),
        "restored": before.restored or observed.restore.restored,
    }
    if counter.is_moving:
        move = next_move(counter, observed, now)
        if move is not None:
            shards = _shards(counter, before, observed.store) if move.to == "Cluster" else before.shards
            return before.model_copy(update={**update, "move": move, "shards": shards})
    if counter.spec.store.redis.mode == "External":
        update["auth"] = None
    return _of_the_wanted(counter, before, observed.store, now).model_copy(
        update={
            **update,
            "external": counter.spec.store.redis.external,
            "tls": counter.spec.store.redis.tls,
            "durability": counter.spec.store.durability,
        }
    )


def _of_the_wanted(counter: RequestCounter, before: StoreStatus, reading: StoreReading, now: str) -> StoreStatus:
    mode = counter.spec.store.redis.mode
    if before.mode != mode:
        before = StoreStatus(mode=mode)
    if mode == "External":
        return StoreStatus(mode=mode)
    if mode == "Standalone":
        primary, version = f"{child_name(counter, 'redis')}-0", reading.version or before.version
        return StoreStatus(mode=mode, primary=primary, version=version)
    after = StoreStatus(
        mode=mode,
        primary=reading.primary or before.primary,
        primaries=_primaries(before, reading),
        version=reading.version or before.version,
        cluster_state=reading.cluster_state or before.cluster_state,
        shards=_shards(counter, before, reading) if mode == "Cluster" else None,
        # A reading of a moment ago may still be that of the one server that it was.
        bootstrapped=before.bootstrapped or (reading.is_whole and len(reading.servers) != 1) or None,
        last_failover=before.last_failover,
        servers=reading.servers or before.servers,
    )
    return after.model_copy(update={"last_failover": now}) if new_primaries(before, after) else after


def new_primaries(before: StoreStatus, after: StoreStatus) -> list[tuple[str, str]]:
    """Return who was primary and who is instead, for each shard where that is another one."""
    pairs = [(before.primary or "", after.primary or ""), *zip(before.primaries, after.primaries, strict=False)]
    return [(old, new) for old, new in pairs if old and new and old != new]


def _primaries(before: StoreStatus, reading: StoreReading) -> tuple[str, ...]:
    """Return the primary of each shard; a shard that has none now keeps the last one it had."""
    if not reading.primaries:
        return before.primaries
    return tuple(new or old for new, old in zip_longest(reading.primaries, before.primaries, fillvalue=""))[
        : len(reading.primaries)
    ]


def _shards(counter: RequestCounter, before: StoreStatus, reading: StoreReading) -> int:
    """Return how many shards are to be there. One that has counts, or may have, is not to go."""
    held = before.shards if reading.shards is None else reading.shards
    return max(counter.spec.store.redis.primaries, held or 0)
