"""A server that sends as fast as a client reads. It speaks just enough KuCoin for any client of the classic API.

``kucoin-stream sim --flood`` runs it, and prints its REST base on the first line. Beside KuCoin's own paths:

* ``GET /flood/go?kind=level2&count=N&rate=R`` floods every socket that has subscribed to all ten symbols of the kind,
  50 ms later; ``rate`` messages a second, 0 for as many as the client takes;
* ``GET /flood/reference?kind=level2&count=N`` returns the books as they are after it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from kucoin_stream.simulator.flood.market import STEMS, SYMBOLS, Exchange

CHUNK = 2**16  # bytes written at once
TICK = 0.002  # seconds between writes at a given rate
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def framed(message: bytes, opcode: int = 1) -> bytes:
    """Return an unmasked frame."""
    length = len(message)
    head = bytes([0x80 | opcode, length]) if length < 126 else bytes([0x80 | opcode, 126]) + length.to_bytes(2)
    return head + message


class Server:
    """What all connections share."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self.sockets: list[Peer] = []
        self.url = ""
        self._chunks: dict[tuple[str, int, int], list[bytes]] = {}

    def chunks(self, kind: str, count: int, rate: float) -> list[bytes]:
        """Return the frames of a run, joined as they are written."""
        each = max(1, round(rate * TICK)) if rate else 0
        key = (kind, count, each)
        if key not in self._chunks:
            messages, _ = self.exchange.run(kind, count)
            self._chunks.clear()
            self._chunks[key] = list(_joined(messages, each))
        return self._chunks[key]

    def answer(self, path: str, query: dict[str, str]) -> object:
        """Return what a REST call gives."""
        match path:
            case "/api/v1/timestamp":
                return 1_764_000_000_000
            case "/api/v1/bullet-public" | "/api/v1/bullet-private":
                server = {"endpoint": self.url.replace("http", "ws"), "pingInterval": 18000, "pingTimeout": 10000}
                return {"token": "x" * 200, "instanceServers": [server | {"encrypt": False, "protocol": "websocket"}]}
            case "/api/v2/symbols":
                return [_symbol(symbol) for symbol in self.exchange.markets]
            case "/api/v1/market/orderbook/level2_100":
                whole = self.exchange.snapshots[query["symbol"]]
                return whole | {side: whole[side][:100] for side in ("bids", "asks")}
            case "/api/v3/market/orderbook/level2":
                return self.exchange.snapshots[query["symbol"]]
            case "/flood/go":
                kind, count, rate = query["kind"], int(query["count"]), float(query.get("rate", 0))
                chunks = self.chunks(kind, count, rate)
                wanted = {f"{STEMS[kind]}:{symbol}" for symbol in SYMBOLS}
                peers = [peer for peer in self.sockets if wanted <= peer.topics]
                for peer in peers:
                    peer.start(chunks, bool(rate))
                return len(peers)
            case "/flood/reference":
                return self.exchange.run(query["kind"], int(query["count"]))[1]
        return None


def _joined(messages: list[bytes], each: int) -> Iterator[bytes]:
    frames = [framed(message) for message in messages]
    if each:
        yield from (b"".join(frames[at : at + each]) for at in range(0, len(frames), each))
        return
    whole = b"".join(frames)
    yield from (whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK))


def _symbol(symbol: str) -> dict[str, object]:
    base, quote = symbol.split("-")
    text = {"baseCurrency": base, "quoteCurrency": quote, "feeCurrency": quote, "market": "USDS", "name": symbol}
    steps = {"baseIncrement": "0.00000001", "quoteIncrement": "0.01", "priceIncrement": "0.1", "baseMinSize": "0.0001"}
    return {"symbol": symbol, "enableTrading": True, "isMarginEnabled": True} | text | steps


class Peer(asyncio.Protocol):
    """One connection: HTTP until it asks for an upgrade."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.topics: set[str] = set()
        self._buffer = bytearray()
        self._upgraded = False
        self._chunks: Iterator[bytes] = iter(())
        self._paused = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._chunks = iter(())
        if self in self.server.sockets:
            self.server.sockets.remove(self)

    def data_received(self, data: bytes) -> None:
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
        data = self.server.answer(url.path, {name: values[0] for name, values in parse_qs(url.query).items()})
        body = json.dumps({"code": "200000", "data": data}).encode()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        return True

    def _upgrade(self, key: bytes) -> None:
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + framed(b'{"id":"bench","type":"welcome"}')
        )
        self._upgraded = True
        self.server.sockets.append(self)

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
        if opcode == 8:
            self._transport.write(framed(plain, 8))
            self._transport.close()
        elif opcode == 1:
            self._command(json.loads(plain))
        return opcode != 8

    def _command(self, command: dict[str, object]) -> None:
        answer: dict[str, object] = {"id": str(command["id"])}
        if command["type"] == "ping":
            answer |= {"type": "pong", "timestamp": 1_764_000_000_000_000}
        else:
            stem, _, symbols = str(command["topic"]).partition(":")
            topics = {f"{stem}:{symbol}" for symbol in symbols.split(",")}
            self.topics = self.topics | topics if command["type"] == "subscribe" else self.topics - topics
            answer |= {"type": "ack"}
        self._transport.write(framed(json.dumps(answer).encode()))

    # -- flood ---------------------------------------------------------------------------------------------------

    def start(self, chunks: list[bytes], paced: bool) -> None:
        """Begin soon: the asker has its answer before."""
        loop = asyncio.get_running_loop()
        self._chunks = iter(chunks)
        loop.call_later(0.05, self._pace, loop.time() + 0.05) if paced else loop.call_later(0.05, self._pour)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pour()

    def _pour(self) -> None:
        while not self._paused:
            chunk = next(self._chunks, None)
            if chunk is None:
                return
            self._transport.write(chunk)

    def _pace(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        while due <= loop.time():
            chunk = next(self._chunks, None)
            if chunk is None:
                return
            self._transport.write(chunk)
            due += TICK
        loop.call_at(due, self._pace, due)


async def serve(host: str, port: int) -> None:
    """Serve until cancelled."""
    server, loop = Server(), asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Peer(server), host, port)
    server.url = f"http://{host}:{listening.sockets[0].getsockname()[1]}"
    print(server.url, flush=True)
    await listening.serve_forever()
