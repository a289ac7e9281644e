"""Requests as bytes, and the answers as they came: what no HTTP client would send or show."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Answer:
    """One answer: status, fields by name (Date left out, which differs from second to second), body."""

    status: int
    fields: dict[str, str]
    body: bytes


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Have a connection to 127.0.0.1 while the block runs."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def exchange(port: int, pieces: Iterable[bytes], heads_only: Sequence[int] = ()) -> list[Answer]:
    """Send bytes, piece by piece, and return all answers that come until the server closes the connection.

    Args:
        port: where to.
        pieces: written one after the other; the server gets a chance to read in between.
        heads_only: numbers of those answers, from 0, that have no body whatever their length says: those to HEAD.
    """
    async with asyncio.timeout(_TIMEOUT_S), connected(port) as (reader, writer):
        received = asyncio.create_task(_all_of(reader))
        for piece in pieces:
            if writer.is_closing():
                break  # refused before all was sent
            writer.write(piece)
            await asyncio.sleep(0)
        return list(_parse(await received, heads_only))


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read one answer that has a Content-Length.

    Raises:
        asyncio.IncompleteReadError: the server closed the connection instead.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    status, fields = _parse_head(head[: -len(b"\r\n\r\n")])
    return Answer(status, fields, await reader.readexactly(int(fields["content-length"])))


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        while data := await reader.read(65536):
            received += data
    except ConnectionError:
        pass  # a server that closes with bytes unread resets the connection; what came before counts
    return received


def _parse(received: bytes, heads_only: Sequence[int]) -> Iterable[Answer]:
    number = 0
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        if head == b"HTTP/1.1 100 Continue":
            continue
        status, fields = _parse_head(head)
        length = 0 if number in heads_only else int(fields["content-length"])
        yield Answer(status, fields, received[:length])
        received = received[length:]
        number += 1


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    status_line, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert len(fields) == len(lines), f"a field came twice: {lines}"
    assert fields.pop("date")
    return int(status_line.split(" ")[1]), fields
