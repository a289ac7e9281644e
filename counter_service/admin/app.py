"""Puts the admin port together: what probes, scrapers, the operator and administrators ask.

It has a store of its own, so it tells the store's state as a fresh client sees it, and works in a process that counts
nothing.
"""

from http import HTTPStatus
from importlib.resources import files

from aiohttp import web

from counter_service.admin.api import AdminApi
from counter_service.admin.readiness import Readiness
from counter_service.metrics import ServiceMetrics

# The page brings its own script and style, and talks to nobody but this server.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def make_admin_app(readiness: Readiness, metrics: ServiceMetrics, api: AdminApi) -> web.Application:
    """Return the admin port's application; the caller starts it and keeps the store open meanwhile."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_request: web.Request) -> web.Response:
        failures = await readiness.failures()
        if failures:
            return web.json_response(
                {"status": "not ready", "failures": failures}, status=HTTPStatus.SERVICE_UNAVAILABLE
            )
        return web.json_response({"status": "ready"})

    async def render_metrics(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def page(_request: web.Request) -> web.Response:
        body = (files(__package__) / "page.html").read_bytes()
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=_PAGE_HEADERS)

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", render_metrics)
    api.add_to(app)
    return app
