"""cryptofeed as its manual says, but for URLs: it knows only ``https://api.kucoin.com``, and takes only ``wss://``."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import Any

from common import KEY, PASSPHRASE, SECRET, URL, fault, get, report, same
from cryptofeed import FeedHandler
from cryptofeed.connection import HTTPSync, RestEndpoint
from cryptofeed.defines import CANDLES, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import KuCoin

SYMBOLS = ["BTC-USDT", "KCS-BTC"]
KEYS = {"key_id": KEY, "key_secret": SECRET, "key_passphrase": PASSPHRASE}
KUCOIN = "https://api.kucoin.com"


class Requests(HTTPSync):
    def write(self, address: str, **options: Any) -> Any:
        return super().write(address.replace(KUCOIN, URL), **options)


class Feed(KuCoin):
    http_sync = Requests()
    rest_endpoints = [RestEndpoint(URL, routes=KuCoin.rest_endpoints[0].routes)]

    def _address(self) -> str:
        return self.websocket_endpoints[0].address.replace("ws://", "wss://")

    def connect(self) -> list[tuple[Any, ...]]:
        connections = super().connect()
        for connection, *_ in connections:
            connection.address = connection.address.replace("wss://", "ws://")
        return connections


class Seen:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.books: dict[str, Any] = {}
        self.trades: set[str] = set()
        self.bars: set[str] = set()
        self.uncrossed = True

    async def book(self, book: Any, _received: float) -> None:
        self.counts["book"] += 1
        self.books[book.symbol] = book
        self.uncrossed &= book.book.bids.index(0)[0] < book.book.asks.index(0)[0]

    async def trade(self, trade: Any, _received: float) -> None:
        self.counts["trade"] += 1
        self.trades.add(f"{trade.symbol} {trade.id}")

    async def ticker(self, ticker: Any, _received: float) -> None:
        self.counts["ticker"] += 1
        self.uncrossed &= ticker.bid < ticker.ask

    async def bar(self, bar: Any, _received: float) -> None:
        self.counts["bar"] += 1
        self.bars.add(bar.symbol)

    def enough(self) -> bool:
        most = ("book", 200), ("trade", 5), ("ticker", 20), ("bar", 2)
        return len(self.books) == len(SYMBOLS) and all(self.counts[name] >= least for name, least in most)


async def watch(seen: Seen) -> None:
    while not seen.enough():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    fault("hold")
    theirs = get("/api/v1/market/orderbook/level2_100?symbol=BTC-USDT")
    while seen.books["BTC-USDT"].sequence_number < int(theirs["sequence"]):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    fault("release")
    book = seen.books["BTC-USDT"].book
    equal = all(
        same([side.index(index) for index in range(100)], theirs[name])
        for name, side in (("bids", book.bids), ("asks", book.asks))
    )
    report(
        equal=equal, uncrossed=seen.uncrossed, levels=len(book.bids), bars=sorted(seen.bars),
        doubles=seen.counts["trade"] - len(seen.trades),
    )  # fmt: skip


def main() -> None:
    seen = Seen()
    handler = FeedHandler(config={"log": {"disabled": True}, "kucoin": KEYS})
    callbacks = {L2_BOOK: seen.book, TRADES: seen.trade, TICKER: seen.ticker, CANDLES: seen.bar}
    handler.add_feed(Feed(config=handler.config, symbols=SYMBOLS, channels=list(callbacks), callbacks=callbacks))
    loop = asyncio.get_event_loop_policy().new_event_loop()
    asyncio.set_event_loop(loop)
    handler.run(start_loop=False, install_signal_handlers=False)
    loop.run_until_complete(watch(seen))
    os._exit(0)  # its tasks reconnect for ever


main()
