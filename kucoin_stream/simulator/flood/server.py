"""A server that sends as fast as a client reads. It speaks just enough KuCoin for any client of the classic API.

``kucoin-stream sim --flood`` runs it, and prints its REST base on the first line. Beside KuCoin's own paths:

* ``GET /flood/go?kind=K&count=N&rate=R&each=E&after=S`` floods every socket that has subscribed to all topics of the
  kind, and returns how many these are; it begins ``after`` seconds, 0.05 by default, so that the asker has its answer
  before. ``rate`` messages a second, 0 for as many as the client takes; a write holds what 2 ms bring. With ``each=1``
  every message is a write of its own, and increments and tickers carry as ``time`` when they are written:
  microseconds on the machine's monotonic clock;
* ``GET /flood/reference?kind=K&count=N`` returns the books as they are after it;
* ``GET /flood/last?kind=K&count=N`` returns the data of each topic's last message;
* ``GET /flood/bytes?kind=K&count=N`` returns how many bytes it sends;
* ``GET /flood/sent`` returns the microseconds at which the messages of the last run with ``each=1`` were written.

Kinds: ``level2`` (ten books), ``heavy`` (one of 5,000 levels a side), ``trades``, ``ticker``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import click

from kucoin_stream.simulator.flood.market import Exchange, topics
from kucoin_stream.simulator.flood.peer import Peer, framed

CHUNK = 2**16  # bytes written at once
TICK = 0.002  # seconds between writes at a given rate
AFTER = 0.05  # seconds between the order to flood and its begin
_NOW_MS = 1_764_000_000_000


class Server:
    """What all connections share."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self.sockets: list[Peer] = []
        self.url = ""
        self.sent: list[int] = []  # microseconds, of the last run one by one
        self._chunks: dict[tuple[str, int, int], list[bytes]] = {}

    def chunks(self, kind: str, count: int, rate: float) -> list[bytes]:
        """Return the frames of a run, joined as they are written; those of the last run are kept."""
        each = max(1, round(rate * TICK)) if rate else 0
        key = (kind, count, each)
        if key not in self._chunks:
            frames = [framed(message) for message in self.exchange.run(kind, count)[0]]
            self._chunks = {key: list(_joined(frames, each))}
        return self._chunks[key]

    def answer(self, path: str, query: dict[str, str]) -> object:
        """Return what a REST call gives."""
        match path:
            case "/api/v1/timestamp":
                return _NOW_MS
            case "/api/v1/bullet-public" | "/api/v1/bullet-private":
                server = {"endpoint": self.url.replace("http", "ws"), "pingInterval": 18000, "pingTimeout": 10000}
                return {"token": "x" * 200, "instanceServers": [server | {"encrypt": False, "protocol": "websocket"}]}
            case "/api/v1/symbols" | "/api/v2/symbols":
                return [_symbol(symbol) for symbol in self.exchange.snapshots]
            case "/api/v1/market/orderbook/level2_100":
                whole = self.exchange.snapshots[query["symbol"]]
                return {name: part[:100] if isinstance(part, list) else part for name, part in whole.items()}
            case "/api/v3/market/orderbook/level2":
                return self.exchange.snapshots[query["symbol"]]
            case "/flood/sent":
                return self.sent
        if path.startswith("/flood/"):
            return self._flood(path.removeprefix("/flood/"), query["kind"], int(query["count"]), query)
        return None

    def _flood(self, what: str, kind: str, count: int, query: dict[str, str]) -> object:
        match what:
            case "go":
                return self._go(kind, count, query)
            case "reference":
                return self.exchange.run(kind, count)[1]
            case "last":
                return self.exchange.last(kind, count)
            case "bytes":
                return sum(len(framed(message)) for message in self.exchange.run(kind, count)[0])
        return None

    def _go(self, kind: str, count: int, query: dict[str, str]) -> int:
        rate, after = float(query.get("rate", 0)), float(query.get("after", AFTER))
        wanted = set(topics(kind))
        peers = [peer for peer in self.sockets if wanted <= peer.topics]
        if query.get("each") == "1":
            self.sent = []
            messages = self.exchange.run(kind, count)[0]
            for peer in peers:
                peer.start_one_by_one(messages, rate, self.sent, after)
        else:
            chunks = self.chunks(kind, count, rate)
            for peer in peers:
                peer.start(chunks, TICK if rate else None, after)
        return len(peers)


def _joined(frames: list[bytes], each: int) -> Iterator[bytes]:
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


async def listen(host: str, port: int) -> tuple[asyncio.Server, Server]:
    """Listen on a port, 0 for a free one; connections are served while the loop runs."""
    server = Server()

    def respond(path: str, query: dict[str, str]) -> bytes:
        return json.dumps({"code": "200000", "data": server.answer(path, query)}).encode()

    listening = await asyncio.get_running_loop().create_server(lambda: Peer(server.sockets, respond), host, port)
    server.url = f"http://{host}:{listening.sockets[0].getsockname()[1]}"
    return listening, server


async def serve(host: str, port: int) -> None:
    """Print the REST base, then serve until cancelled."""
    listening, server = await listen(host, port)
    click.echo(server.url)
    await listening.serve_forever()
