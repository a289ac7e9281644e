"""The counter as most would write it in Python: aiohttp on uvloop and redis-py, one transaction a request."""

import sys

import redis.asyncio as redis
import uvloop
from aiohttp import web

PORT, ADDRESS = sys.argv[1:]
client = redis.Redis.from_url(f"redis://{ADDRESS}")


async def count(request: web.Request) -> web.Response:
    """Count a path."""
    async with client.pipeline(transaction=True) as pipeline:
        pipeline.incr("c:" + request.path)
        pipeline.incr("total")
        counts = await pipeline.execute()
    return web.json_response({"count": counts[0]})


async def read(request: web.Request) -> web.Response:
    """Read a path."""
    return web.json_response({"count": int(await client.get("c:" + request.path) or 0)})


app = web.Application()
app.router.add_put("/{path:.*}", count)
app.router.add_get("/{path:.*}", read)
uvloop.install()
web.run_app(app, host="127.0.0.1", port=int(PORT), access_log=None, print=None)
