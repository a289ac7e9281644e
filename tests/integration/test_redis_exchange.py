"""A connection that is replaced in use: whatever was asked is answered, and nothing of the old one is left."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import pytest
from redis.asyncio.connection import AbstractConnection, Connection
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError

from counter_service.store.redis_exchange import Exchange
from tests.support.eventually import eventually
from tests.support.redis_server import RedisServer


class Connections:
    """Makes connections to a server, and counts them.

    Attributes:
        made: how many there were.
        options: of the next ones.
    """

    def __init__(self, server: RedisServer) -> None:
        self.made = 0
        self.options: Mapping[str, Any] = {}
        self._server = server

    def __call__(self) -> AbstractConnection:
        """Return another, not connected yet."""
        self.made += 1
        return Connection(host="127.0.0.1", port=self._server.port, protocol=2, client_name="exchange", **self.options)

    def ids(self) -> set[int]:
        """Return those that Redis has now."""
        with self._server.client() as client:
            connected = cast("list[dict[str, str]]", client.client_list())
        return {int(each["id"]) for each in connected if each["name"] == "exchange"}

    def waiting(self) -> set[int]:
        """Return those that wait for an element of a list."""
        with self._server.client() as client:
            connected = cast("list[dict[str, str]]", client.client_list())
        return {int(each["id"]) for each in connected if each["cmd"] == "blpop" and "b" in each["flags"]}


@pytest.fixture
def connections(redis_server: RedisServer) -> Connections:
    return Connections(redis_server)


@pytest.fixture
async def exchange(connections: Connections) -> AsyncIterator[Exchange]:
    exchange = Exchange(connections)
    yield exchange
    await exchange.aclose()
    await eventually(lambda: not connections.ids())


async def test_idle_connection_is_replaced_at_once(exchange: Exchange, connections: Connections) -> None:
    old = await exchange.ask("CLIENT", "ID")
    await exchange.renew()
    await eventually(lambda: len(connections.ids()) == 1 and old not in connections.ids())
    assert {await exchange.ask("CLIENT", "ID")} == connections.ids()
    assert connections.made == 2


async def test_connection_in_use_is_replaced_after_the_answer(
    exchange: Exchange, connections: Connections, redis_server: RedisServer
) -> None:
    old = await exchange.ask("CLIENT", "ID")
    asked = asyncio.create_task(exchange.ask("BLPOP", "list", 0))
    await eventually(lambda: connections.waiting() == {old})
    renewed = asyncio.create_task(exchange.renew())
    await eventually(lambda: len(connections.ids()) == 2)
    next_one = asyncio.create_task(exchange.ask("CLIENT", "ID"))
    assert connections.waiting() == {old}
    assert not renewed.done()
    with redis_server.client() as client:
        client.rpush("list", "x")
    assert await asked == [b"list", b"x"]
    await renewed
    await eventually(lambda: len(connections.ids()) == 1)
    assert {await next_one} == connections.ids()
    assert not connections.ids() & {old}


async def test_connection_in_the_making_is_replaced_as_well(
    exchange: Exchange, connections: Connections, redis_server: RedisServer
) -> None:
    redis_server.pause()
    try:
        asked = asyncio.create_task(exchange.ask("CLIENT", "ID"))
        await eventually(lambda: connections.made == 1)
        renewed = asyncio.create_task(exchange.renew())
    finally:
        redis_server.resume()
    old = await asked
    await renewed
    await eventually(lambda: len(connections.ids()) == 1 and old not in connections.ids())
    assert connections.made == 2


async def test_where_there_is_no_connection_none_is_made(exchange: Exchange, connections: Connections) -> None:
    await exchange.renew()
    assert connections.made == 0
    assert not exchange.is_connected


async def test_old_connection_stays_where_no_new_one_can_be_made(exchange: Exchange, connections: Connections) -> None:
    old = await exchange.ask("CLIENT", "ID")
    connections.options = {"username": "nobody", "password": "wrong"}
    with pytest.raises(AuthenticationError):
        await exchange.renew()
    assert await exchange.ask("CLIENT", "ID") == old
    await eventually(lambda: connections.ids() == {old})


async def test_cut_connection_is_no_hindrance(
    exchange: Exchange, connections: Connections, redis_server: RedisServer
) -> None:
    old = await exchange.ask("CLIENT", "ID")
    with redis_server.client() as client:
        client.client_kill_filter(_id=str(old))
    await eventually(lambda: not exchange.is_connected)
    await exchange.renew()
    assert connections.made == 1
    assert await exchange.ask("CLIENT", "ID") != old


async def test_given_up_waiting_for_the_last_answer_closes_the_old_connection(
    exchange: Exchange, connections: Connections
) -> None:
    old = await exchange.ask("CLIENT", "ID")
    asked = asyncio.create_task(exchange.ask("BLPOP", "list", 0))
    await eventually(lambda: connections.waiting() == {old})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await exchange.renew()
    with pytest.raises(RedisConnectionError):
        await asked
    assert {await exchange.ask("CLIENT", "ID")} == connections.ids() - {old}
