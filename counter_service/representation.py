"""What answers look like: negotiation, bodies, problem documents. Pure; shared by every front end (docs/http-api.md).

Sources: RFC 9110 section 12.5.1 (Accept), RFC 9457 (problem documents).
"""

import json
import math
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from http import HTTPStatus

from counter_service.errors import (
    BodyTooLargeError,
    CounterServiceError,
    ExpectationFailedError,
    HeadTooLargeError,
    InvalidPathError,
    InvalidQueryError,
    InvalidRequestError,
    MethodNotAllowedError,
    NoSuchPathError,
    NotAcceptableError,
    PathTooLongError,
    RateLimitedError,
    RequestTimeoutError,
    StoreError,
    TooManyPathsError,
    UnauthorizedError,
)

API_VERSION = "1"
ALLOWED_METHODS = "GET, HEAD, PUT"
PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPE_PREFIX = "https://requestcounter.io/problems/"
RETRY_AFTER_S = 1
COMMON_HEADERS: Mapping[str, str] = {
    "API-Version": API_VERSION,
    # The answer is out of date with the next PUT, and depends on Accept.
    "Cache-Control": "no-store",
    "Vary": "Accept",
    # aiohttp would name itself and Python with their versions.
    "Server": "request-counter",
}
"""Headers of every answer on the data port."""


class MediaType(Enum):
    """The representations of a count; the value is the Content-Type sent."""

    JSON = "application/json"
    JSON_V1 = "application/vnd.requestcounter.v1+json"
    TEXT = "text/plain; charset=utf-8"


# A range and what it selects; for a wildcard, the server's preference.
_OFFERS = {
    "*/*": MediaType.JSON,
    "application/*": MediaType.JSON,
    "application/json": MediaType.JSON,
    "application/vnd.requestcounter.v1+json": MediaType.JSON_V1,
    "text/*": MediaType.TEXT,
    "text/plain": MediaType.TEXT,
}

_PROBLEMS: dict[type[CounterServiceError], tuple[HTTPStatus, str]] = {
    InvalidRequestError: (HTTPStatus.BAD_REQUEST, "bad-request"),
    InvalidPathError: (HTTPStatus.BAD_REQUEST, "invalid-path"),
    InvalidQueryError: (HTTPStatus.BAD_REQUEST, "invalid-query"),
    UnauthorizedError: (HTTPStatus.UNAUTHORIZED, "unauthorized"),
    NoSuchPathError: (HTTPStatus.NOT_FOUND, "not-found"),
    MethodNotAllowedError: (HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed"),
    NotAcceptableError: (HTTPStatus.NOT_ACCEPTABLE, "not-acceptable"),
    RequestTimeoutError: (HTTPStatus.REQUEST_TIMEOUT, "request-timeout"),
    BodyTooLargeError: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large"),
    PathTooLongError: (HTTPStatus.REQUEST_URI_TOO_LONG, "path-too-long"),
    ExpectationFailedError: (HTTPStatus.EXPECTATION_FAILED, "expectation-failed"),
    RateLimitedError: (HTTPStatus.TOO_MANY_REQUESTS, "rate-limited"),
    HeadTooLargeError: (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large"),
    TooManyPathsError: (HTTPStatus.INSUFFICIENT_STORAGE, "too-many-paths"),
    StoreError: (HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"),
}


@lru_cache(maxsize=256)  # clients repeat themselves; the bound keeps hostile variety from growing memory
def negotiate(accept: str) -> MediaType:
    """Choose the representation for an Accept header.

    Args:
        accept: the header's value; empty when the request has none.

    Raises:
        NotAcceptableError: nothing acceptable is on offer, an unknown API version included.
    """
    if not accept.strip():
        return MediaType.JSON
    best: tuple[float, MediaType] | None = None
    for item in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in item.split(";"))
        offer = _OFFERS.get(media_range)
        quality = _quality(parameters)
        if offer is not None and quality > 0 and (best is None or quality > best[0]):
            best = quality, offer
    if best is None:
        offered = ", ".join(media_range for media_range in _OFFERS if "*" not in media_range)
        raise NotAcceptableError(f"This counter answers with one of: {offered}.")
    return best[1]


def _quality(parameters: list[str]) -> float:
    """Return the weight of a media range, 0..1; a malformed one counts as a refusal."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def render_count(path: str, count: int, media_type: MediaType) -> bytes:
    """Return the body that tells the count of a normalized path (which never needs JSON escaping)."""
    if media_type is MediaType.TEXT:
        return b"%d" % count
    before, after = count_frame(path)
    return b"%b%d%b" % (before, count, after)


def count_frame(path: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the count in the JSON body for a normalized path."""
    return b'{"path": "%b", "count": ' % path.encode("ascii"), b"}"


def problem_of(error: CounterServiceError, request_id: str = "") -> tuple[HTTPStatus, bytes]:
    """Return the status and the problem document for an error; an error of ours is a 500 without details.

    Args:
        error: why there is no count.
        request_id: what the log calls the request, if it is in the log.
    """
    status, slug, detail = HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "The server's log tells the reason."
    for kind in type(error).__mro__:
        if kind in _PROBLEMS:
            (status, slug), detail = _PROBLEMS[kind], str(error)
            break
    return status, render_problem(status, slug, detail, request_id)


def problem_headers(error: CounterServiceError) -> Mapping[str, str]:
    """Return the headers that an answer of this error has besides the common ones and its type.

    Source of the RateLimit fields: draft-ietf-httpapi-ratelimit-headers-10.
    """
    if isinstance(error, RateLimitedError):
        refusal = error.refusal
        retry_after_s, window_s = math.ceil(refusal.retry_after_s), math.ceil(refusal.limit.refill_s)
        return {
            "Retry-After": str(retry_after_s),
            "RateLimit": f'"{refusal.limit.per.lower()}";r=0;t={retry_after_s}',
            "RateLimit-Policy": f'"{refusal.limit.per.lower()}";q={refusal.limit.burst};w={window_s}',
        }
    if isinstance(error, StoreError):
        return {"Retry-After": str(RETRY_AFTER_S)}
    if isinstance(error, MethodNotAllowedError):
        return {"Allow": ALLOWED_METHODS}
    return {}


def render_problem(status: HTTPStatus, slug: str, detail: str, request_id: str = "") -> bytes:
    """Return a problem document; slug names the problem below PROBLEM_TYPE_PREFIX."""
    document = {"type": PROBLEM_TYPE_PREFIX + slug, "title": status.phrase, "status": status.value, "detail": detail}
    if request_id:
        document["requestId"] = request_id
    return json.dumps(document).encode()
