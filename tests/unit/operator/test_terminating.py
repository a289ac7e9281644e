"""A namespace that is being deleted is left alone, and one that is made anew under its name is not."""

from request_counter_operator.terminating import REST_S, TerminatingNamespaces
from tests.support.clock import Clock


def test_who_was_there_is_left_alone_until_the_time_is_up() -> None:
    clock = Clock()
    namespaces = TerminatingNamespaces(clock)
    assert namespaces.rest_s("team", "old") == 0
    namespaces.note("team", ["old", "older"])
    assert (namespaces.rest_s("team", "old"), namespaces.rest_s("team", "older")) == (REST_S, REST_S)
    clock.now_s += REST_S - 1
    assert namespaces.rest_s("team", "old") == 1
    clock.now_s += 1
    assert namespaces.rest_s("team", "old") == 0


def test_who_comes_later_and_who_is_elsewhere_may_be_tried() -> None:
    namespaces = TerminatingNamespaces(Clock())
    namespaces.note("team", ["old"])
    assert (namespaces.rest_s("team", "new"), namespaces.rest_s("other", "old")) == (0, 0)


def test_the_next_refusal_begins_a_new_rest_and_what_is_over_is_forgotten() -> None:
    clock = Clock()
    namespaces = TerminatingNamespaces(clock)
    namespaces.note("team", ["old"])
    namespaces.note("gone", ["x"])
    clock.now_s += REST_S
    namespaces.note("team", ["old", "new"])
    assert (namespaces.rest_s("team", "old"), namespaces.rest_s("team", "new")) == (REST_S, REST_S)
    assert list(namespaces._resting) == ["team"]
