"""How the fast lane makes clients wait, and for how long it waits for them."""

import asyncio
import json
import socket

import pytest

from counter_service.grouping import GroupLimits
from tests.support.eventually import eventually
from tests.support.fronts import FrontSettings, front
from tests.support.lanes import POST, PUT, count_of, is_closed, lanes_of, the_lane, waiting_in
from tests.support.raw_http import connected, exchange, read_answer


async def test_deep_pipeline_is_read_no_further_than_its_limit_and_then_on() -> None:
    async with front("lane", FrontSettings(max_pipelined=4)) as served, connected(served.port) as (reader, writer):
        served.store.open.clear()
        writer.write(PUT * 20)
        await eventually(lambda: waiting_in(served) == 4)
        (lane,) = lanes_of(served)
        assert not lane._transport.is_reading()
        served.store.open.set()
        assert [await count_of(reader) for _ in range(20)] == list(range(1, 21))
        assert lane._transport.is_reading()
        assert max(sum(batch.increments.values()) for batch in served.store.attempts) <= 4


async def test_pipeline_is_read_on_when_half_of_it_is_answered() -> None:
    async with front("lane", FrontSettings(max_pipelined=4)) as served, connected(served.port) as (reader, writer):
        served.store.open.clear()
        writer.write(PUT)
        await eventually(lambda: served.store.attempts)
        writer.write(PUT * 5)
        await eventually(lambda: waiting_in(served) == 4)
        served.store.open.set()
        assert [await count_of(reader) for _ in range(6)] == list(range(1, 7))
    # 1 alone; 3 more were taken and answered together, and only then there was half of the room.
    assert [sum(batch.increments.values()) for batch in served.store.attempts] == [1, 3, 2]


async def test_full_queue_stops_reading_and_its_room_starts_it_again() -> None:
    small = FrontSettings(group=GroupLimits(max_waiting_requests=2))
    async with front("lane", small) as served, connected(served.port) as (reader, writer):
        served.store.open.clear()
        writer.write(PUT * 5)
        await eventually(lambda: waiting_in(served) == 2)
        (lane,) = lanes_of(served)
        assert not lane._transport.is_reading()
        assert len(lane._slots) == 2
        served.store.open.set()
        assert [await count_of(reader) for _ in range(5)] == [1, 2, 3, 4, 5]
        assert lane._transport.is_reading()


async def test_request_that_finds_no_room_in_time_is_refused() -> None:
    small = FrontSettings(group=GroupLimits(max_waiting_requests=1, request_timeout_s=3.0))
    async with front("lane", small) as served:
        served.store.open.clear()
        async with connected(served.port) as (_, first), connected(served.port) as (reader, second):
            first.write(PUT)
            await eventually(lambda: waiting_in(served) == 1)
            second.write(PUT)
            await eventually(lambda: served.counters.increments._when_room)
            # The queue keeps its first for ever: nothing but the clock can end the wait.
            refused = next(lane for lane in lanes_of(served) if not lane._slots)
            refused.check_time(refused._waiting_since_s + 2.9)
            assert not refused._transport.is_closing()
            refused.check_time(refused._waiting_since_s + 3.1)
            # Room comes at the very moment when it is too late.
            served.counters.increments.has_room = True
            served.counters.increments._when_room.popleft()()
            answer = await read_answer(reader)
            assert (answer.status, answer.fields["connection"]) == (503, "close")
            assert json.loads(answer.body)["detail"] == "Too many requests are waiting for the store."
            assert await is_closed(reader)
            served.store.open.set()
            await eventually(lambda: waiting_in(served) == 0)
        assert await served.store.total() == 1


async def test_client_that_takes_no_answers_is_not_read_and_then_cut() -> None:
    async with front("lane") as served:
        receiver = socket.socket()
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        receiver.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        loop = asyncio.get_running_loop()
        await loop.sock_connect(receiver, ("127.0.0.1", served.port))
        lane = await the_lane(served)
        lane._transport.set_write_buffer_limits(high=1024)
        lane._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

        async def flood() -> None:
            while True:
                await loop.sock_sendall(receiver, PUT * 50)

        flooding = asyncio.create_task(flood())
        await eventually(lambda: not lane._transport.is_reading())
        counted = await served.store.total()
        await eventually(lambda: not lane._slots)
        assert await served.store.total() - counted <= 64
        lane.check_time(lane._waiting_since_s + 74.9)
        assert not lane._transport.is_closing()
        lane.check_time(lane._waiting_since_s + 75.1)
        await eventually(lambda: not lanes_of(served))
        flooding.cancel()
        await asyncio.wait([flooding])
        receiver.close()


