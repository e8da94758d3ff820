"""An HTTP CONNECT and a SOCKS5 proxy. Each leads to one port of this machine, whatever name it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """``asked`` is what clients wanted to reach, ``credentials`` what they said they are."""

    def __init__(self, target: int, refusal: int, login: str) -> None:
        self.asked: list[str] = []
        self.credentials: list[str] = []
        self.port = 0
        self._target = target
        self._refusal = refusal
        self._login = login  # "user:password" that SOCKS asks for
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, authority, _ = head.split(" ", 2)
        assert method == "CONNECT"
        self.asked.append(authority)
        for line in head.split("\r\n"):
            if line.lower().startswith("proxy-authorization:"):
                self.credentials.append(line.partition(":")[2].strip())
        if self._refusal:
            writer.write(f"HTTP/1.1 {self._refusal} No\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self._join(reader, writer)

    async def socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        if self._login:
            writer.write(b"\x05\x02")
            _, length = await reader.readexactly(2)
            user = await reader.readexactly(length)
            [length] = await reader.readexactly(1)
            self.credentials.append(f"{user.decode()}:{(await reader.readexactly(length)).decode()}")
            writer.write(b"\x01\x00" if self.credentials[-1] == self._login else b"\x01\x01")
        else:
            writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        assert kind == 3, "the name goes to the proxy"
        [length] = await reader.readexactly(1)
        name = (await reader.readexactly(length)).decode()
        port = int.from_bytes(await reader.readexactly(2))
        self.asked.append(f"{name}:{port}")
        writer.write(bytes([5, self._refusal, 0, 1]) + bytes(6))
        if self._refusal:
            await writer.drain()
            writer.close()
            return
        await self._join(reader, writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.append(back)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    def connected(self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        task = asyncio.ensure_future(self._serve(kind, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            await (self.socks if kind == "socks" else self.http)(reader, writer)

    async def end(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(2**16):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def proxy_to(target: int, kind: str = "http", *, refusal: int = 0, login: str = "") -> AsyncIterator[Proxy]:
    """Run a proxy; ``refusal`` is the status or the SOCKS reply it gives instead of a connection."""
    proxy = Proxy(target, refusal, login)
    listening = await asyncio.start_server(lambda *ends: proxy.connected(kind, *ends), "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()
        await proxy.end()
        await listening.wait_closed()
