"""Looks into the fast lane's connections: what its tests share."""

import asyncio
import contextlib
import json

from counter_service.lane import Lane
from tests.support.eventually import eventually
from tests.support.fronts import Front
from tests.support.raw_http import read_answer

PUT = b"PUT /a HTTP/1.1\r\nHost: x\r\n\r\n"
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\n\r\n"


def lanes_of(served: Front) -> set[Lane]:
    """Return the connections there are."""
    assert served.lanes
    return served.lanes._lanes


async def the_lane(served: Front) -> Lane:
    """Return the one connection there is."""
    await eventually(lambda: served.lanes and any(lane._peer for lane in lanes_of(served)))
    (lane,) = lanes_of(served)
    return lane


def waiting_in(served: Front) -> int:
    """Return how many increments wait for the store."""
    return served.counters.increments._waiting_requests


async def count_of(reader: asyncio.StreamReader) -> int:
    """Read the next answer's count."""
    return int(json.loads((await read_answer(reader)).body)["count"])


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Wait for the end of the connection; whether nothing came before it."""
    with contextlib.suppress(ConnectionError):
        return await reader.read() == b""
    return True
