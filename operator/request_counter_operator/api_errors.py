"""What the API server's refusals mean for the operator.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
from kubernetes.aio import client

from request_counter_operator.errors import (
    IMMUTABLE_FIELD,
    ApiError,
    ConflictError,
    ExpiredError,
    ImmutableFieldError,
    NotFoundError,
    TerminatingError,
)

MAX_MESSAGE_CHARS = 512
"""A refusal may quote the whole object: enough to understand it, not enough to flood a condition or a log."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise what the client and its connection raise as the ApiError that it means for us."""
    try:
        yield
    except client.ApiException as error:
        raise _translated(error) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ApiError(f"cannot reach the API server: {str(error) or type(error).__name__}") from error


def _translated(error: client.ApiException) -> ApiError:
    """Return the error that says what the server's answer means for us."""
    try:
        answer = json.loads(error.body or "")
    except ValueError:
        answer = {}
    return error_of_status({"message": error.reason, **answer, "code": error.status})


def error_of_status(answer: Mapping[str, Any]) -> ApiError:
    """Return the error that a Status object stands for."""
    words, code = str(answer.get("message")), int(answer.get("code") or 0)
    message = words[:MAX_MESSAGE_CHARS]
    causes = (answer.get("details") or {}).get("causes") or ()
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return TerminatingError(message, status=code)
    if code == HTTPStatus.UNPROCESSABLE_ENTITY and IMMUTABLE_FIELD.search(words):
        return ImmutableFieldError(message, status=code)
    kinds = {404: NotFoundError, 409: ConflictError, 410: ExpiredError}
    return kinds.get(code, ApiError)(message, status=code)
