"""An exchange of any number of symbols: ``python -m benchmarks.growth_server SYMBOLS LEVELS`` (a side).

It is the flood server (``kucoin-stream sim --flood``) whose markets go on where the last flood left them, so that one
client can take many floods. It prints its REST base on the first line. ``GET /growth/go`` floods every socket with
those of ``count`` messages of ``kind`` that it has subscribed; only the first ``active`` symbols say something. With
``each`` a write holds that many messages of all and comes every ``tick`` seconds; without, as fast as the client
reads. ``GET /growth/cpu`` tells the seconds of CPU that this process has taken.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from kucoin_stream.simulator.flood.market import RUNS, Books, Exchange, Market
from kucoin_stream.simulator.flood.peer import Peer, framed
from kucoin_stream.simulator.flood.server import AFTER, CHUNK, Server

Message = tuple[str, bytes]
"""A topic and the frame of a message of it."""


def named(count: int) -> list[str]:
    """Return the symbols of an exchange that has ``count``."""
    return [f"S{at:04d}-USDT" for at in range(count)]


def share(messages: Sequence[Message], topics: set[str], each: int) -> Iterator[bytes]:
    """Return what one socket is written: of every ``each`` messages those of its topics; 0: all, in chunks."""
    if each:
        for at in range(0, len(messages), each):
            yield b"".join(frame for topic, frame in messages[at : at + each] if topic in topics)
        return
    whole = b"".join(frame for topic, frame in messages if topic in topics)
    yield from (whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK))


class Snapshots(Mapping[str, dict[str, object]]):
    """The books of now, each made when somebody asks."""

    def __init__(self, symbols: Sequence[str], levels: int) -> None:
        self._symbols = symbols
        self.market = cache(lambda symbol, kind: Market.make(symbol, len(kind), levels))

    def __getitem__(self, symbol: str) -> dict[str, object]:
        return self.market(symbol, "level2").snapshot()

    def __iter__(self) -> Iterator[str]:
        return iter(self._symbols)

    def __len__(self) -> int:
        return len(self._symbols)


class Wide(Exchange):
    """Markets that go on; each kind of message has its own, or trades would leave gaps in books."""

    def __init__(self, symbols: Sequence[str], levels: int) -> None:
        self._books = Snapshots(symbols, levels)
        self.snapshots: Books = self._books  # type: ignore[assignment]  # read only, like all that reads it
        self._symbols = symbols
        self._said = 0
        self._rng = random.Random(1)

    def messages(self, kind: str, count: int, active: int) -> list[Message]:
        """Return what the first ``active`` symbols say next: as many of each, give or take, in any order."""
        stem, _, make = RUNS[kind]
        spoken = self._rng.choices(self._symbols[:active], k=count)
        said, self._said = self._said, self._said + count
        return [
            (f"{stem}:{symbol}", framed(make(self._books.market(symbol, kind), said + at).encode()))
            for at, symbol in enumerate(spoken)
        ]


class Growing(Server):
    """The flood server with :class:`Wide` markets."""

    def __init__(self, symbols: int, levels: int) -> None:
        super().__init__()
        self.exchange: Wide = Wide(named(symbols), levels)

    def answer(self, path: str, query: dict[str, str]) -> object:
        """Return what a REST call gives."""
        match path:
            case "/growth/go":
                return self._flood_all(query["kind"], int(query["count"]), int(query["active"]), query)
            case "/growth/cpu":
                return time.process_time()
        return super().answer(path, query)

    def _flood_all(self, kind: str, count: int, active: int, query: dict[str, str]) -> int:
        each, tick = int(query.get("each", 0)), float(query.get("tick", 0))
        messages = self.exchange.messages(kind, count, active)
        shares = [(peer, list(share(messages, peer.topics, each))) for peer in self.sockets]
        for peer, chunks in shares:
            peer.start(chunks, tick if each else None, AFTER)
        return sum(len(frame) for _, frame in messages)


async def serve(symbols: int, levels: int) -> None:
    """Print the REST base, then serve until cancelled."""
    server = Growing(symbols, levels)

    def respond(path: str, query: dict[str, str]) -> bytes:
        return json.dumps({"code": "200000", "data": server.answer(path, query)}).encode()

    listening = await asyncio.get_running_loop().create_server(lambda: Peer(server.sockets, respond), "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    print(server.url, flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
