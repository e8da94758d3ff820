"""One connection of the flood server: HTTP until it asks for an upgrade, then a websocket that can be flooded."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

from kucoin_stream.simulator.flood.market import stamped

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Respond = Callable[[str, dict[str, str]], bytes]
"""Path and query in, body of the REST answer out."""


def framed(message: bytes, opcode: int = 1) -> bytes:
    """Return an unmasked frame."""
    length = len(message)
    head = bytes([0x80 | opcode, length]) if length < 126 else bytes([0x80 | opcode, 126]) + length.to_bytes(2)
    return head + message


class Peer(asyncio.Protocol):
    """One connection. ``sockets`` are all that are upgraded."""

    def __init__(self, sockets: list[Peer], respond: Respond) -> None:
        self.topics: set[str] = set()
        self._sockets = sockets
        self._respond = respond
        self._buffer = bytearray()
        self._upgraded = False
        self._chunks: Iterator[bytes] = iter(())
        self._paused = False
        self._pouring = False
        self._closed = threading.Event()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  it is TCP
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Send no more."""
        self._chunks = iter(())
        self._closed.set()
        if self in self._sockets:
            self._sockets.remove(self)

    def data_received(self, data: bytes) -> None:
        """Take requests or frames, as many as are whole."""
        self._buffer += data
        while self._frame() if self._upgraded else self._request():
            pass

    # -- HTTP ----------------------------------------------------------------------------------------------------

    def _request(self) -> bool:
        head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not found:
            return False
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return False
        self._buffer = bytearray(rest[length:])
        if "sec-websocket-key" in headers:
            self._upgrade(headers["sec-websocket-key"].encode())
            return True
        url = urlsplit(first.split(" ")[1])
        body = self._respond(url.path, {name: values[0] for name, values in parse_qs(url.query).items()})
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        return True

    def _upgrade(self, key: bytes) -> None:
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())  # noqa: S324  RFC 6455 says so
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + framed(b'{"id":"bench","type":"welcome"}')
        )
        self._upgraded = True
        self._sockets.append(self)

    # -- websocket -----------------------------------------------------------------------------------------------

    def _frame(self) -> bool:
        """Take one masked frame of a client."""
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        length, at = buffer[1] & 0x7F, 2
        if length == 126:
            length, at = int.from_bytes(buffer[2:4]), 4
        if len(buffer) < at + 4 + length:
            return False
        mask, data = buffer[at : at + 4], buffer[at + 4 : at + 4 + length]
        opcode = buffer[0] & 0x0F
        del buffer[: at + 4 + length]
        plain = bytes(byte ^ mask[at & 3] for at, byte in enumerate(data))
        match opcode:
            case 1:
                self._command(json.loads(plain))
            case 8:
                self._transport.write(framed(plain, 8))
                self._transport.close()
            case 9:
                self._transport.write(framed(plain, 10))
        return opcode != 8

    def _command(self, command: dict[str, object]) -> None:
        answer: dict[str, object] = {"id": str(command["id"])}
        if command["type"] == "ping":
            answer |= {"type": "pong", "timestamp": 1_764_000_000_000_000}
        else:
            stem, _, symbols = str(command["topic"]).partition(":")
            topics = {f"{stem}:{symbol.strip()}" for symbol in symbols.split(",")}
            self.topics = self.topics | topics if command["type"] == "subscribe" else self.topics - topics
            answer |= {"type": "ack"}
        self._transport.write(framed(json.dumps(answer).encode()))

    # -- flood ---------------------------------------------------------------------------------------------------

    def start(self, chunks: list[bytes], tick: float | None, after: float) -> None:
        """Write ``chunks`` ``after`` seconds: one every ``tick`` seconds; ``None``: as fast as the client reads."""
        loop = asyncio.get_running_loop()
        self._chunks, self._pouring = iter(chunks), tick is None
        if tick is None:
            loop.call_later(after, self._pour)
        else:
            loop.call_later(after, self._pace, loop.time() + after, tick)

    def pause_writing(self) -> None:
        """Wait until the client has read."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on."""
        self._paused = False
        if self._pouring:
            self._pour()

    def _pour(self) -> None:
        while not self._paused:
            chunk = next(self._chunks, None)
            if chunk is None:
                return
            self._transport.write(chunk)

    def _pace(self, due: float, tick: float) -> None:
        loop = asyncio.get_running_loop()
        while due <= loop.time():
            chunk = next(self._chunks, None)
            if chunk is None:
                return
            self._transport.write(chunk)
            due += tick
        loop.call_at(due, self._pace, due, tick)

    def start_one_by_one(self, messages: list[bytes], rate: float, sent: list[int], after: float) -> None:
        """Write ``rate`` messages a second, each by itself; note in ``sent`` when, in monotonic microseconds.

        A thread keeps the time: the loop itself wakes up at whole milliseconds only.
        """
        loop = asyncio.get_running_loop()

        def write(message: bytes) -> None:
            if not self._closed.is_set():
                now = time.monotonic_ns() // 1000
                sent.append(now)
                self._transport.write(framed(stamped(message, now)))

        def keep_time() -> None:
            due = time.monotonic() + after
            for message in messages:
                time.sleep(max(0.0, due - time.monotonic()))
                if self._closed.is_set():
                    return
                loop.call_soon_threadsafe(write, message)
                due += 1 / rate

        threading.Thread(target=keep_time, name="flood-pace", daemon=True).start()
