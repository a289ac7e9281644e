"""What the fast lane does beyond answering one request: order, hand-over, its clients' ends and its own."""

import asyncio
import socket
import struct

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from tests.support.eventually import eventually
from tests.support.fronts import front
from tests.support.lanes import GET, POST, PUT, count_of, is_closed, lanes_of, the_lane, waiting_in
from tests.support.raw_http import connected, read_answer


async def test_answers_leave_in_the_order_of_requests_whatever_the_store_answers_first() -> None:
    # The path that is refused is answered when the others are, but those of a full queue at once.
    async with front("lane") as served, connected(served.port) as (reader, writer):
        served.store.open.clear()
        writer.write(PUT)
        await eventually(lambda: served.store.attempts)
        served.counters.increments._closing = True
        writer.write(PUT)
        await eventually(lambda: len(next(iter(lanes_of(served)))._slots) == 2)
        served.counters.increments._closing = False
        writer.write(PUT)
        await eventually(lambda: waiting_in(served) == 2)
        served.store.open.set()
        assert [(await read_answer(reader)).status for _ in range(3)] == [200, 503, 200]


async def test_read_sees_the_increments_before_it_and_none_behind() -> None:
    answers = await _counts(GET + PUT + PUT + GET + PUT + GET + GET)
    assert answers == [0, 1, 2, 2, 3, 3, 3]


async def _counts(requests: bytes) -> list[int]:
    async with front("lane") as served, connected(served.port) as (reader, writer):
        writer.write(requests)
        return [await count_of(reader) for _ in range(requests.count(b"\r\n\r\n"))]


@pytest.mark.parametrize("rest", [b"", PUT[:-1]])
async def test_client_that_ends_its_side_still_gets_its_answers(rest: bytes) -> None:
    async with front("lane") as served, connected(served.port) as (reader, writer):
        served.store.open.clear()
        writer.write(PUT * 2 + rest)
        writer.write_eof()
        await eventually(lambda: waiting_in(served) == 2)
        served.store.open.set()
        assert [await count_of(reader) for _ in range(2)] == [1, 2]
        assert await is_closed(reader)
        assert not lanes_of(served)


async def test_client_that_ends_its_side_and_asked_for_nothing_is_let_go() -> None:
    async with front("lane") as served, connected(served.port) as (reader, writer):
        await eventually(lambda: lanes_of(served))
        writer.write_eof()
        assert await is_closed(reader)
        await eventually(lambda: not lanes_of(served))


async def test_client_that_is_gone_is_counted_nevertheless(caplog: pytest.LogCaptureFixture) -> None:
    async with front("lane") as served:
        served.store.open.clear()
        async with connected(served.port) as (_, writer):
            writer.write(PUT * 9 + PUT[:9])
            await eventually(lambda: waiting_in(served) == 9)
            (lane,) = lanes_of(served)
            _reset(writer)
            await eventually(lambda: not lanes_of(served))
        served.store.open.set()
        await eventually(lambda: waiting_in(served) == 0)
        assert await served.store.total() == 9
        assert lane._rest == b""
    assert caplog.records == []  # asyncio warns of what is written to a lost connection