async def test_client_that_takes_its_answers_late_gets_all_of_them() -> None:
    async with front("lane") as served, connected(served.port) as (reader, writer):
        lane = await the_lane(served)
        writer.write(PUT)
        assert await count_of(reader) == 1
        lane.pause_writing()
        assert not lane._transport.is_reading()
        writer.write(PUT * 3)
        lane.resume_writing()
        assert [await count_of(reader) for _ in range(3)] == [2, 3, 4]


async def test_half_a_head_is_refused_when_its_time_is_over() -> None:
    async with front("lane", FrontSettings(head_timeout_s=0.2)) as served, connected(served.port) as (reader, writer):
        writer.write(PUT[:20])
        answer = await read_answer(reader)
        assert (answer.status, answer.fields["connection"]) == (408, "close")
        assert await is_closed(reader)
        assert 'counter_requests_total{code="408",method="other"} 1.0' in served.metrics.render().decode()


async def test_head_that_trickles_has_no_more_time_than_one_that_stalls() -> None:
    async with front("lane", FrontSettings(head_timeout_s=10)) as served, connected(served.port) as (reader, writer):
        writer.write(PUT)
        assert await count_of(reader) == 1
        (lane,) = lanes_of(served)
        writer.write(PUT[:10])
        await eventually(lambda: lane._rest == PUT[:10])
        began_s = lane._waiting_since_s
        writer.write(PUT[10:20])
        await eventually(lambda: lane._rest == PUT[:20])
        lane.check_time(began_s + 9.9)
        assert not lane._transport.is_closing()
        lane.check_time(began_s + 10.1)
        assert (await read_answer(reader)).status == 408


async def test_idle_connection_is_closed_without_a_word() -> None:
    async with (
        front("lane", FrontSettings(keepalive_timeout_s=0.2)) as served,
        connected(served.port) as (reader, writer),
    ):
        assert await is_closed(reader)
    async with (
        front("lane", FrontSettings(keepalive_timeout_s=30)) as served,
        connected(served.port) as (reader, writer),
    ):
        writer.write(PUT)
        await count_of(reader)
        (lane,) = lanes_of(served)
        lane.check_time(lane._waiting_since_s + 29)
        writer.write(PUT)
        assert await count_of(reader) == 2


async def test_every_wait_for_the_client_begins_anew() -> None:
    async with front("lane") as served, connected(served.port) as (reader, writer):
        lane = await the_lane(served)
        since_s = lane._waiting_since_s
        writer.write(PUT)
        assert await count_of(reader) == 1
        assert lane._waiting_since_s > since_s
        since_s = lane._waiting_since_s
        lane.pause_writing()
        assert lane._waiting_since_s > since_s
        since_s = lane._waiting_since_s
        lane.resume_writing()
        assert lane._waiting_since_s > since_s


async def test_request_under_way_is_no_idleness() -> None:
    async with front("lane", FrontSettings(keepalive_timeout_s=0.1, head_timeout_s=0.1)) as served:
        served.store.open.clear()
        async with connected(served.port) as (reader, writer):
            writer.write(PUT + POST)
            await eventually(lambda: served.store.attempts)
            (lane,) = lanes_of(served)
            lane.check_time(lane._waiting_since_s + 60)
            served.store.open.set()
            assert [(await read_answer(reader)).status for _ in range(2)] == [200, 405]


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"PUT /a HTTP/1.1\r\nHost: x\nX: y", 400), (b"PUT /a HTTP/1.1\r\nX: " + b"y" * 40_000, 431)],
)
async def test_head_that_cannot_end_well_is_refused_before_it_ends(sent: bytes, status: int) -> None:
    async with front("lane") as served:
        first, refusal = await exchange(served.port, [PUT + sent])
        assert (first.status, refusal.status, refusal.fields["connection"]) == (200, status, "close")
