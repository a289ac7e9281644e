"""Renewing passwords: when it begins, when it goes on, and that nobody is refused whatever dies in between."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from request_counter_operator.api import AuthStatus, RequestCounter, Status, StoreStatus
from request_counter_operator.conditions import Observed
from request_counter_operator.redis_admin.reading import NOT_READ, Logins, StoreReading
from request_counter_operator.renewal import SETTLING, next_auth
from request_counter_operator.settings import Settings
from request_counter_operator.status import news, status
from tests.support.counters import EXTERNAL, counter

THEN, NOW = "2026-01-01T00:00:00Z", "2026-01-11T00:00:00Z"
STEADY = AuthStatus(generation=2, accepted=(2,), rotate="a", since=THEN)
BEGUN = AuthStatus(generation=2, accepted=(2, 3), rotate="b", since=THEN)
SWITCHED = AuthStatus(generation=3, accepted=(2, 3), rotate="b", since=THEN)
DONE = AuthStatus(generation=3, accepted=(3,), rotate="b", since=THEN)


def resource(auth: AuthStatus | None, wanted: dict[str, Any] | None = None, **spec: Any) -> RequestCounter:
    """Return a RequestCounter that wants its passwords renewed in this way, and has come so far."""
    made = counter({"store": {"redis": {"auth": wanted or {"rotate": "b"}}}, **spec})
    status = made.status.model_validate({"store": {"auth": auth}})
    return made.model_copy(update={"status": status})


def test_the_first_look_writes_down_what_is_and_renews_nothing() -> None:
    first = AuthStatus(generation=0, accepted=(0,), rotate="b", since=NOW)
    assert next_auth(resource(None), Logins(), NOW) == first
    assert next_auth(resource(first), Logins((0,)), NOW) == first


def test_somebody_elses_redis_has_no_passwords_of_ours() -> None:
    assert next_auth(counter(EXTERNAL), Logins(), NOW) is None


@pytest.mark.parametrize(
    ("wanted", "begins"),
    [
        ({"rotate": "a"}, False),
        ({"rotate": "b"}, True),
        ({}, True),
        ({"rotate": "a", "rotateAfterDays": 10}, True),
        ({"rotate": "a", "rotateAfterDays": 11}, False),
    ],
)
def test_it_begins_with_another_text_and_at_the_age(wanted: dict[str, Any], begins: bool) -> None:
    expected = AuthStatus(generation=2, accepted=(2, 3), rotate=wanted.get("rotate", ""), since=THEN)
    found = next_auth(resource(STEADY, {"rotate": "", **wanted}), Logins((2,)), NOW)
    assert found == (expected if begins else STEADY)


def test_nothing_goes_on_while_the_operator_keeps_its_hands_off() -> None:
    for auth in (STEADY, BEGUN, SWITCHED):
        assert next_auth(resource(auth, suspend="Reconcile"), Logins((2, 3)), NOW) == auth


@pytest.mark.parametrize("logins", [NOT_READ.logins, Logins((2,), (2,))])
def test_nobody_goes_over_to_what_is_not_proved_everywhere(logins: Logins) -> None:
    assert next_auth(resource(BEGUN), logins, NOW) == BEGUN


def test_everybody_goes_over_once_it_is_proved() -> None:
    expected = SWITCHED.model_copy(update={"since": NOW})
    assert next_auth(resource(BEGUN), Logins((2, 3), (2,)), NOW) == expected


@pytest.mark.parametrize(
    ("logins", "age", "expected"),
    [
        (Logins((2, 3), (3,)), SETTLING, DONE),
        (Logins((2, 3)), SETTLING, DONE),
        (Logins((3,), (3,)), SETTLING, DONE),
        (Logins((2, 3), (2, 3)), SETTLING, SWITCHED),
        (Logins((2, 3), (3,)), SETTLING - timedelta(seconds=1), SWITCHED),
        (Logins((2,), ()), SETTLING, SWITCHED),
        (Logins(), SETTLING, SWITCHED),
    ],
)
def test_the_old_ones_are_refused_when_surely_nobody_uses_them(
    logins: Logins, age: timedelta, expected: AuthStatus
) -> None:
    now = (datetime.fromisoformat(THEN) + age).isoformat()
    assert next_auth(resource(SWITCHED), logins, now) == expected


def test_passwords_that_are_renewed_are_told_when_it_begins_and_when_it_is_done() -> None:
    steps = [AuthStatus(since=THEN)]
    steps.append(steps[0].model_copy(update={"accepted": (0, 1)}))
    steps.append(steps[1].model_copy(update={"generation": 1}))
    steps.append(steps[2].model_copy(update={"accepted": (1,)}))
    written = [Status.model_validate({"store": {"auth": step}}) for step in steps]
    told = [[h.reason for h in news(*pair)] for pair in pairwise(written)]
    assert told == [["PasswordsRenewing"], [], ["PasswordsRenewed"]]


def test_what_is_proved_of_passwords_is_written_down() -> None:
    wanted = counter({"store": {"redis": {"auth": {"rotate": "x"}}}})
    reading = StoreReading(primary="hits-redis-0", version="8.0.0", is_whole=True, logins=Logins((0, 1)))
    before = status(counter(), Settings(), Observed(), THEN)
    begun = status(wanted.model_copy(update={"status": before}), Settings(), Observed(), THEN)
    after = status(wanted.model_copy(update={"status": begun}), Settings(), Observed(store=reading), NOW)
    assert (before.store, begun.store, after.store) == tuple(
        StoreStatus(mode="Standalone", durability="Persisted", primary="hits-redis-0", version=version, auth=auth)
        for version, auth in [
            (None, AuthStatus(since=THEN)),
            (None, AuthStatus(accepted=(0, 1), rotate="x", since=THEN)),
            ("8.0.0", AuthStatus(generation=1, accepted=(0, 1), rotate="x", since=NOW)),
        ]
    )


class Renewals(RuleBasedStateMachine):
    """Servers, clients and an operator that may die between any two of its steps; only the status lives on."""

    def __init__(self) -> None:
        super().__init__()
        self.time_s = 0
        self.rotate = ""
        self.auth = AuthStatus(since=self.now)
        self.logins = Logins()
        self.users: list[set[int]] = []
        self.clients: list[int] = []
        self.behind_s: list[int] = []
        self.connected: list[bool] = []

    @property
    def now(self) -> str:
        """The time of day."""
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.time_s)).isoformat()

    @initialize(servers=st.integers(1, 3), clients=st.integers(1, 3))
    def begin(self, servers: int, clients: int) -> None:
        """Have servers with the first users, and clients that are those."""
        self.users = [{0} for _ in range(servers)]
        self.clients, self.behind_s, self.connected = [0] * clients, [0] * clients, [True] * clients

    @rule()
    def want_renewal(self) -> None:
        """Somebody writes another text."""
        self.rotate += "!"

    @rule()
    def reconcile(self) -> None:
        """Write what follows into the status."""
        after = next_auth(resource(self.auth, {"rotate": self.rotate}), self.logins, self.now)
        assert after is not None
        assert after.generation >= self.auth.generation
        self.auth = after

    @rule(reached=st.sampled_from([3, 3, 3, 1]), dies=st.sampled_from([False, False, False, True]))
    def operate(self, reached: int, *, dies: bool) -> None:
        """Put some or all of the servers right, and go on from that; or die, so that the next one knows nothing of it.

        Only who reached all of them has proved anything.
        """
        for users in self.users[:reached]:
            users |= set(self.auth.accepted)
            users -= set(range(min(self.auth.accepted)))
        in_use = {client for client, is_seen in zip(self.clients, self.connected, strict=True) if is_seen}
        is_proved = reached >= len(self.users) and not dies
        self.logins = Logins(self.auth.accepted, tuple(sorted(in_use))) if is_proved else Logins()
        self.reconcile()

    @rule(number=st.integers(0, 2))
    def server_restarts(self, number: int) -> None:
        """A server reads its users from the Secret."""
        self.users[number % len(self.users)] = set(self.auth.accepted)

    @rule(number=st.integers(0, 2), is_connected=st.booleans())
    def client_comes_or_goes(self, number: int, *, is_connected: bool) -> None:
        """A client connects as whom its files name, which may be two minutes behind the Secret; or it is gone."""
        self.connected[number % len(self.clients)] = is_connected
        self.wait(0)

    @rule(seconds=st.integers(0, 120))
    def wait(self, seconds: int) -> None:
        """Time goes by. Who is connected stays who he is, for as long as that takes."""
        self.time_s += seconds
        for one, client in enumerate(self.clients):
            self.behind_s[one] += seconds
            is_told = not self.connected[one] and self.behind_s[one] > 120
            if is_told or client == self.auth.generation:
                self.clients[one], self.behind_s[one] = self.auth.generation, 0

    @invariant()
    def nobody_is_refused(self) -> None:
        """Whatever the Secret or a client names, every server lets it in."""
        for users in self.users:
            assert {self.auth.generation, *self.clients} <= users
        assert self.auth.generation in self.auth.accepted


Renewals.TestCase.settings = hypothesis_settings(max_examples=100, stateful_step_count=40, deadline=None)
test_nobody_is_refused_whatever_happens_in_between = Renewals.TestCase