def _reset(writer: asyncio.StreamWriter) -> None:
    """End the connection for both directions: the end of one side alone would mean that it waits for answers."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def test_connection_that_is_gone_is_not_handed_over() -> None:
    handed_over = []
    async with front("lane") as served, connected(served.port) as (_, writer):
        next_protocol = served.context.next_protocol

        def noted() -> web.RequestHandler:
            handed_over.append(True)
            return next_protocol()

        served.context.next_protocol = noted
        served.store.open.clear()
        writer.write(PUT + POST)
        await eventually(lambda: waiting_in(served) == 1)
        client = writer.get_extra_info("socket")
        _reset(writer)
        await eventually(lambda: client.fileno() < 0)
        served.store.open.set()
        await eventually(lambda: not lanes_of(served))
    assert handed_over == []


async def test_end_of_service_answers_what_was_asked_and_takes_no_more() -> None:
    async with front("lane") as served, connected(served.port) as (reader, writer), connected(served.port) as (idle, _):
        served.store.open.clear()
        writer.write(PUT)
        await eventually(lambda: served.store.attempts and len(lanes_of(served)) == 2)
        assert served.lanes
        ending = asyncio.create_task(served.lanes.aclose(10.0))
        assert await is_closed(idle)
        writer.write(PUT)
        await asyncio.sleep(0)
        served.store.open.set()
        answer = await read_answer(reader)
        assert (answer.status, answer.fields["connection"]) == (200, "close")
        assert await is_closed(reader)
        await ending
        assert await served.store.total() == 1


async def test_end_of_service_does_not_begin_what_waits_behind_the_last_answer() -> None:
    async with front("lane") as served, connected(served.port) as (reader, writer):
        served.store.open.clear()
        writer.write(PUT + GET)
        await eventually(lambda: waiting_in(served) == 1)
        assert served.lanes
        ending = asyncio.create_task(served.lanes.aclose(10.0))
        await asyncio.sleep(0)
        served.store.open.set()
        answer = await read_answer(reader)
        assert (answer.status, answer.fields["connection"]) == (200, "close")
        assert await is_closed(reader)
        await asyncio.wait_for(ending, 5)


async def test_end_of_service_meets_a_connection_that_is_only_being_made() -> None:
    async with front("lane") as served:
        assert served.lanes
        lane = served.lanes()
        lane.end()
        assert lane in lanes_of(served)
        lanes_of(served).discard(lane)


async def test_draining_service_answers_one_more_request_on_each_connection() -> None:
    async with front("lane") as served, connected(served.port) as (reader, writer):
        writer.write(PUT)
        await count_of(reader)
        assert served.lanes
        served.lanes.drain()
        writer.write(PUT)
        answer = await read_answer(reader)
        assert (answer.status, answer.fields["connection"]) == (200, "close")
        assert await is_closed(reader)
    async with front("lane") as served, connected(served.port) as (reader, writer):
        assert served.lanes
        served.lanes.drain()
        writer.write(POST)
        answer = await read_answer(reader)
        assert (answer.status, answer.fields["connection"]) == (405, "close")
        assert await is_closed(reader)


async def test_connection_that_cannot_end_in_time_is_given_up() -> None:
    async with front("lane") as served, connected(served.port) as (_, writer):
        served.store.open.clear()
        writer.write(PUT)
        await eventually(lambda: served.store.attempts)
        assert served.lanes
        await asyncio.wait_for(served.lanes.aclose(0.1), 5)
        served.store.open.set()


async def test_connection_handed_over_stays_handed_over_and_keeps_its_flow_control() -> None:
    async with front("lane") as served, connected(served.port) as (reader, writer):
        lane = await the_lane(served)
        lane.pause_writing()
        transport = lane._transport
        lane.data_received(POST)
        lane.resume_writing()
        assert (await read_answer(reader)).status == 405
        assert not lanes_of(served)
        assert transport.is_reading()
        writer.write(PUT)
        assert await count_of(reader) == 1
        assert transport.get_protocol() is not lane


async def test_connection_handed_over_while_its_client_takes_no_answers_makes_aiohttp_wait_as_well() -> None:
    async with front("lane") as served, connected(served.port) as (reader, writer):
        served.store.open.clear()
        writer.write(PUT + POST)
        await eventually(lambda: waiting_in(served) == 1)
        lane = await the_lane(served)
        transport = lane._transport
        lane.pause_writing()
        served.store.open.set()
        await eventually(lambda: not lanes_of(served))
        protocol = transport.get_protocol()
        assert isinstance(protocol, web.RequestHandler)
        assert protocol.writing_paused
        protocol.resume_writing()
        assert [(await read_answer(reader)).status for _ in range(2)] == [200, 405]


async def test_each_answer_is_one_line_at_debug() -> None:
    with capture_logs() as lines:
        async with front("lane") as served, connected(served.port) as (reader, writer):
            writer.write(PUT)
            await read_answer(reader)
            served.counters.increments._closing = True
            writer.write(PUT)
            await read_answer(reader)
    answers = [(line["method"], line["target"], line["code"]) for line in lines if line["event"] == "request"]
    assert answers == [("PUT", "/a", 200), ("PUT", "/a", 503)]


async def test_answers_are_measured_by_method_and_status() -> None:
    async with front("lane") as served, connected(served.port) as (reader, writer):
        writer.write(PUT + PUT + GET)
        for _ in range(3):
            await read_answer(reader)
        served.counters.increments._closing = True
        writer.write(PUT)
        assert (await read_answer(reader)).status == 503
        page = served.metrics.render().decode()
    assert 'counter_requests_total{code="200",method="PUT"} 2.0' in page
    assert 'counter_requests_total{code="200",method="GET"} 1.0' in page
    assert 'counter_requests_total{code="503",method="PUT"} 1.0' in page
    assert "counter_request_duration_seconds_count 4.0" in page


async def test_store_that_refuses_for_good_is_503_at_once() -> None:
    async with front("lane") as served, connected(served.port) as (reader, writer):
        await served.counters.increments.aclose(1.0)
        writer.write(PUT)
        answer = await read_answer(reader)
        assert (answer.status, answer.fields["retry-after"]) == (503, "1")
