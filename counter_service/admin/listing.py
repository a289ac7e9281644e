"""Pages of paths in order, out of a store that knows no order.

A page is found in one pass over all paths, a thousand at a time, of which never more than a page is kept: memory does
not grow with the number of paths, and the store serves others in between.
"""

import base64
import binascii
import heapq
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from counter_service.errors import InvalidQueryError
from counter_service.store.base import CounterStore

Order = Literal["path", "-count"]
Position: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some paths with their counts, in order, and where the next page begins; None at the end."""

    items: Sequence[tuple[str, int]]
    next_cursor: str | None


async def find_page(store: CounterStore, prefix: str, order: Order, limit: int, cursor: str | None) -> Page:
    """Find the page behind a cursor.

    Args:
        store: where to look.
        prefix: what the paths begin with.
        order: by path, or by count, highest first, and then by path.
        limit: most items in the page.
        cursor: of the page before; None for the first page. What is counted meanwhile may move between pages.

    Raises:
        InvalidQueryError: the cursor is none of this order.
        StoreUnavailableError: no answer.
    """
    position_of = _POSITIONS[order]
    after = _parse(cursor, order) if cursor is not None else None
    smallest: dict[str, int] = {}
    async for chunk in store.scan(prefix):
        candidates = dict(smallest)
        candidates.update(item for item in chunk if after is None or position_of(item) > after)
        smallest = dict(heapq.nsmallest(limit + 1, candidates.items(), key=position_of))
    items = list(smallest.items())
    has_more = len(items) > limit
    items = items[:limit]
    return Page(items, _cursor_at(position_of(items[-1])) if has_more else None)


async def export_lines(store: CounterStore, prefix: str) -> AsyncIterator[bytes]:
    """Yield all paths with their counts as NDJSON, about a thousand lines at a time, in no order."""
    async for chunk in store.scan(prefix):
        yield b"".join(b'{"path": "%b", "count": %d}\n' % (path.encode("ascii"), count) for path, count in chunk)


def _by_path(item: tuple[str, int]) -> Position:
    return (item[0],)


def _by_count(item: tuple[str, int]) -> Position:
    return (-item[1], item[0])


_POSITIONS: dict[Order, Callable[[tuple[str, int]], Position]] = {"path": _by_path, "-count": _by_count}
_TYPES: dict[Order, list[type]] = {"path": [str], "-count": [int, str]}


def _cursor_at(position: Position) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def _parse(cursor: str, order: Order) -> Position:
    try:
        position = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise InvalidQueryError("cursor: is not one that this API gave") from error
    if not isinstance(position, list) or [type(part) for part in position] != _TYPES[order]:
        raise InvalidQueryError("cursor: belongs to another order")
    return tuple(position)
