"""A slot on its way from one primary to another, left alone after each exchange in turn."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from request_counter_operator.errors import RedisSilentError
from request_counter_operator.redis_admin.cluster import carrying
from request_counter_operator.redis_admin.cluster.carrying import Ends, carry
from request_counter_operator.redis_admin.connection import Asked, Command, Door, asking
from tests.support.eventually import eventually
from tests.support.operated_cluster import OperatedCluster

pytestmark = pytest.mark.long

KEYS = {f"{{default/hits/0}}:{number}": str(number) for number in range(250)}


class DiedError(Exception):
    """The operator is no more."""


class Life:
    """So many exchanges with servers, and then none."""

    def __init__(self, exchanges: int) -> None:
        self.left = exchanges

    def spend(self) -> None:
        """Take one exchange.

        Raises:
            DiedError: There is none left.
        """
        if self.left <= 0:
            raise DiedError
        self.left -= 1

    @asynccontextmanager
    async def asking(self, door: Door, *, is_text: bool = True) -> AsyncIterator[Asked]:
        """Ask as long as it lasts."""
        async with asking(door, is_text=is_text) as ask:
            yield _Mortal(ask, self)


class _Mortal(Asked):
    def __init__(self, ask: Asked, life: Life) -> None:
        self._ask, self._life = ask, life

    async def __call__(self, *command: str | int | bytes) -> Any:
        self._life.spend()
        return await self._ask(*command)

    async def all(self, commands: Sequence[Command]) -> list[Any]:
        self._life.spend()
        return await self._ask.all(commands)


async def test_a_slot_that_is_left_anywhere_on_its_way_keeps_all_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with OperatedCluster() as cluster:
        reading = await cluster.whole()
        cluster.latch()
        slot = int(cluster.ask(reading.primaries[0], "CLUSTER", "KEYSLOT", next(iter(KEYS))))
        owner = next(name for name in reading.primaries if slot in cluster.slots_of(name))
        other = next(name for name in reading.primaries if name != owner)
        for key, value in KEYS.items():
            cluster.ask(owner, "SET", key, value, "EX", 1000)
        doors = cluster.doors
        was_left_empty = is_over = False
        for exchanges in range(100):
            life = Life(exchanges)
            monkeypatch.setattr(carrying, "asking", life.asking)
            ends = Ends(doors[owner], doors[other], cluster.id_of(owner), cluster.id_of(other))
            try:
                assert await carry(slot, ends) == len(KEYS)
            except DiedError:
                monkeypatch.setattr(carrying, "asking", asking)
                was_left_empty |= slot in cluster.slots_of(owner) and not cluster.ask(owner, "DBSIZE")
            else:
                is_over = True
            await cluster.whole()
            # Wherever it was left, it went on or back, with all it had.
            (owner,) = [name for name in reading.primaries if slot in cluster.slots_of(name)]
            other = next(name for name in reading.primaries if name != owner)
            assert {key: cluster.ask(owner, "GET", key) for key in KEYS} == KEYS
            assert cluster.ask(owner, "TTL", next(iter(KEYS))) > 0
            assert {cluster.ask(name, "DBSIZE") for name in reading.primaries if name != owner} == {0}
            if is_over:
                break
        assert is_over
        assert was_left_empty  # the one moment at which the keys are only where they are going


async def test_a_slot_that_is_written_to_after_all_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with OperatedCluster() as cluster:
        reading = await cluster.whole()
        slot = int(cluster.ask(reading.primaries[0], "CLUSTER", "KEYSLOT", next(iter(KEYS))))
        owner = next(name for name in reading.primaries if slot in cluster.slots_of(name))
        other = next(name for name in reading.primaries if name != owner)
        key = next(iter(KEYS))
        cluster.ask(owner, "SET", key, 1)
        doors = cluster.doors
        ends = Ends(doors[owner], doors[other], cluster.id_of(owner), cluster.id_of(other))

        async def write_first(slot: int, keys: Sequence[bytes], source: Asked) -> None:
            cluster.ask(owner, "CLIENT", "UNPAUSE")
            cluster.ask(owner, "INCR", key)
            await drop(slot, keys, source)

        drop = carrying._drop
        monkeypatch.setattr(carrying, "_drop", write_first)
        with pytest.raises(RedisSilentError, match="was written to meanwhile"):
            await carry(slot, ends)
        assert cluster.ask(owner, "GET", key) == "2"
        replica = cluster.servers[f"{other[:-1]}1"]
        replica.pause()
        with pytest.raises(RedisSilentError, match="no replica has the copies"):
            await carry(slot, ends)
        replica.resume()
        assert cluster.ask(owner, "GET", key) == "2"
        await eventually(lambda: cluster.ask(other, "WAIT", 1, 100) == 1)
        monkeypatch.setattr(carrying, "_drop", drop)
        assert await carry(slot, ends) == 1
        assert cluster.ask(other, "GET", key) == "2"
