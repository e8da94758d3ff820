"""The floor: the least that keeps ten books from increments with the same libraries, and the steps on the way there.

``socket`` only receives; ``decode`` also decodes with msgspec into typed structs in one go, prices stay text;
``books`` also applies each change to a dict of its side. No validation, sequence check, reconnection or best price.
"""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.process import ask
from kucoin_stream.simulator.flood.market import STEMS, SYMBOLS


class Changes(msgspec.Struct):
    asks: list[tuple[str, str, str]]
    bids: list[tuple[str, str, str]]


class Delta(msgspec.Struct, rename="camel"):
    symbol: str
    changes: Changes
    sequence_start: int
    sequence_end: int


class Push(msgspec.Struct):
    topic: str
    data: Delta


Book = tuple[dict[str, str], dict[str, str]]


async def receive(socket: ClientConnection, count: int) -> None:
    recv = socket.recv
    for _ in range(count):
        await recv(decode=False)


async def decode(socket: ClientConnection, count: int) -> None:
    recv, decode_push = socket.recv, msgspec.json.Decoder(Push).decode
    for _ in range(count):
        decode_push(await recv(decode=False))


async def books(socket: ClientConnection, count: int, kept: dict[str, Book]) -> None:
    recv, decode_push = socket.recv, msgspec.json.Decoder(Push).decode
    for _ in range(count):
        delta = decode_push(await recv(decode=False)).data
        bids, asks = kept[delta.symbol]
        for price, size, _sequence in delta.changes.bids:
            if size == "0":
                bids.pop(price, None)
            else:
                bids[price] = size
        for price, size, _sequence in delta.changes.asks:
            if size == "0":
                asks.pop(price, None)
            else:
                asks[price] = size


async def run(url: str, step: str, count: int, rate: float) -> None:
    kept: dict[str, Book] = {}
    for symbol in SYMBOLS:
        snapshot = ask(url, f"/api/v3/market/orderbook/level2?symbol={symbol}")
        kept[symbol] = dict(snapshot["bids"]), dict(snapshot["asks"])
    async with connect(url.replace("http", "ws"), compression=None, ping_interval=None, max_queue=None) as socket:
        await socket.recv()
        topic = f"{STEMS['level2']}:{','.join(SYMBOLS)}"
        await socket.send(msgspec.json.encode({"id": 1, "type": "subscribe", "topic": topic}), text=True)
        await socket.recv()
        reference = ask(url, f"/flood/reference?kind=level2&count={count}")
        assert ask(url, f"/flood/go?kind=level2&count={count}&rate={rate}") == 1
        cpu, wall = time.process_time(), time.perf_counter()
        match step:
            case "socket":
                await receive(socket, count)
            case "decode":
                await decode(socket, count)
            case "books":
                await books(socket, count, kept)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if step == "books":
        for symbol, (bids, asks) in kept.items():
            assert bids == dict(reference[symbol]["bids"]), symbol
            assert asks == dict(reference[symbol]["asks"]), symbol
    result = {"cpu_us": cpu / count * 1e6, "per_second": count / wall}
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
