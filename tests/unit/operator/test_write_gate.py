"""The gate: closed at first, open for a time, and it knows what is under way when it closes."""

import asyncio

import pytest

from request_counter_operator.errors import NotLeadingError
from request_counter_operator.write_gate import WriteGate
from tests.support.clock import Clock


def refuses(gate: WriteGate) -> bool:
    with pytest.raises(NotLeadingError), gate.write():
        pass
    return not gate.is_open


def test_a_write_has_the_time_that_the_gate_is_open_for() -> None:
    clock = Clock(100.0)
    gate = WriteGate(clock)
    assert refuses(gate)
    gate.open_until(108)
    with gate.write() as left_s:
        assert (left_s, gate.is_open) == (8, True)
    clock.now_s = 107.5
    with gate.write() as left_s:
        assert left_s == 0.5
    clock.now_s = 108
    assert refuses(gate)


def test_a_closed_gate_can_be_opened_again() -> None:
    gate = WriteGate(Clock(100.0))
    gate.open_until(101)
    gate.close()
    assert refuses(gate)
    gate.open_until(101)
    assert gate.is_open


async def test_the_gate_is_quiet_when_the_last_write_has_ended_however_it_did() -> None:
    gate = WriteGate(Clock(100.0))
    gate.open_until(101)
    assert await gate.until_quiet(0)
    with gate.write():
        with pytest.raises(ZeroDivisionError), gate.write():
            raise ZeroDivisionError
        gate.close()
        assert not await gate.until_quiet(0.01)
        waiting = asyncio.create_task(gate.until_quiet(5))
        await asyncio.sleep(0)
    assert await waiting
