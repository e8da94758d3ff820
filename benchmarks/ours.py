"""The library: ``python -m benchmarks.ours URL TRANSPORT WORK COUNT RATE`` prints what a work costs, the whole process.

``books``, ``heavy``: live books. ``heavy_top``: the keeper computes the best prices after every update, for a table on
the loop thread. ``heavy_streamz``: a user's sink behind ``book.stream`` gets them. ``ticker``: a live frame with a row
per symbol; ``ticker_rows``: with a row per message. ``trades``: a user's sink behind a feed. ``decode``: a connection
whose messages nobody reads. ``mixed``: ten books, a ladder drawn ten times a second, and a graph of three nodes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import kucoin_stream as ks
from benchmarks.process import Flood, Stopwatch
from kucoin_stream.protocol.messages.envelope import Push

POLL = 0.005  # seconds
PATIENCE = 120.0  # seconds
ROWS = 5000  # of the frame with a row per message

WORKS = {
    "decode": "level2",
    "books": "level2",
    "heavy": "heavy",
    "heavy_top": "heavy",
    "heavy_streamz": "heavy",
    "ticker": "ticker",
    "ticker_rows": "ticker",
    "trades": "trades",
    "mixed": "level2",
}
"""By work, the kind of its flood."""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the flood did not arrive")
        time.sleep(POLL)


def open_client(url: str, transport: str = "auto", **options: Any) -> ks.Client:
    return ks.Client(url, key="key", secret="secret", passphrase="passphrase", transport=transport, **options).open()


def open_books(client: ks.Client, flood: Flood) -> dict[str, Any]:
    books = {symbol: client.book(symbol) for symbol in flood.symbols}
    for book in books.values():
        book.wait()
    return books


def check_books(books: dict[str, Any], flood: Flood) -> None:
    """Compare every level with the server's own books, and the counts."""
    began = flood.snapshots()
    applied = 0
    for symbol, wanted in flood.ask("reference").items():
        book = books[symbol]
        levels = book.levels()
        for side in ("bid", "ask"):
            expected = np.array(wanted[f"{side}s"], dtype=float)
            assert np.array_equal(getattr(levels, f"{side}_prices"), expected[:, 0]), (symbol, side)
            assert np.array_equal(getattr(levels, f"{side}_sizes"), expected[:, 1]), (symbol, side)
        assert (book.status, book.gap_count) == ("live", 0), symbol
        applied += book.sequence - int(began[symbol]["sequence"])
    assert applied == flood.count, applied


def arrival(books: dict[str, Any], flood: Flood) -> Callable[[], bool]:
    """Return what tells whether every book has seen its last change."""
    last = [(books[symbol], int(snapshot["sequence"])) for symbol, snapshot in flood.ask("reference").items()]
    return lambda: all(book.sequence == sequence for book, sequence in last)


def measured(flood: Flood, done: Callable[[], bool]) -> dict[str, float]:
    """Run a flood until it is ``done``."""
    flood.ask("bytes")  # so that the messages are made
    gc.collect()
    flood.go()
    watch = Stopwatch()
    until(done)
    return watch.stop(flood.count)


def run_books(client: ks.Client, flood: Flood) -> dict[str, float]:
    books = open_books(client, flood)
    result = measured(flood, arrival(books, flood))
    check_books(books, flood)
    return result | {"mid_ns": _mid(next(iter(books.values())))}


def _mid(book: Any) -> float:
    rounds = 20_000
    began = time.process_time()
    for _ in range(rounds):
        book.mid  # noqa: B018
    return (time.process_time() - began) / rounds * 1e9


class Tops:
    """A table beside a book: is handed the best prices after each change, a list per socket read."""

    def __init__(self) -> None:
        self.count, self.last = 0, None

    def take(self, messages: list[Any]) -> None:
        self.count += len(messages)
        self.last = messages[-1]

    def tell(self, news: Any) -> None:
        raise AssertionError(news)


def check_top(top: Any, flood: Flood) -> None:
    (wanted,) = flood.ask("reference").values()
    bid, ask_ = ([float(each) for each in wanted[side][0]] for side in ("bids", "asks"))
    assert [top.bid, top.bid_size] == bid, top
    assert [top.ask, top.ask_size] == ask_, top
    assert top.sequence == int(wanted["sequence"]), top


def run_top(client: ks.Client, flood: Flood) -> dict[str, float]:
    books, tops = open_books(client, flood), Tops()
    (book,) = books.values()
    client.engine.call(book._keeper.inlet.grow, tops)
    result = measured(flood, arrival(books, flood))
    assert tops.count == flood.count, tops.count
    check_top(tops.last, flood)
    check_books(books, flood)
    return result


def run_stream(client: ks.Client, flood: Flood) -> dict[str, float]:
    books, tops = open_books(client, flood), Tops()
    (book,) = books.values()
    book.stream.sink(lambda top: tops.take([top]))
    result = measured(flood, lambda: tops.count >= flood.count)
    assert (tops.count, book.stream.dropped, book.stream.error_count) == (flood.count, 0, 0)
    check_top(tops.last, flood)
    check_books(books, flood)
    return result


