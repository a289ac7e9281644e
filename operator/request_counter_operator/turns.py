"""A pass over the children of one RequestCounter: each has its turn, and who needs no other waits for no other.

What the pass came to is told in the order of the children, whichever turn ended first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from request_counter_operator.cache import Child, ChildKey
from request_counter_operator.errors import GoneError, NotLeadingError, OperatorError, TerminatingError
from request_counter_operator.happening import Happening
from request_counter_operator.kinds import KIND_OF, STAGES
from request_counter_operator.render.manifest import Manifest

MOST_AT_ONCE = 4
"""Turns of one pass that are taken at the same time. There are as many passes as the operator has workers."""

END_OF_PASS = (GoneError, NotLeadingError, TerminatingError)
"""After one of these nothing more is to be written for the RequestCounter."""


@dataclass(slots=True)
class Turn:
    """One child's turn, and what it came to.

    Attributes:
        child: Which one.
        live: It, as the watch tells; None when the watch does not know it.
        manifest: What it is to be; None when it is to go.
        wrote: Whether anything was sent to the API server for it.
        applied: What it is by now, if it was applied.
        awaits_watch: Whether it was left for later, when the watch will have told of it.
        drift: What somebody had done to it and was put right, as a sentence, or empty.
        happenings: What people should know of.
        error: Why it failed.
    """

    child: ChildKey
    live: Child | None
    manifest: Manifest | None = None
    wrote: bool = False
    applied: Child | None = None
    awaits_watch: bool = False
    drift: str = ""
    happenings: list[Happening] = field(default_factory=list)
    error: OperatorError | None = None


@dataclass(slots=True)
class Made:
    """What one pass over the children came to.

    Attributes:
        failures: What could not be done, in the order of the manifests.
        happenings: What people should know of, likewise.
        wrote: Whether anything was sent to the API server.
        awaits_watch: Whether some child was left for later, when the watch will have told of it.
        applied: The children that were applied, as they are by now: the watch will tell so later.
    """

    failures: list[OperatorError] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    wrote: bool = False
    awaits_watch: bool = False
    applied: dict[ChildKey, Child] = field(default_factory=dict, compare=False, repr=False)


async def take_turns(turns: Sequence[Turn], work: Callable[[Turn], Awaitable[None]]) -> None:
    """Have each turn taken: what others need first, what is to go last, and at most ``MOST_AT_ONCE`` at a time.

    A turn that fails keeps the error and no other turn from being taken, unless it ends the pass. Then no other begins,
    and those that have begun go on to their end: a write that is broken off may still have its effect later. So this is
    no TaskGroup, which would cancel them.

    Args:
        turns: all of the pass.
        work: takes one; may raise an OperatorError.
    """
    made = [[t for t in turns if t.manifest is not None and KIND_OF[t.child.kind] in stage] for stage in STAGES]
    removed = [turn for turn in turns if turn.manifest is None]
    for together in (*made, removed):
        await _take(together, work)
        if _end_of(together) is not None:
            return


def sum_up(turns: Sequence[Turn]) -> Made:
    """Return what the turns came to.

    Raises:
        GoneError, NotLeadingError, TerminatingError: What ended the pass.
    """
    if (end := _end_of(turns)) is not None:
        raise end
    return Made(
        failures=[turn.error for turn in turns if turn.error is not None],
        happenings=[happening for turn in turns for happening in turn.happenings],
        wrote=any(turn.wrote for turn in turns),
        awaits_watch=any(turn.awaits_watch for turn in turns),
        applied={turn.child: turn.applied for turn in turns if turn.applied is not None},
    )


async def _take(turns: Sequence[Turn], work: Callable[[Turn], Awaitable[None]]) -> None:
    waiting = iter(turns)

    async def serve() -> None:
        for turn in waiting:
            if _end_of(turns) is not None:
                return
            try:
                await work(turn)
            except OperatorError as error:
                turn.error = error if isinstance(error, END_OF_PASS) else _located(turn.child, error)

    bugs = await asyncio.gather(*(serve() for _ in turns[:MOST_AT_ONCE]), return_exceptions=True)
    for bug in filter(None, bugs):
        raise bug


def _end_of(turns: Sequence[Turn]) -> OperatorError | None:
    """Return what ended the pass, or None."""
    return next((turn.error for turn in turns if isinstance(turn.error, END_OF_PASS)), None)


def _located(child: ChildKey, error: OperatorError) -> OperatorError:
    """Put the child's name before an error's message, where a person reads first."""
    if not str(error).startswith(f"{child.kind} {child.name} "):
        error.args = (f"{child.kind} {child.name}: {error}",)
    return error
