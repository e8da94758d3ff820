"""cryptofeed: ``FeedHandler`` (uvloop, as by default) and its ``KuCoin`` feed; books of Decimals sorted in C.

A callback is awaited after every message: it counts, and ``heavy_top`` reads ``bids.index(0)`` and ``asks.index(0)``.
Set up otherwise than in its docs, all before the flood: addresses (it knows only ``https://api.kucoin.com``, and takes
only ``wss://``), and the snapshots, which it would ask for at a book's first increment, are asked for before.
"""

from __future__ import annotations

import asyncio
from typing import Any

from common import PATIENCE, Run, report, same_books
from cryptofeed import FeedHandler
from cryptofeed.connection import AsyncConnection, HTTPSync, RestEndpoint, Routes
from cryptofeed.defines import L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import KuCoin
from cryptofeed.types import OrderBook, Ticker, Trade

KEYS = {"key_id": "key", "key_secret": "secret", "key_passphrase": "passphrase"}
CONFIG = {"uvloop": True, "log": {"disabled": True}, "kucoin": KEYS}


class LocalHttp(HTTPSync):
    """The library's requests, at the flood server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def write(self, address: str, **options: Any) -> Any:
        return super().write(address.replace("https://api.kucoin.com", self._url), **options)


class LocalKuCoin(KuCoin):
    """The library's feed, at the flood server."""

    def _address(self) -> str:
        return self.websocket_endpoints[0].address.replace("ws://", "wss://")

    def connect(self) -> list[tuple[Any, ...]]:
        connections = super().connect()
        for connection, *_ in connections:
            connection.address = connection.address.replace("wss://", "ws://")
        return connections

    async def subscribe(self, conn: AsyncConnection) -> None:
        await super().subscribe(conn)
        for symbol in self.subscription.get("/market/level2", ()):
            await self._snapshot(symbol)


class Watch:
    """Callbacks: they count, and keep what the work is about."""

    def __init__(self, run: Run) -> None:
        self._left = run.count
        self.done = asyncio.Event()
        self.books: dict[str, OrderBook] = {}
        self.latest: dict[str, Ticker] = {}
        self.top: Any = None

    def _seen(self) -> None:
        self._left -= 1
        if not self._left:
            self.done.set()

    async def book(self, book: OrderBook, _received: float) -> None:
        if book.delta is None:  # a snapshot
            self.books[book.symbol] = book
        else:
            self._seen()

    async def top_of_book(self, book: OrderBook, _received: float) -> None:
        if book.delta is None:
            self.books[book.symbol] = book
        else:
            sides = book.book
            self.top = sides.bids.index(0), sides.asks.index(0)
            self._seen()

    async def ticker(self, ticker: Ticker, _received: float) -> None:
        self.latest[ticker.symbol] = ticker
        self._seen()

    async def trade(self, _trade: Trade, _received: float) -> None:
        self._seen()


def right(run: Run, watch: Watch) -> bool:
    if run.is_book:
        sides = {symbol: book.book.to_dict() for symbol, book in watch.books.items()}
        books = {symbol: (side["bid"].items(), side["ask"].items()) for symbol, side in sides.items()}
        return len(books) == len(run.symbols) and same_books(books, run.reference())
    if run.work == "ticker":
        wanted = {symbol: (float(data["bestBid"]), float(data["bestAsk"])) for symbol, data in run.last().items()}
        return {symbol: (float(tick.bid), float(tick.ask)) for symbol, tick in watch.latest.items()} == wanted
    return watch.done.is_set()


async def main(run: Run, handler: FeedHandler) -> None:
    watch = Watch(run)
    channel = L2_BOOK if run.is_book else TICKER if run.work == "ticker" else TRADES
    callbacks = {"heavy_top": watch.top_of_book, "ticker": watch.ticker, "trades": watch.trade}
    callback = callbacks.get(run.work, watch.book)
    feed = LocalKuCoin(config=handler.config, symbols=run.symbols, channels=[channel], callbacks={channel: callback})
    handler.add_feed(feed)
    handler.run(start_loop=False, install_signal_handlers=False)
    while run.is_book and len(watch.books) < len(run.symbols):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    run.last(), run.reference()  # the server has made the messages
    await run.begin()
    await asyncio.wait_for(watch.done.wait(), PATIENCE)
    measured = run.stop()
    checked = right(run, watch)
    report(measured, checked=checked)
    await handler.stop_async(asyncio.get_running_loop())


if __name__ == "__main__":
    ordered = Run.ordered()
    LocalKuCoin.http_sync = LocalHttp(ordered.url)
    LocalKuCoin.rest_endpoints = [
        RestEndpoint(ordered.url, routes=Routes("/api/v1/symbols", l2book="/api/v3/market/orderbook/level2?symbol={}"))
    ]
    the_handler = FeedHandler(config=CONFIG)  # sets uvloop's policy
    asyncio.get_event_loop_policy().new_event_loop().run_until_complete(main(ordered, the_handler))
