"""What shows a certificate as Redis does, and reads another one when it is told to: no Redis, and no container."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from request_counter_operator.redis_admin.connection import Door
from request_counter_operator.redis_admin.trust import Trust
from request_counter_operator.render.credentials import Credentials

_HELLO = b"%2\r\n+version\r\n+8.0.0\r\n+proto\r\n:3\r\n"


class FakeServer:
    """Answers everything with OK.

    Attributes:
        commands: what it was asked, each in one line.
    """

    def __init__(self, folder: Path, held: dict[str, bytes]) -> None:
        self.commands: list[str] = []
        self._folder = folder
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.write(held)
        self._read_files()

    def write(self, held: dict[str, bytes]) -> None:
        """Put other files there, which it does not read by itself: what the kubelet does."""
        for name, content in held.items():
            (self._folder / name).write_bytes(content)

    @asynccontextmanager
    async def serving(self, name: str, trust: Trust | None) -> AsyncIterator[Door]:
        """Serve; give the door at which it does."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=self._context)
        async with server:
            host, port = server.sockets[0].getsockname()
            yield Door(name, host, port, Credentials("root"), trust)

    def _read_files(self) -> None:
        self._context.load_cert_chain(self._folder / "tls.crt", self._folder / "tls.key")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while header := await reader.readline():
            words = []
            for _ in range(int(header[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:-2].decode())
            self.commands.append(" ".join(words))
            if words[:2] == ["CONFIG", "SET"]:
                self._read_files()
            writer.write(_HELLO if words[0] == "HELLO" else b"+OK\r\n")
        writer.close()
