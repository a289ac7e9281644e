"""What may happen at each of a transfer's exchanges in turn: it is killed, or the target is counted on."""

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import pytest

from counter_service.errors import CounterServiceError
from counter_service.store.redis_address import parse_address
from counter_service.store.redis_lines import Lines
from counter_service.store.redis_topology import topology_of
from counter_service.transfer.copying import Progress, transfer
from counter_service.transfer.marks import Part
from counter_service.transfer.source import SourceCounter
from counter_service.transfer.target import TargetCounter
from tests.support.redis_server import RedisServer
from tests.support.transfers import NAME, Books, Servers, books_of, check_shards, count, everything_in

pytestmark = pytest.mark.long

COUNTS = {f"/{number}": number + 1 for number in range(12)}
BOOKS = Books(COUNTS, sum(COUNTS.values()))
SEND = Lines.send


class Killed(BaseException):
    """The end of the process."""


async def run(source: Servers, target: Servers) -> Part:
    origin = SourceCounter(topology_of(parse_address(source.url), NAME), NAME, 10.0, 5)
    goal = TargetCounter(topology_of(parse_address(target.url), NAME), NAME, 10.0, "7")
    async with aclosing(origin), aclosing(goal):
        return await transfer(origin, goal, "7", merge=False, progress=Progress())


def kill_at(monkeypatch: pytest.MonkeyPatch, number: int, *, sends: bool) -> None:
    """Have the exchange of this number, 0 and up, be the last thing that happens."""
    exchanges = iter(range(1_000_000))

    async def send(lines: Lines, commands: Mapping[int, Any]) -> Mapping[int, Any]:
        is_last = next(exchanges) == number
        try:
            return await SEND(lines, commands) if sends or not is_last else {}
        finally:
            if is_last:
                raise Killed

    monkeypatch.setattr(Lines, "send", send)


def count_at(monkeypatch: pytest.MonkeyPatch, number: int, server: RedisServer) -> None:
    """Have a path of the server counted just before the exchange of this number."""
    exchanges = iter(range(1_000_000))

    async def send(lines: Lines, commands: Mapping[int, Any]) -> Mapping[int, Any]:
        if next(exchanges) == number:
            with server.client() as client:
                client.hincrby("{test/0}:counts", "/foreign")
                client.incr("{test/0}:total")
        return await SEND(lines, commands)

    monkeypatch.setattr(Lines, "send", send)


@pytest.mark.parametrize("sends", [False, True])
@pytest.mark.parametrize("target", ["other_redis", "cluster_servers"])
async def test_repeat_is_exact_wherever_the_first_attempt_ended(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, redis_server: RedisServer, target: str, sends: bool
) -> None:
    new: Servers = request.getfixturevalue(target)
    await count(redis_server.url, COUNTS)
    number, was_killed = 0, True
    deaths: set[str] = set()
    while was_killed:
        kill_at(monkeypatch, number, sends=sends)
        try:
            await run(redis_server, new)
            was_killed = False
        except Killed:
            deaths.add(state_of(new))
        monkeypatch.undo()
        assert await run(redis_server, new) == Part(len(COUNTS), BOOKS.total)
        assert await books_of(new.url) == BOOKS
        check_shards(new)
        assert state_of(new) == "completed"
        new.flush()
        number += 1
    assert number > 10
    half_completed = {"begun completed"} if target == "cluster_servers" else set()
    assert deaths == {"untouched", "begun", *half_completed, *(["completed"] if sends else [])}


async def test_target_is_counted_on_at_no_moment_unnoticed(
    monkeypatch: pytest.MonkeyPatch, redis_server: RedisServer, other_redis: RedisServer
) -> None:
    await count(redis_server.url, COUNTS)
    number, was_noticed = 0, True
    while was_noticed:
        count_at(monkeypatch, number, other_redis)
        try:
            await run(redis_server, other_redis)
            was_noticed = False
        except CounterServiceError:
            assert everything_in(other_redis)["{test/0}:counts"]["/foreign"] == "1"
            assert "completed" not in state_of(other_redis)
        monkeypatch.undo()
        held = everything_in(other_redis)["{test/0}:counts"]
        other_redis.flush()
        number += 1
    assert number > 10
    assert held == {path: str(amount) for path, amount in COUNTS.items()}


def state_of(servers: Servers) -> str:
    """Return the states in all marks there are."""
    marks = [str(value) for key, value in everything_in(servers).items() if key.endswith(":transfer")]
    states = {state for state in ("begun", "completed") if any(f'"{state}"' in mark for mark in marks)}
    return " ".join(sorted(states)) or "untouched"
