"""Which requests are plain: a PUT or GET that can be answered from its head alone, in JSON, on a connection that stays.

Everything else is somebody else's to answer, so reading a head never fails: it is plain, or it is None. A plain
request has no body, so its head is all of it, and where it ends cannot be disputed.

A head's meaning depends on its bytes alone, and clients repeat theirs: the recent ones are remembered.
"""

from dataclasses import dataclass
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from counter_service.batching import TOTAL
from counter_service.errors import CounterServiceError
from counter_service.paths import normalize_path
from counter_service.representation import MediaType, count_frame, negotiate

HEAD_END: Final = b"\r\n\r\n"

_REMEMBERED_HEADS: Final = 4096
# Longer heads are not remembered, so that what is remembered stays below some megabytes, bytes.
_LONGEST_REMEMBERED_BYTES: Final = 1024
# Fields that change what the request asks for, or where it ends.
_NOT_PLAIN: Final = frozenset({b"expect", b"idempotency-key", b"transfer-encoding", b"upgrade"})
# Below all limits of the whole contract, so that there is one judge of what is too long or too much.
_LONGEST_PLAIN_BYTES: Final = 8 * 1024
_MOST_PLAIN_FIELDS: Final = 64


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A request that was understood.

    Attributes:
        is_put: whether it counts; else it reads.
        path: the normalized path.
        key: what to ask the queue for.
        forwarded_for: the X-Forwarded-For field's value, its lines joined; empty without it.
        request_id: the X-Request-Id field's value; empty without it.
        frame: the answer's body up to the count, the empty line before it included.
        frame_body_bytes: length of the answer's body without the count's digits.
    """

    is_put: bool
    path: str
    key: str
    forwarded_for: str
    request_id: str
    frame: bytes
    frame_body_bytes: int

    @property
    def method(self) -> str:
        """PUT or GET."""
        return "PUT" if self.is_put else "GET"


class HeadReader:
    """Reads heads of requests.

    Args:
        max_path_bytes: longest normalized path of a plain request, bytes.
    """

    def __init__(self, max_path_bytes: int) -> None:
        self._max_path_bytes = max_path_bytes
        self._remembered: dict[bytes, PlainRequest] = {}

    def read(self, head: bytes) -> PlainRequest | None:
        """Return the request if it is plain.

        Args:
            head: request line and fields up to and including the first HEAD_END.
        """
        request = self._remembered.get(head)
        if request is None and len(head) <= _LONGEST_PLAIN_BYTES:
            request = self._read(head)
            if request is not None and len(head) <= _LONGEST_REMEMBERED_BYTES:
                if len(self._remembered) >= _REMEMBERED_HEADS:
                    self._remembered.clear()  # those in use are back at once
                self._remembered[head] = request
        return request

    def _read(self, head: bytes) -> PlainRequest | None:
        # RFC 9112 section 2.2 lets a recipient take a bare LF for a line's end. Proxies differ, so it is never plain.
        if head.count(b"\n") != head.count(b"\r\n"):
            return None
        fields = _Fields()
        parser = HttpRequestParser(fields)
        try:
            parser.feed_data(head)
        except (HttpParserError, HttpParserUpgrade):
            return None
        method = parser.get_method()
        if not (fields.complete and method in {b"PUT", b"GET"} and parser.get_http_version() == "1.1"):
            return None
        if not (parser.should_keep_alive() and fields.are_plain()):
            return None
        try:
            path = normalize_path(fields.target.decode("utf-8", "surrogateescape"), self._max_path_bytes)
        except CounterServiceError:
            return None
        before, after = count_frame(path)
        return PlainRequest(
            is_put=method == b"PUT",
            path=path,
            key=TOTAL if path == "/" and method == b"GET" else path,
            forwarded_for=b",".join(fields.all(b"x-forwarded-for")).decode("latin-1"),
            request_id=b"".join(fields.all(b"x-request-id")[:1]).decode("latin-1"),
            frame=HEAD_END + before,
            frame_body_bytes=len(before) + len(after),
        )


class _Fields:
    """What the parser tells, by its callbacks' names (https://github.com/MagicStack/httptools)."""

    def __init__(self) -> None:
        self.target = b""
        self.complete = False
        self._lines: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines.append((name.lower(), value))

    def on_message_complete(self) -> None:
        self.complete = True

    def all(self, name: bytes) -> list[bytes]:
        """Return the values of the lines of this name, in lower case."""
        return [value for line, value in self._lines if line == name]

    def are_plain(self) -> bool:
        """Whether no field asks for more than the count as JSON, and the request has one host and no body."""
        return (
            len(self._lines) <= _MOST_PLAIN_FIELDS
            and not any(name in _NOT_PLAIN for name, _ in self._lines)
            and len(self.all(b"host")) == 1
            and self.all(b"content-length") in ([], [b"0"])
            and all(value.lower() == b"keep-alive" for value in self.all(b"connection"))
            and self._accepts_json()
        )

    def _accepts_json(self) -> bool:
        try:
            return negotiate(", ".join(value.decode("latin-1") for value in self.all(b"accept"))) is MediaType.JSON
        except CounterServiceError:
            return False
