"""A TCP proxy on 127.0.0.1 whose connections can be cut."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class TcpProxy:
    """Passes bytes on to a server while its `async with` block runs.

    Args:
        address: of the server.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._writers: set[asyncio.StreamWriter] = set()
        self._cuts_next_reply = False

    @property
    def port(self) -> int:
        """Where to connect."""
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Cut all connections, whatever is on its way."""
        for writer in list(self._writers):
            writer.transport.abort()

    def cut_at_next_reply(self) -> None:
        """Cut all connections when the server's next reply comes by, instead of passing it on: it has done its work."""
        self._cuts_next_reply = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        both = {writer}
        try:
            with contextlib.suppress(OSError):
                server_reader, server_writer = await asyncio.open_connection(*self._address)
                both.add(server_writer)
                self._writers |= both
                await asyncio.gather(_pass_on(reader, server_writer), self._pass_replies_on(server_reader, writer))
        finally:
            for one in both:
                one.transport.abort()
            self._writers -= both

    async def _pass_replies_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._cuts_next_reply:
                self._cuts_next_reply = False
                self.cut()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError("one side has ended")


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError("one side has ended")
