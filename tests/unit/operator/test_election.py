"""Who writes: one candidate at a time, whatever happens to requests, clocks and processes.

The Lease is kept by a double that does what the API server does with it: versions, conflicts, and no answer at all.
"""

import asyncio
import copy
from typing import Any

import pytest

from request_counter_operator.election import LEASE_S, RENEW_S, WRITE_S, Election
from request_counter_operator.errors import ApiError, ConflictError, NotFoundError
from request_counter_operator.write_gate import WriteGate


class Leases:
    """Keeps one Lease, with optimistic concurrency; can be cut off from a candidate, before or after it acts."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.loses_requests = False
        self.loses_answers = False

    async def get(self, _kind: Any, _namespace: str, _name: str) -> Any:
        """Return the Lease."""
        self._cut(self.loses_requests)
        if self.lease is None:
            raise NotFoundError("no lease", status=404)
        return copy.deepcopy(self.lease)

    async def write_lease(self, _namespace: str, lease: dict[str, Any], *, timeout_s: float) -> Any:
        """Write the Lease if it is based on the latest."""
        assert timeout_s > 0
        self._cut(self.loses_requests)
        based_on = lease["metadata"].get("resourceVersion")
        if based_on != (None if self.lease is None else str(self.version)):
            raise ConflictError("changed", status=409)
        self.version += 1
        self.lease = copy.deepcopy(lease)
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        self._cut(self.loses_answers)
        return copy.deepcopy(self.lease)

    def _cut(self, is_cut: bool) -> None:
        if is_cut:
            raise ApiError("timed out")


class World:
    """A Lease, a clock, and candidates that look at both when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.leases = Leases()
        self.elected: list[str] = []

    def candidate(self, name: str, leases: Leases | None = None) -> Election:
        """Return a candidate; it may see the Lease in a way of its own."""

        async def elected() -> None:
            self.elected.append(name)

        return Election(
            leases or self.leases,  # type: ignore[arg-type]
            WriteGate(lambda: self.now_s),
            namespace="system",
            identity=name,
            clock=lambda: self.now_s,
            on_elected=elected,
        )

    @property
    def holder(self) -> str:
        """Who holds the Lease."""
        assert self.leases.lease is not None
        return str(self.leases.lease["spec"]["holderIdentity"])


async def test_the_first_leads_and_the_second_stands_by_for_as_long_as_the_first_renews() -> None:
    world = World()
    first, second = world.candidate("first"), world.candidate("second")
    for _ in range(30):
        await first._renew()
        await second._renew()
        assert (first.is_leading, second.is_leading, world.holder) == (True, False, "first")
        world.now_s += RENEW_S
    assert world.elected == ["first"]


async def test_two_that_try_at_once_never_both_lead() -> None:
    world = World()
    candidates = [world.candidate(name) for name in ("first", "second", "third")]
    for candidate in candidates:
        await candidate._look()
    await asyncio.gather(*(candidate._renew() for candidate in candidates))
    assert [candidate.is_leading for candidate in candidates].count(True) == 1


async def test_a_dead_leader_is_followed_when_its_lease_has_run_out_and_not_before() -> None:
    world = World()
    first, second = world.candidate("first"), world.candidate("second")
    await first._renew()
    await second._renew()
    world.now_s += LEASE_S
    await second._renew()
    assert not second.is_leading
    world.now_s += 0.1
    await second._renew()
    assert (second.is_leading, world.holder, first.is_leading) == (True, "second", False)
    assert world.elected == ["first", "second"]


async def test_a_leader_that_is_cut_off_stops_writing_before_another_can_begin() -> None:
    world = World()
    first, second = world.candidate("first"), world.candidate("second")
    await first._renew()
    await second._renew()
    world.leases.loses_requests = True
    world.now_s += WRITE_S
    with pytest.raises(ApiError):
        await first._renew()
    assert not first.is_leading
    world.leases.loses_requests = False
    await second._renew()
    assert not second.is_leading, "some seconds lie between the last write of one and the first of the other"


async def test_a_renewal_whose_answer_is_lost_gives_no_time_and_is_found_out() -> None:
    world = World()
    first = world.candidate("first")
    await first._renew()
    world.now_s += 5
    world.leases.loses_answers = True
    with pytest.raises(ApiError):
        await first._renew()
    world.leases.loses_answers = False
    world.now_s += WRITE_S - 5
    assert not first.is_leading, "what was not confirmed does not count"
    await first._renew()  # conflicts with its own write
    await first._renew()
    assert (first.is_leading, world.holder) == (True, "first")
    assert world.elected == ["first", "first"]


async def test_the_time_to_write_begins_before_the_renewal_was_asked_for() -> None:
    world = World()

    class Slow(Leases):
        async def write_lease(self, _namespace: str, lease: dict[str, Any], *, timeout_s: float) -> Any:
            answer = await super().write_lease(_namespace, lease, timeout_s=timeout_s)
            world.now_s += 6
            return answer

    first = world.candidate("first", Slow())
    await first._renew()
    world.now_s += WRITE_S - 6
    assert not first.is_leading


async def test_a_released_lease_is_taken_at_once() -> None:
    world = World()
    first, second = world.candidate("first"), world.candidate("second")
    await first._renew()
    await second._renew()
    await first.release()
    assert (first.is_leading, world.holder) == (False, "")
    await second._renew()
    assert (second.is_leading, world.holder) == (True, "second")


async def test_only_the_holder_releases() -> None:
    world = World()
    first, second = world.candidate("first"), world.candidate("second")
    await first._renew()
    await second._renew()
    await second.release()
    assert (first.is_leading, world.holder) == (True, "first")


async def test_a_restarted_leader_of_the_same_name_goes_on() -> None:
    world = World()
    await world.candidate("first")._renew()
    again = world.candidate("first")
    await again._renew()
    assert (again.is_leading, world.elected) == (True, ["first", "first"])


async def test_a_lease_that_was_given_to_another_ends_our_writing_at_once() -> None:
    world = World()
    first = world.candidate("first")
    await first._renew()
    assert world.leases.lease is not None
    world.leases.lease["spec"]["holderIdentity"] = "somebody"
    world.leases.version += 1
    world.leases.lease["metadata"]["resourceVersion"] = str(world.leases.version)
    await first._renew()
    await first._renew()
    assert not first.is_leading


async def test_what_follows_an_election_is_tried_again_when_it_fails() -> None:
    world = World()
    tries: list[int] = []

    async def elected() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ApiError("no seed yet")

    first = world.candidate("first")
    first._on_elected = elected
    with pytest.raises(ApiError):
        await first._renew()
    await first._renew()
    await first._renew()
    assert len(tries) == 2


async def test_transitions_and_times_are_told_to_people() -> None:
    world = World()
    first, second = world.candidate("first"), world.candidate("second")
    await first._renew()
    await first._renew()
    await first.release()
    await second._renew()
    assert world.leases.lease is not None
    spec = world.leases.lease["spec"]
    assert (spec["leaseTransitions"], spec["leaseDurationSeconds"]) == (3, LEASE_S)
    assert spec["acquireTime"].endswith("Z")
    assert spec["renewTime"] >= spec["acquireTime"]
