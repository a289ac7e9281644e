"""Which shard gets which slot: evenly, tags and all, and without moving more than that takes."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from request_counter_operator.redis_admin.cluster.layout import layout_of
from request_counter_operator.redis_admin.cluster.nodes import SLOTS, ranges_of, slots_in
from request_counter_operator.redis_admin.cluster.slots import spread
from tests.support.counters import counter

NOBODY = [None] * SLOTS
shards = st.integers(3, 32)
tags = st.integers(0, 2**32).map(lambda seed: layout_of(counter(name=f"c{seed}")).tags)


def loads(owners: Sequence[int], tags: Mapping[int, int], shards: int) -> list[int]:
    return [sum(tags.get(slot, 0) for slot in range(SLOTS) if owners[slot] == shard) for shard in range(shards)]


def is_even(owners: Sequence[int], tags: Mapping[int, int], shards: int) -> bool:
    counts = Counter(owners)
    tagged = loads(owners, tags, shards)
    return (
        set(counts) == set(range(shards))
        and max(counts.values()) - min(counts.values()) <= 1
        and max(tagged) - min(tagged) <= max(tags.values())
    )


@settings(deadline=None, max_examples=30)
@given(shards=shards, tags=tags)
def test_a_new_cluster_is_spread_evenly_and_in_few_pieces(shards: int, tags: Mapping[int, int]) -> None:
    owners = spread(NOBODY, shards, tags)
    assert is_even(owners, tags, shards)
    pieces = sum(len(ranges_of({s for s in range(SLOTS) if owners[s] == shard})) for shard in range(shards))
    assert pieces <= shards + 2 * len(tags) + 2 * shards


@settings(deadline=None, max_examples=30)
@given(before=shards, after=shards, tags=tags)
def test_shards_that_come_or_go_move_little_more_than_their_part(
    before: int, after: int, tags: Mapping[int, int]
) -> None:
    owners = spread(NOBODY, before, tags)
    moved = spread(owners, after, tags)
    assert is_even(moved, tags, after)
    many = sum(old != new for old, new in zip(owners, moved, strict=True))
    assert many <= SLOTS * abs(after - before) / max(after, before) + len(tags) + max(after, before)


@settings(deadline=None, max_examples=30)
@given(before=shards, after=shards, tags=tags, done=st.floats(0, 1))
def test_a_move_that_was_broken_off_anywhere_ends_evenly(
    before: int, after: int, tags: Mapping[int, int], done: float
) -> None:
    owners = spread(NOBODY, before, tags)
    moved = spread(owners, after, tags)
    half = [new if slot < done * SLOTS else old for slot, (old, new) in enumerate(zip(owners, moved, strict=True))]
    again = spread(half, after, tags)
    assert is_even(again, tags, after)
    assert spread(again, after, tags) == again


@given(st.sets(st.integers(0, SLOTS - 1), max_size=50))
def test_ranges_are_read_as_they_are_written(slots: set[int]) -> None:
    ranges = ranges_of(slots)
    text = " ".join(f"{first}-{last}" if first < last else f"{first}" for first, last in ranges)
    assert slots_in(text) == slots
    assert all(first > last + 1 for (_, last), (first, _) in itertools.pairwise(ranges))