def run_ticker(client: ks.Client, flood: Flood, options: dict[str, Any]) -> dict[str, float]:
    feed = client.ticker(*flood.symbols)
    frame = feed.frame(**options)
    result = measured(flood, lambda: feed.received >= flood.count)
    assert feed.received == flood.count, feed.received
    known = frame.df
    assert len(known) == (min(flood.count, ROWS) if "maxlen" in options else len(flood.symbols)), len(known)
    latest = known.reset_index().drop_duplicates("symbol", keep="last").set_index("symbol")
    for topic, wanted in flood.ask("last").items():
        row = latest.loc[topic.partition(":")[2]]
        assert (row["best_bid"], row["best_ask"]) == (float(wanted["bestBid"]), float(wanted["bestAsk"])), topic
        assert row["sequence"] == int(wanted["sequence"]), topic
    return result


def run_trades(client: ks.Client, flood: Flood) -> dict[str, float]:
    feed, seen, last = client.trades(*flood.symbols), 0, ""

    def user(trade: Any) -> None:
        nonlocal seen, last
        seen += 1
        last = trade.trade_id

    feed.sink(user)
    result = measured(flood, lambda: seen >= flood.count)
    assert (seen, feed.dropped, feed.error_count) == (flood.count, 0, 0)
    assert last == max(each["tradeId"] for each in flood.ask("last").values()), last
    return result


def run_mixed(client: ks.Client, flood: Flood) -> dict[str, float]:
    from kucoin_stream.widgets.screen import screen

    books = open_books(client, flood)
    book, seen = books["BTC-USDT"], [0, 0]
    changes = int(flood.ask("reference")["BTC-USDT"]["sequence"]) - book.sequence

    def mid(top: Any) -> float:
        seen[0] += 1
        return (top.bid + top.ask) / 2

    def user(_: float) -> None:
        seen[1] += 1

    stream = book.stream
    stream.map(mid).filter(lambda price: price > 0).sink(user)
    view = book.widget()
    pictures = screen.statistics()["pictures"]
    arrived = arrival(books, flood)
    result = measured(flood, lambda: seen[1] >= changes and arrived())
    assert (*seen, stream.dropped, stream.error_count) == (changes, changes, 0, 0)
    drawn = screen.statistics()["pictures"] - pictures
    assert drawn > 0, "no picture was drawn"
    check_books(books, flood)
    view.close()
    return result | {"pictures": drawn}


class Nobody:
    """Counts what a connection reads, in place of the pool."""

    def __init__(self, count: int, done: asyncio.Future[None]) -> None:
        self.left, self._done = count, done
        self.last: Any = None
        self.acknowledgement: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def received(self, source: Any, events: list[Any]) -> None:
        if not isinstance(events[-1], Push):  # before the flood: the welcome, the ack
            for event in events:
                source.handle(event)
            return
        self.left -= len(events)
        self.last = events[-1].data
        if not self.left:
            self._done.set_result(None)

    def acknowledged(self, source: Any, command: Any) -> None:
        self.acknowledgement.set_result(None)

    def failed(self, error: Exception) -> None:
        raise error

    def spoiled(self, source: Any, error: Exception) -> None:
        raise error

    def rejected(self, *refusal: Any) -> None:
        raise AssertionError(refusal)

    unanswered = rejected


async def decode(flood: Flood, engine: Any) -> dict[str, float]:
    """Receive and decode as the library's own connection does, and nothing else."""
    from kucoin_stream.protocol.topic import Connection as Key
    from kucoin_stream.transport.connection import Command, Connection

    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    nobody = Nobody(flood.count, done)
    connection = Connection(1, Key.SPOT_PUBLIC, engine.wire, engine.settings, nobody)
    await connection.open()
    connection.command(Command("subscribe", tuple(f"{flood.path}:{symbol}" for symbol in flood.symbols)))
    await nobody.acknowledgement
    flood.ask("bytes")
    gc.collect()
    flood.go()
    watch = Stopwatch()
    await done
    result = watch.stop(flood.count)
    await connection.close()
    ends = [int(snapshot["sequence"]) for snapshot in flood.ask("reference").values()]
    assert nobody.left == 0, nobody.left
    assert nobody.last.sequence_end in ends
    return result


def run(flood: Flood, transport: str, work: str) -> dict[str, float]:
    client = open_client(flood.url, transport, inbox_size=max(100_000, flood.count))
    try:
        match work:
            case "decode":
                return client.engine.call(decode, flood, client.engine, timeout=600)
            case "books" | "heavy":
                return run_books(client, flood)
            case "heavy_top":
                return run_top(client, flood)
            case "heavy_streamz":
                return run_stream(client, flood)
            case "ticker":
                return run_ticker(client, flood, {"latest": "symbol"})
            case "ticker_rows":
                return run_ticker(client, flood, {"maxlen": ROWS})
            case "trades":
                return run_trades(client, flood)
            case "mixed":
                return run_mixed(client, flood)
            case _:
                raise ValueError(work)
    finally:
        client.close()


if __name__ == "__main__":
    asked = Flood(sys.argv[1], WORKS[sys.argv[3]], int(sys.argv[4]), float(sys.argv[5]))
    print(json.dumps(run(asked, sys.argv[2], sys.argv[3])))
