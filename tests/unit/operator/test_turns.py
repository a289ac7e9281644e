"""A pass in turns: what needs what, how many at a time, what ends it, and in which order it is told of."""

import asyncio
from collections.abc import Callable

import pytest

from request_counter_operator.cache import ChildKey
from request_counter_operator.desired import children
from request_counter_operator.errors import ApiError, GoneError, NotLeadingError, OperatorError, TerminatingError
from request_counter_operator.happening import Happening
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.settings import Settings
from request_counter_operator.turns import MOST_AT_ONCE, Made, Turn, sum_up, take_turns
from tests.support.counters import FULL, counter

BASIS = {"ServiceAccount", "Secret", "ConfigMap", "Service"}
ENDS = [GoneError("gone"), NotLeadingError("standing by"), TerminatingError("going", status=403)]


def all_turns() -> list[Turn]:
    manifests = children(counter(FULL), Settings(), Facts(Credentials("p")))
    turns = [Turn(ChildKey(m["kind"], m["metadata"]["name"]), None, m) for m in manifests]
    return [*turns, Turn(ChildKey("Service", "old"), None)]


class Work:
    """Takes turns, each for as long as all that could be taken with it have begun; notes who was taken with whom."""

    def __init__(self, error_of: Callable[[Turn], OperatorError | None] = lambda _: None) -> None:
        self.error_of = error_of
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.under_way = 0
        self.most = 0

    async def __call__(self, turn: Turn) -> None:
        """Take a turn; those with an error end sooner than the others."""
        self.begun.append(turn.child.kind if turn.manifest is not None else "removal")
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        error = self.error_of(turn)
        for _ in range(5 if error is None else 2):
            await asyncio.sleep(0)
        self.under_way -= 1
        if error is not None:
            raise error
        self.ended.append(turn.child.name)
        turn.wrote = True
        turn.happenings.append(Happening("Normal", "Made", turn.child.name))


async def test_what_others_need_is_made_before_them_and_what_is_not_wanted_goes_last() -> None:
    work, turns = Work(), all_turns()
    await take_turns(turns, work)
    assert set(work.begun[:6]) == BASIS
    assert set(work.begun[6:10]) == {"StatefulSet", "Deployment", "PodDisruptionBudget", "Ingress"}
    assert work.begun[10:] == ["HorizontalPodAutoscaler", "removal"]
    assert work.most == MOST_AT_ONCE
    assert len(work.ended) == len(turns) == 12


async def test_what_failed_keeps_nobody_from_a_turn_and_is_told_in_the_order_of_the_children() -> None:
    refused = {"Secret", "Deployment", "Ingress"}
    work, turns = Work(lambda t: ApiError("refused") if t.child.kind in refused else None), all_turns()
    await take_turns(turns, work)
    made = sum_up(turns)
    assert list(map(str, made.failures)) == [
        "Secret hits-redis: refused",
        "Deployment hits: refused",
        "Ingress hits: refused",
    ]
    names = [turn.child.name for turn in turns if turn.child.kind not in refused]
    assert [happening.note for happening in made.happenings] == names
    assert (made.wrote, made.awaits_watch) == (True, False)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end).__name__)
async def test_an_error_that_ends_the_pass_lets_nobody_begin_and_everybody_end(end: OperatorError) -> None:
    work, turns = Work(lambda t: end if t.child.kind == "Secret" else None), all_turns()
    await take_turns(turns, work)
    begun_with_it = [turn.child.name for turn in turns[:MOST_AT_ONCE] if turn.child.kind != "Secret"]
    assert work.ended == begun_with_it
    assert len(work.begun) == MOST_AT_ONCE
    with pytest.raises(type(end)) as raised:
        sum_up(turns)
    assert raised.value is end


async def test_a_bug_is_told_as_it_is_after_the_others_have_had_their_turns() -> None:
    work, turns = Work(), all_turns()

    async def buggy(turn: Turn) -> None:
        if turn.child.kind == "Secret":
            raise ZeroDivisionError
        await work(turn)

    with pytest.raises(ZeroDivisionError):
        await take_turns(turns, buggy)
    assert set(work.begun) == BASIS - {"Secret"}
    assert len(work.ended) == 5


async def test_who_cancels_the_pass_cancels_its_turns() -> None:
    hanging, ended = asyncio.Event(), []

    async def hang(turn: Turn) -> None:
        try:
            await hanging.wait()
        finally:
            ended.append(turn)

    task = asyncio.create_task(take_turns(all_turns(), hang))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(ended) == MOST_AT_ONCE


async def test_no_turns_come_to_nothing() -> None:
    await take_turns([], Work())
    assert sum_up([]) == Made()
