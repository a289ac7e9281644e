"""Which shard is to have which slot. Pure.

A counter's keys are in no more than 64 of the 16384 slots, so an even spread of slots is not an even spread of counts:
both are evened out.
"""

from collections.abc import Mapping, Sequence

from request_counter_operator.redis_admin.cluster.nodes import SLOTS

Owners = Sequence[int | None]
"""The shard that has each slot; None where nobody has it."""


def spread(owners: Owners, shards: int, tags: Mapping[int, int]) -> list[int]:
    """Return the shard that each slot is to have: evenly, and moving no more than that takes.

    Args:
        owners: who has them now; a shard past the last one is to keep none.
        shards: how many are to have some.
        tags: how many hash tags each slot has; 0 for slots that are not named.

    Returns:
        By slot. No shard has more slots than another one but for one. The tags are as even as their slots allow. What
        is spread so already is returned as it is.
    """
    kept = [None if owner is None or owner >= shards else owner for owner in owners]
    wanted = _spread_tags(kept, shards, tags)
    quotas = _quotas(kept, shards, wanted)
    missing: list[int] = []
    counts = [0] * shards
    for slot, owner in enumerate(kept):
        if slot in wanted:
            continue
        # A shard gives away the last of its slots, so that what it keeps is in one piece.
        if owner is not None and counts[owner] < quotas[owner]:
            counts[owner] += 1
            wanted[slot] = owner
        else:
            missing.append(slot)
    for slot in missing:
        home = _home(slot, shards)
        if counts[home] >= quotas[home]:
            home = next(shard for shard in range(shards) if counts[shard] < quotas[shard])
        counts[home] += 1
        wanted[slot] = home
    return [wanted[slot] for slot in range(SLOTS)]


def _home(slot: int, shards: int) -> int:
    """Return the shard whose piece of the whole a slot is in when all is new."""
    return slot * shards // SLOTS


def _quotas(kept: Owners, shards: int, tagged: Mapping[int, int]) -> list[int]:
    """Return how many slots without tags each shard is to have. Who has more now is to have the odd one."""
    least, odd = divmod(SLOTS, shards)
    held = [0] * shards
    for owner in kept:
        if owner is not None:
            held[owner] += 1
    most = set(sorted(range(shards), key=lambda shard: -held[shard])[:odd])
    quotas = [least + (shard in most) for shard in range(shards)]
    for owner in tagged.values():
        quotas[owner] -= 1
    return quotas


def _spread_tags(kept: Owners, shards: int, tags: Mapping[int, int]) -> dict[int, int]:
    """Return the shard of each slot with tags."""
    placed = {slot: owner for slot in sorted(tags) if (owner := kept[slot]) is not None}
    loads = [0] * shards
    for slot, owner in placed.items():
        loads[owner] += tags[slot]
    fair = sum(tags.values()) // shards
    for slot in sorted(tags):
        if slot not in placed:
            home = _home(slot, shards)
            owner = home if loads[home] + tags[slot] <= fair else loads.index(min(loads))
            placed[slot] = owner
            loads[owner] += tags[slot]
    while (move := _better(placed, loads, tags)) is not None:
        slot, owner = move
        loads[placed[slot]] -= tags[slot]
        loads[owner] += tags[slot]
        placed[slot] = owner
    return placed


def _better(placed: Mapping[int, int], loads: Sequence[int], tags: Mapping[int, int]) -> tuple[int, int] | None:
    """Return a slot of the shard with most tags and the shard with fewest, if it is better off there."""
    fullest, emptiest = loads.index(max(loads)), loads.index(min(loads))
    gap = loads[fullest] - loads[emptiest]
    slots = [slot for slot, owner in placed.items() if owner == fullest and tags[slot] < gap]
    return (max(slots), emptiest) if slots else None
