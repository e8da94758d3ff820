"""ccxt (``ccxt.pro``): ``watch_order_book``, ``watch_ticker`` and ``watch_trades``, one loop a symbol.

Messages that have come together are taken in one go, and the loops see the last state: ``returns`` is how many of the
messages a ``watch_...`` returned for; ``heavy_top`` reads the best prices as often as that, not after every message.
``watch_trades`` returns all trades since its last return, none is lost. Set up otherwise than in its docs, all before
the flood: addresses, no calls for what the server lacks, and the snapshots, which it would ask for at a book's sixth
increment, are asked for before. orjson is installed, with which ccxt decodes.
"""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt.pro
from common import PATIENCE, Run, report, same_books


def opened(run: Run) -> Any:
    exchange = ccxt.pro.kucoin(
        {
            "apiKey": "key",
            "secret": "secret",
            "password": "passphrase",
            "enableRateLimit": False,
            "has": {"fetchCurrencies": False},
            "options": {
                "hf": False,
                "fetchMarkets": {"types": ["spot"], "fetchTickersFees": False},
                "watchTicker": {"spotMethod": "/market/ticker"},
            },
        }
    )
    exchange.urls["api"] |= {"public": run.url, "private": run.url}
    return exchange


class Loops:
    """A loop a symbol, until its last message is seen."""

    def __init__(self, run: Run, exchange: Any) -> None:
        self._run = run
        self._exchange = exchange
        self._last = run.last()
        self.names = {symbol: symbol.replace("-", "/") for symbol in run.symbols}
        self.returns = 0
        self.trades = 0
        self.top: Any = None

    async def all(self) -> None:
        loop = {"heavy_top": self._top, "ticker": self._ticker, "trades": self._trades}.get(self._run.work, self._book)
        tasks = [asyncio.create_task(loop(symbol)) for symbol in self.names]
        await asyncio.gather(*tasks)

    async def _book(self, symbol: str) -> None:
        watch, name, last = self._exchange.watch_order_book, self.names[symbol], self._last[symbol]["sequenceEnd"]
        while (await watch(name))["nonce"] != last:
            self.returns += 1

    async def _top(self, symbol: str) -> None:
        watch, name, last = self._exchange.watch_order_book, self.names[symbol], self._last[symbol]["sequenceEnd"]
        nonce = None
        while nonce != last:
            book = await watch(name)
            self.top = book["bids"][0], book["asks"][0]
            nonce = book["nonce"]
            self.returns += 1

    async def _ticker(self, symbol: str) -> None:
        exchange, name, last = self._exchange, self.names[symbol], self._last[symbol]["sequence"]
        latest: Any = None
        while latest is None or latest["info"]["sequence"] != last:
            await exchange.watch_ticker(name)
            latest = exchange.tickers[name]
            self.returns += 1

    async def _trades(self, symbol: str) -> None:
        watch, name, last = self._exchange.watch_trades, self.names[symbol], self._last[symbol]["tradeId"]
        trades: list[Any] = []
        while not trades or trades[-1]["id"] != last:
            trades = await watch(name)
            for _trade in trades:
                self.trades += 1
            self.returns += 1


async def prime(run: Run, exchange: Any, names: dict[str, str]) -> None:
    """Load the snapshots."""
    while len(exchange.orderbooks) < len(names):  # noqa: ASYNC110  made at the acknowledgement
        await asyncio.sleep(0.01)
    for name in names.values():
        exchange.orderbooks[name].reset(await exchange.fetch_order_book(name))


def plain(levels: list[list[float]]) -> list[tuple[float, float]]:
    """Return prices and sizes without what the exchange sent beside them."""
    return [(level[0], level[1]) for level in levels]


def right(run: Run, exchange: Any, loops: Loops) -> bool:
    if run.is_book:
        kept = {symbol: exchange.orderbooks[name] for symbol, name in loops.names.items()}
        books = {symbol: (plain(book["bids"]), plain(book["asks"])) for symbol, book in kept.items()}
        return same_books(books, run.reference())
    if run.work == "ticker":
        return {symbol: exchange.tickers[name]["info"] for symbol, name in loops.names.items()} == run.last()
    return loops.trades == run.count


async def main(run: Run) -> None:
    exchange = opened(run)
    await exchange.load_markets(params={"marginables": False})
    loops = Loops(run, exchange)
    watching = asyncio.create_task(loops.all())
    if run.is_book:
        await prime(run, exchange, loops.names)
    await run.begin()
    await asyncio.wait_for(watching, PATIENCE)
    measured = run.stop()
    checked = right(run, exchange, loops)
    report(measured, checked=checked, returns=loops.returns)
    await exchange.close()


if __name__ == "__main__":
    asyncio.run(main(Run.ordered()))
