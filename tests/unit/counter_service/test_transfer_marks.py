"""What a transfer may do to a target, by what it finds there."""

from typing import Literal

import pytest

from counter_service.errors import TransferRefusedError
from counter_service.transfer.marks import (
    NOTHING,
    Mark,
    Part,
    Plan,
    Shard,
    completed_parts,
    plan_to_copy,
    plan_to_merge,
    sum_of,
)

FIRST, SECOND = {0: Part(2, 5), 7: Part(1, 1)}, {3: Part(4, 40)}


def marked(
    state: Literal["begun", "completed"],
    part: Part = NOTHING,
    parts: dict[int, Part] | None = None,
    under_way: dict[int, Part] | None = None,
    name: str = "7",
) -> Shard:
    mark = Mark(id=name, attempt="a", state=state, parts=parts or {}, under_way=under_way or {})
    return Shard(part, mark.model_dump_json())


def unmarked(part: Part = NOTHING) -> Shard:
    return Shard(part, "")


def completed_first() -> list[Shard]:
    return [marked("completed", Part(1, 4), FIRST), marked("completed", Part(2, 2))]


def test_mark_is_read_as_it_was_written() -> None:
    (shard, _) = completed_first()
    assert shard.mark == Mark(id="7", attempt="a", state="completed", parts=FIRST)


def test_empty_target_is_copied_to() -> None:
    assert plan_to_copy("7", SECOND, [unmarked(), unmarked()]) == Plan(brought=SECOND, kept={}, forgets_first=True)


def test_target_that_another_transfer_left_empty_is_copied_to() -> None:
    assert plan_to_copy("8", SECOND, [marked("begun"), marked("completed")]) == Plan(
        brought=SECOND, kept={}, forgets_first=True
    )


@pytest.mark.parametrize(
    "target",
    [
        [unmarked(), unmarked(Part(1, 1))],
        [marked("begun", name="8"), unmarked(Part(1, 1))],
        [marked("completed", Part(1, 1), name="8"), unmarked()],
        [marked("begun", Part(1, 1)), unmarked(Part(1, 1))],
        # Shard 0's mark is written first: this is no attempt that was aborted, but a target that has lost a part.
        [unmarked(), marked("completed", Part(1, 1))],
    ],
)
def test_other_counts_are_refused(target: list[Shard]) -> None:
    with pytest.raises(TransferRefusedError, match="not brought there by transfer '7'"):
        plan_to_copy("7", SECOND, target)


def test_what_is_no_mark_is_refused() -> None:
    with pytest.raises(TransferRefusedError, match="something else"):
        plan_to_copy("7", SECOND, [Shard(NOTHING, "?")])


@pytest.mark.parametrize(
    "target",
    [
        [marked("begun", Part(9, 9)), marked("begun")],
        # Killed between the marks: of the beginning, and of the end.
        [marked("begun"), unmarked()],
        [marked("begun", Part(1, 1)), marked("completed", Part(1, 1))],
    ],
)
def test_begun_transfer_begins_again_from_nothing(target: list[Shard]) -> None:
    assert completed_parts("7", target) is None
    assert plan_to_copy("7", SECOND, target) == Plan(brought=SECOND, kept={}, forgets_first=True)


def test_completed_transfer_says_what_it_brought_to_its_own_id_only() -> None:
    assert completed_parts("7", completed_first()) == FIRST
    assert sum_of(FIRST) == Part(3, 6)
    assert completed_parts("8", completed_first()) is None


def test_next_part_is_added_to_the_first() -> None:
    assert plan_to_merge("7", SECOND, completed_first()) == Plan(brought=SECOND, kept=FIRST, forgets_first=False)


def test_part_that_was_begun_is_added_again() -> None:
    target = [marked("begun", Part(3, 30), FIRST, SECOND), marked("completed", Part(2, 2))]
    assert plan_to_merge("7", SECOND, target) == Plan(brought=SECOND, kept=FIRST, forgets_first=False)


def test_part_that_was_added_is_left_alone_whatever_was_counted_since() -> None:
    target = [marked("completed", Part(99, 99), FIRST | SECOND), marked("completed")]
    assert plan_to_merge("7", SECOND, target) is None
    assert plan_to_merge("7", {}, target) is None


@pytest.mark.parametrize(
    ("source", "target", "sentence"),
    [
        (SECOND, [unmarked(), unmarked()], "has begun"),
        (SECOND, [marked("completed", Part(3, 6), FIRST, name="8")], "has begun"),
        (SECOND, [marked("begun", Part(3, 6)), unmarked(Part(1, 1))], "has begun"),
        ({0: Part(2, 4)}, completed_first(), r"other counts of the source's shards \[0\]"),
        (SECOND, [marked("completed", Part(3, 7), FIRST)], "counted on since"),
        (SECOND, [marked("begun", Part(2, 5), under_way=FIRST)], "another part .* is to be repeated first"),
        (SECOND, [marked("begun", Part(3, 6), FIRST, {3: Part(4, 41)})], "another part .* is to be repeated first"),
    ],
)
def test_part_without_what_it_belongs_to_is_refused(
    source: dict[int, Part], target: list[Shard], sentence: str
) -> None:
    with pytest.raises(TransferRefusedError, match=sentence):
        plan_to_merge("7", source, target)
