"""A websocket server, byte by byte: it says what a test tells it and nothing of its own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, NamedTuple

from kucoin_stream.settings import Settings
from kucoin_stream.transport.socket import Socket, open_socket

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
SECRET = "SECRETtoken123"  # in every address
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(data: bytes = b"", opcode: int = TEXT, *, fin: bool = True, rsv: int = 0, mask: bool = False) -> bytes:
    """Return a frame; ``rsv`` holds the bits 4 (first), 2 and 1."""
    if len(data) < 126:
        length = bytes([len(data)])
    elif len(data) < 2**16:
        length = b"\x7e" + struct.pack("!H", len(data))
    else:
        length = b"\x7f" + struct.pack("!Q", len(data))
    head = bytes([fin << 7 | rsv << 4 | opcode, length[0] | mask << 7]) + length[1:]
    return head + (b"\0\0\0\0" if mask else b"") + data


def close_frame(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(b"" if code is None else struct.pack("!H", code) + reason, CLOSE)


class Sent(NamedTuple):
    """A frame of the client."""

    opcode: int
    data: bytes


class Received:
    """Takes what a socket delivers."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self._more = asyncio.Event()

    def __call__(self, batch: list[bytes]) -> None:
        assert batch
        assert all(isinstance(message, bytes | bytearray) for message in batch)
        self.batches.append([bytes(message) for message in batch])
        self._more.set()

    @property
    def messages(self) -> list[bytes]:
        return [message for batch in self.batches for message in batch]

    async def until(self, count: int) -> list[bytes]:
        """Wait for ``count`` messages; return all."""
        async with asyncio.timeout(2):
            while len(self.messages) < count:
                self._more.clear()
                await self._more.wait()
        return self.messages


class Peer:
    """One connection, as the server has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.request = b""

    async def read_request(self) -> bytes:
        async with asyncio.timeout(2):
            self.request = await self.reader.readuntil(b"\r\n\r\n")
        return self.request

    def header(self, name: str) -> str | None:
        for line in self.request.decode().split("\r\n"):
            if line.lower().startswith(f"{name.lower()}:"):
                return line.partition(":")[2].strip()
        return None

    def response(self, *headers: str) -> bytes:
        """Return the answer that accepts the request."""
        key = (self.header("Sec-WebSocket-Key") or "").encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
            *headers,
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def write(self, *parts: bytes) -> None:
        self.writer.write(b"".join(parts))

    async def write_pieces(self, data: bytes, cuts: list[int]) -> None:
        """Write ``data`` cut at ``cuts``; the client, on the same loop, reads every piece by itself."""
        edges = [0, *sorted(cuts), len(data)]
        for start, stop in pairwise(edges):
            if stop > start:
                self.writer.write(data[start:stop])
                await self.writer.drain()
                for _ in range(3):
                    await asyncio.sleep(0)

    async def frame(self) -> Sent:
        async with asyncio.timeout(2):
            first, second = await self.reader.readexactly(2)
            assert first & 0x80
            assert second & 0x80, "a client masks"
            length = second & 0x7F
            if length > 125:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8))
            mask = await self.reader.readexactly(4)
            data = await self.reader.readexactly(length)
        return Sent(first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    async def close_code(self) -> int | None:
        """Read up to the client's close frame; return its code."""
        while (sent := await self.frame()).opcode != CLOSE:
            pass
        return int.from_bytes(sent.data[:2]) if sent.data else None

    async def dropped(self, within: float = 5) -> bytes:
        """Wait until the client has dropped the connection; return what it sent before."""
        try:
            async with asyncio.timeout(within):
                return await self.reader.read()
        except ConnectionError:
            return b""

    def reset(self) -> None:
        """End with RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class RawServer:
    """Accepts connections; each is a :class:`Peer` in ``peers``."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}/endpoint?token={SECRET}"
        self.peers: list[Peer] = []
        self.waiting: asyncio.Queue[Peer] = asyncio.Queue()

    async def accept(self) -> Peer:
        async with asyncio.timeout(2):
            return await self.waiting.get()

    async def open(
        self, transport: str, *headers: str, after: bytes = b"", url: str = "", **options: Any
    ) -> tuple[Socket, Peer, Received]:
        """Open a socket; ``after`` comes in one segment with the answer to the request."""
        received = Received()
        settings = settings_of(transport, **options)
        opening = asyncio.ensure_future(open_socket(url or self.url, received, settings))
        accepting = asyncio.ensure_future(self.accept())
        await asyncio.wait([opening, accepting], return_when=asyncio.FIRST_COMPLETED)
        if opening.done():
            accepting.cancel()
            opening.result()
        peer = await accepting
        await peer.read_request()
        peer.write(peer.response(*headers), after)
        return await opening, peer, received


def settings_of(transport: str, **options: Any) -> Settings:
    return Settings(transport=transport, **({"open_timeout": 5.0, "close_timeout": 0.2} | options))  # type: ignore[arg-type]


@asynccontextmanager
async def raw_server(context: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    server: RawServer

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        server.peers.append(peer)
        server.waiting.put_nowait(peer)

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    server = RawServer(listening.sockets[0].getsockname()[1], "wss" if context else "ws")
    try:
        yield server
    finally:
        listening.close()
        for peer in server.peers:
            peer.writer.transport.abort()
        await asyncio.sleep(0)
        await listening.wait_closed()
