"""Fights: a child that is changed as often as it is put right is left alone for a while, each time for longer."""

from request_counter_operator.drift import FIRST_TRUCE_S, LONGEST_TRUCE_S, MOST_CORRECTIONS, WINDOW_S, Corrections
from tests.support.clock import Clock


def corrected(times: int, *, every_s: float, clock: Clock, corrections: Corrections) -> None:
    for _ in range(times):
        corrections.note("it was changed")
        clock.now_s += every_s


def test_corrections_now_and_then_are_no_fight() -> None:
    clock = Clock()
    corrections = Corrections(clock)
    corrected(50, every_s=WINDOW_S / MOST_CORRECTIONS + 0.1, clock=clock, corrections=corrections)
    assert (corrections.truce_s, corrections.is_fight) == (0, False)


def test_one_too_many_is_a_fight_and_a_truce() -> None:
    clock = Clock()
    corrections = Corrections(clock)
    corrected(MOST_CORRECTIONS, every_s=0, clock=clock, corrections=corrections)
    assert (corrections.truce_s, corrections.is_fight) == (0, False)
    corrections.note("it was changed")
    assert (corrections.truce_s, corrections.is_fight) == (FIRST_TRUCE_S, True)
    clock.now_s += FIRST_TRUCE_S
    assert (corrections.truce_s, corrections.is_fight, corrections.latest) == (0, True, "it was changed")


def test_each_truce_is_longer_up_to_a_bound() -> None:
    clock = Clock()
    corrections = Corrections(clock)
    corrected(MOST_CORRECTIONS + 1, every_s=0, clock=clock, corrections=corrections)
    truces = []
    for _ in range(8):
        truces.append(corrections.truce_s)
        clock.now_s += corrections.truce_s
        corrections.note("it was changed")
    assert truces == [min(LONGEST_TRUCE_S, FIRST_TRUCE_S * 2**number) for number in range(8)]


def test_a_quiet_minute_ends_the_fight() -> None:
    clock = Clock()
    corrections = Corrections(clock)
    corrected(MOST_CORRECTIONS + 1, every_s=0, clock=clock, corrections=corrections)
    clock.now_s += FIRST_TRUCE_S + WINDOW_S
    assert not corrections.is_fight
    corrections.note("it was changed")
    assert (corrections.truce_s, corrections.is_fight) == (0, False)
