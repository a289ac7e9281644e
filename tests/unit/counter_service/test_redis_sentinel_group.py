"""What sentinels say of a primary, and whether that is enough to rely on what it has just acknowledged."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from counter_service.store.redis_sentinel_group import View, settled

OLD, NEXT = ("10.0.0.1", 6379), ("10.0.0.2", 6379)


def told(flags: str = "master", *, named: tuple[str, int] = OLD, known: tuple[str, int] = OLD) -> View:
    fields = {"ip": known[0], "port": str(known[1]), "flags": flags}
    return View.of(named, fields | {"last-ok-ping-reply": "350", "down-after-milliseconds": "4000"})


def test_a_view_is_what_the_sentinel_says() -> None:
    assert told() == View(OLD, is_well=True, is_replacing=False, silence_s=0.35, patience_s=4.0)
    assert not told("s_down,master").is_well
    assert told("s_down,o_down,master,failover_in_progress").is_replacing


def test_who_leads_a_failover_names_the_next_primary_as_soon_as_that_is_one() -> None:
    view = told("master,failover_in_progress", named=NEXT)
    assert (view.primary, view.is_well, view.is_replacing) == (NEXT, True, False)


def test_it_is_settled_when_most_hear_the_primary() -> None:
    views = [told(), told("s_down,master"), told()]
    assert settled(views, 3) == (OLD, [views[0], views[2]])


@pytest.mark.parametrize(
    ("views", "why"),
    [
        ([told(), told(), told("master,failover_in_progress")], "take over"),
        ([told(), told(), told(named=NEXT, known=NEXT)], "take over"),
        ([told(), told("s_down,master"), told("s_down,master")], "1 of 3"),
        ([told()], "1 of 3"),
    ],
)
def test_it_is_not_settled_while_anybody_has_another_in_mind_or_too_few_hear_it(views: list[View], why: str) -> None:
    with pytest.raises(RedisConnectionError, match=why):
        settled(views, 3)
