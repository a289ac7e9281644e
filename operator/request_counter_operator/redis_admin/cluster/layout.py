"""Who is to be in a counter's cluster. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from redis.crc import key_slot

from request_counter_operator.api import RequestCounter
from request_counter_operator.render.topology import hash_tags, shard_servers, shards


@dataclass(frozen=True, slots=True)
class Layout:
    """Who is to be there, and what may be done to get there.

    Attributes:
        shards: the pods of each shard that there is.
        wanted: how many of the shards, from the first one on, are to have slots. The others are to be left empty.
        tags: how many of the counter's hash tags each slot has; only these slots ever hold counts.
        is_promised: whether the status says that all wanted shards are to stay. Without that a shard could be taken
            away just when it gets its first counts.
        has_begun: whether this cluster has come together once, and so has counts to lose.
        is_kept: whether servers keep what they have when they are restarted.
    """

    shards: tuple[tuple[str, ...], ...]
    wanted: int
    tags: Mapping[int, int]
    is_promised: bool = True
    has_begun: bool = False
    is_kept: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """All pods, by shard."""
        return tuple(name for shard in self.shards for name in shard)

    @property
    def may_begin_anew(self) -> bool:
        """Whether slots that nobody has may be given to servers without data."""
        return self.is_promised and not (self.has_begun and self.is_kept)

    def shard_of(self, name: str) -> int | None:
        """Return the shard of a pod; None for one that is none of ours."""
        return next((number for number, shard in enumerate(self.shards) if name in shard), None)


def layout_of(counter: RequestCounter) -> Layout:
    """Return the layout that a RequestCounter asks for."""
    redis = counter.spec.store.redis
    return Layout(
        shards=tuple(tuple(shard_servers(counter, shard)) for shard in range(shards(counter))),
        wanted=redis.primaries,
        tags=Counter(key_slot(f"{{{tag}}}:".encode()) for tag in hash_tags(counter)),
        is_promised=counter.promised_shards >= redis.primaries,
        has_begun=counter.is_bootstrapped,
        is_kept=redis.persistence.enabled,
    )
