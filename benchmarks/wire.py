"""The floor's three ways to receive a flood: a bare socket, ``websockets``, ``picows``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from benchmarks.process import Flood, Stopwatch

Handle = Callable[[Any], object]
"""Takes the bytes of one message."""

Receive = Callable[[Flood, Handle], Any]


async def raw(flood: Flood, handle: Handle) -> dict[str, float]:
    """Count bytes, as many as the server sends; frames are not even cut, and ``handle`` is never called."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(flood.url)
    begun, done = loop.create_future(), loop.create_future()
    expected = flood.ask("bytes")

    class Count(asyncio.Protocol):
        def __init__(self) -> None:
            self.head, self.left = b"", 0

        def data_received(self, data: bytes) -> None:
            if self.left:
                self.left -= len(data)
                if self.left <= 0:
                    done.set_result(self.left)
            else:
                self.head += data
                if b'"ack"' in self.head:
                    self.left = expected
                    begun.set_result(None)

    transport, _ = await loop.create_connection(Count, parts.hostname, parts.port)
    transport.write(
        b"GET / HTTP/1.1\r\nHost: flood\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + _masked(_subscribe(flood))
    )
    await begun
    flood.go()
    watch = Stopwatch()
    more = await done
    result = watch.stop(flood.count)
    assert more == 0, "more bytes than the server says it sent"
    transport.close()
    return result


def _subscribe(flood: Flood) -> bytes:
    return json.dumps({"id": 1, "type": "subscribe", "topic": flood.topic}).encode()


def _masked(message: bytes) -> bytes:
    """Return a client's frame under the mask 0, which leaves the message as it is."""
    return bytes([0x81, 0x80 | 126]) + len(message).to_bytes(2) + bytes(4) + message


async def websockets(flood: Flood, handle: Handle) -> dict[str, float]:
    """Receive with ``recv()``. No compression, no keepalive, no bound on its queue: the cheapest settings."""
    from websockets.asyncio.client import connect

    url = flood.url.replace("http", "ws")
    async with connect(url, compression=None, ping_interval=None, max_queue=None) as socket:
        await socket.recv()
        await socket.send(_subscribe(flood), text=True)
        await socket.recv()
        flood.go()
        recv = socket.recv
        watch = Stopwatch()
        for _ in range(flood.count):
            handle(await recv(decode=False))
        return watch.stop(flood.count)


async def picows(flood: Flood, handle: Handle) -> dict[str, float]:
    """Receive in ``on_ws_frame``, as bytes: for messages this short a copy costs less than a memoryview."""
    from picows import WSListener, WSMsgType, ws_connect

    done = asyncio.get_running_loop().create_future()
    count, received = flood.count, -2  # the welcome and the ack come first
    ready = asyncio.Event()

    class Listener(WSListener):  # type: ignore[misc]
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            nonlocal received
            if received >= 0:
                handle(frame.get_payload_as_bytes())
            received += 1
            if received == count:
                done.set_result(None)
            elif received == 0:
                ready.set()

    transport, _ = await ws_connect(Listener, flood.url.replace("http", "ws"))
    transport.send(WSMsgType.TEXT, _subscribe(flood))
    await ready.wait()
    flood.go()
    watch = Stopwatch()
    await done
    result = watch.stop(count)
    await asyncio.sleep(0.05)
    assert received == count, "more messages than were asked for"
    transport.disconnect()
    return result


LIBRARIES: dict[str, Receive] = {"raw": raw, "websockets": websockets, "picows": picows}
