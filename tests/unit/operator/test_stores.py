"""Looks at Redis: one at a time, whoever asks for them, and nothing that was done in one of them is left untold."""

import asyncio

from request_counter_operator.cache import Key
from request_counter_operator.happening import Happening
from request_counter_operator.redis_admin.reading import NOT_READ, StoreReading
from request_counter_operator.redis_admin.stores import Stores
from tests.support.eventually import eventually

KEY = Key("default", "hits")
DONE = StoreReading(is_whole=True, happenings=(Happening("Warning", "ReplicasTakenOver", "two of them"),))


async def test_a_look_that_is_asked_for_waits_for_the_one_under_way_and_is_told_of_like_it() -> None:
    told: list[Key] = []
    stores, may_end, begun = Stores(told.append), asyncio.Event(), 0

    async def look() -> StoreReading:
        nonlocal begun
        begun += 1
        await may_end.wait()
        return DONE

    stores.follow(KEY, look, is_doubtful=False)
    await eventually(lambda: begun == 1)
    asked = asyncio.create_task(stores.look_now(KEY))
    await asyncio.sleep(0)
    assert begun == 1
    may_end.set()
    assert await asked == DONE
    assert (begun, told) == (2, [KEY, KEY])
    assert stores.take_happenings(KEY) == DONE.happenings * 2
    stores.unfollow(KEY)


async def test_a_look_that_fails_tells_nothing_and_is_no_end() -> None:
    stores = Stores(lambda _: None)

    async def look() -> StoreReading:
        raise ZeroDivisionError

    stores.follow(KEY, look, is_doubtful=False)
    assert await stores.look_now(KEY) == NOT_READ
    stores.unfollow(KEY)


async def test_who_is_not_followed_is_not_looked_at() -> None:
    assert await Stores(lambda _: None).look_now(KEY) == NOT_READ
