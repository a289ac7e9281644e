"""Whole answers as bytes, for a front end that writes to its transport itself; alike to what aiohttp makes of the same.

All that is the same in every answer is put together once a second, when the Date changes.
"""

from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from counter_service.errors import CounterServiceError
from counter_service.heads import PlainRequest
from counter_service.representation import (
    COMMON_HEADERS,
    PROBLEM_MEDIA_TYPE,
    MediaType,
    problem_headers,
    problem_of,
)

_CLOSE: Final = {"Connection": "close"}


class AnswerWriter:
    """Makes answers with the Date of the last `set_date`."""

    def __init__(self) -> None:
        self._is_last = False
        self.set_date()

    def set_date(self) -> None:
        """Take the present time as the Date of all answers to come, until the next call."""
        self._headers = {**COMMON_HEADERS, "Date": formatdate(usegmt=True)} | (_CLOSE if self._is_last else {})
        self._count_head = _head(HTTPStatus.OK, self._headers | {"Content-Type": MediaType.JSON.value})

    def announce_close(self) -> None:
        """From now on tell every client that its connection ends with the answer."""
        self._is_last = True
        self.set_date()

    def count(self, request: PlainRequest, count: int) -> bytes:
        """Return the answer that tells a count."""
        digits = b"%d" % count
        return b"%bContent-Length: %d%b%b}" % (
            self._count_head,
            request.frame_body_bytes + len(digits),
            request.frame,
            digits,
        )

    def problem(self, error: CounterServiceError, *, request_id: str = "", close: bool = False) -> tuple[int, bytes]:
        """Return the status and the answer for an error; close announces that the connection ends with it."""
        status, body = problem_of(error, request_id)
        headers = {**self._headers, "Content-Type": PROBLEM_MEDIA_TYPE, **problem_headers(error)}
        head = _head(status, headers | (_CLOSE if close else {}))
        return status.value, b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def _head(status: HTTPStatus, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items()), ""]
    return "\r\n".join(lines).encode("latin-1")
