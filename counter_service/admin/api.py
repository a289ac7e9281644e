"""The admin API, version 1 (openapi.json): counts of many paths, of one, their deletion, and the total."""

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeAlias, TypeVar, get_args

import structlog
from aiohttp import web

from counter_service.admin.listing import Order, export_lines, find_page
from counter_service.admin.readiness import STORE_TIMEOUT_S
from counter_service.errors import (
    CounterServiceError,
    InvalidQueryError,
    MethodNotAllowedError,
    NoSuchPathError,
    StoreUnavailableError,
    UnauthorizedError,
)
from counter_service.paths import normalize_path
from counter_service.representation import PROBLEM_MEDIA_TYPE, MediaType, problem_headers, problem_of, render_count
from counter_service.store.base import CounterStore

Answer = TypeVar("Answer")
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PREFIX: Final = "/api/v1/counters"
_DEFAULT_LIMIT: Final = 100
_MAX_LIMIT: Final = 1_000
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_PREFIX_PATTERN: Final = re.compile(r"[!-~]{0,2048}")
# Going through all paths takes its time, seconds; one at a time, so that many who ask do not slow down the counting.
_SCAN_TIMEOUT_S: Final = 60.0

_log = structlog.get_logger()


class AdminApi:
    """The handlers.

    Args:
        store: what they are about.
        max_path_bytes: longest normalized path, bytes.
        token_file: holds the token that requests must bear; read anew for each; None lets everybody in.
    """

    def __init__(self, store: CounterStore, *, max_path_bytes: int, token_file: Path | None) -> None:
        self._store = store
        self._max_path_bytes = max_path_bytes
        self._token_file = token_file
        self._scanning = asyncio.Lock()

    def add_to(self, app: web.Application) -> None:
        """Route the API's requests here."""
        app.middlewares.append(self._guard)
        app.router.add_get("/openapi.json", _serve_document)
        app.router.add_get("/api/v1/total", self._total)
        app.router.add_get("/api/v1/export", self._export)
        app.router.add_get(_PREFIX, self._list)
        app.router.add_get(_PREFIX + "/{path:.*}", self._read)
        app.router.add_delete(_PREFIX + "/{path:.*}", self._delete)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Ask for the token, and answer errors with problem documents."""
        try:
            if request.path.startswith("/api/"):
                self._check_token(request)
            return await handler(request)
        except CounterServiceError as error:
            return _problem(error)
        except web.HTTPMethodNotAllowed as error:
            refusal = _problem(MethodNotAllowedError(f"Use {', '.join(sorted(error.allowed_methods))}."))
            refusal.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
            return refusal
        except web.HTTPNotFound:
            return _problem(NoSuchPathError("There is nothing here; /openapi.json tells what is."))

    def _check_token(self, request: web.Request) -> None:
        if self._token_file is None:
            return
        try:
            token = self._token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise StoreUnavailableError(f"--admin-token-file: {error.strerror}") from error
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token or not hmac.compare_digest(given.strip().encode(), token.encode()):
            raise UnauthorizedError("This API wants the token of --admin-token-file: Authorization: Bearer <token>.")

    async def _total(self, _request: web.Request) -> web.Response:
        return web.json_response({"total": await _in_time(self._store.total())})

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        order = query.get("order", "path")
        if order not in get_args(Order):
            raise InvalidQueryError(f"order: must be one of {', '.join(get_args(Order))}")
        limit = query.get("limit", str(_DEFAULT_LIMIT))
        if not (_NUMBER.fullmatch(limit) and 1 <= int(limit) <= _MAX_LIMIT):
            raise InvalidQueryError(f"limit: must be a number from 1 to {_MAX_LIMIT}")
        arguments = _prefix(request), order, int(limit), query.get("cursor")
        async with self._scanning:
            page = await _in_time(find_page(self._store, *arguments), _SCAN_TIMEOUT_S)  # type: ignore[arg-type]
        items = [{"path": path, "count": count} for path, count in page.items]
        return web.json_response({"items": items, "nextCursor": page.next_cursor})

    async def _export(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        prefix = _prefix(request)
        async with self._scanning:
            lines = export_lines(self._store, prefix)
            # Before the answer begins, so that a dead store is a problem document and not half a file.
            first = await _in_time(anext(lines, b""))
            await response.prepare(request)
            await response.write(first)
            try:
                async for chunk in lines:
                    await response.write(chunk)
            except CounterServiceError as error:
                _log.warning("export broke off", reason=str(error))
                # Without the last chunk's mark its reader knows that there is something missing.
                raise ConnectionError from error
        await response.write_eof()
        return response

    async def _read(self, request: web.Request) -> web.Response:
        path = self._path_of(request)
        (count,) = await _in_time(self._store.read([path]))
        if not count:
            raise NoSuchPathError("This path was never counted.")
        return _count(path, count)

    async def _delete(self, request: web.Request) -> web.Response:
        path = self._path_of(request)
        count = await _in_time(self._store.delete(path))
        if not count:
            raise NoSuchPathError("This path was never counted.")
        _log.info("path deleted", path=path, count=count)
        return _count(path, count)

    def _path_of(self, request: web.Request) -> str:
        return normalize_path(request.raw_path.partition(_PREFIX)[2], self._max_path_bytes)


def _prefix(request: web.Request) -> str:
    prefix = request.query.get("prefix", "")
    if not _PREFIX_PATTERN.fullmatch(prefix):
        raise InvalidQueryError("prefix: must be at most 2048 printable ASCII characters, as normalized paths are")
    return prefix


async def _in_time(answer: Awaitable[Answer], timeout_s: float = STORE_TIMEOUT_S) -> Answer:
    """Wait for the store, but not for long.

    Raises:
        StoreUnavailableError: no answer by then.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await answer
    except TimeoutError as error:
        raise StoreUnavailableError("The store did not answer in time.") from error


def _count(path: str, count: int) -> web.Response:
    return web.Response(body=render_count(path, count, MediaType.JSON), content_type="application/json")


def _problem(error: CounterServiceError) -> web.Response:
    status, body = problem_of(error)
    headers = {"Content-Type": PROBLEM_MEDIA_TYPE} | dict(problem_headers(error))
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(status=status, body=body, headers=headers)


async def _serve_document(_request: web.Request) -> web.Response:
    return web.Response(body=(files(__package__) / "openapi.json").read_bytes(), content_type="application/json")
