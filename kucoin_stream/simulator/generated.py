"""A market made up from a seed: about a dozen symbols, one ladder each, from which everything follows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from kucoin_stream.errors import UsageError
from kucoin_stream.simulator.feed import SymbolFeed
from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.listings import LISTINGS, currency, symbol_v1, symbol_v2
from kucoin_stream.simulator.market import Json, Push
from kucoin_stream.simulator.summary import statistics

WARM_UP = 60 * SECOND  # ns of trading before the doors open, so that there are trades to look back at
ASLEEP = 10 * SECOND  # ns: a longer pause is skipped, not made up for


class GeneratedMarket:
    """A seeded market. The same seed, symbols and times give the same messages.

    ``symbols``: some of the listed ones; all by default. ``rate`` multiplies the frequency of events.
    ``merge`` > 1 joins up to that many level-2 changes in a message (at most 100 ms apart).
    """

    live = True
    unpaced = False
    finished = False

    def __init__(
        self, symbols: Iterable[str] | None = None, seed: int = 0, rate: float = 1.0, *, merge: int = 1
    ) -> None:
        known = {listing.symbol: listing for listing in LISTINGS}
        names = list(known) if symbols is None else list(symbols)
        unknown = [name for name in names if name not in known]
        if unknown:
            raise UsageError(f"the simulated market has no {', '.join(unknown)}; there are: {', '.join(known)}")
        if rate <= 0:
            raise UsageError(f"rate must be above 0, not {rate}")
        self._listings = [known[name] for name in names]
        self._seed = seed
        self._rate = rate
        self._merge = merge
        self._now_ns = 0
        self._feeds: dict[str, SymbolFeed] = {}
        self._markets = list(dict.fromkeys(name for listing in self._listings for name in listing.markets))

    def __repr__(self) -> str:
        return f"<GeneratedMarket {len(self._listings)} symbols, seed {self._seed}, rate {self._rate:g}>"

    def start(self, now_ns: int) -> None:
        """Open the market, after some trading that nobody saw. Does nothing the second time."""
        if self._feeds:
            return
        begin = now_ns - int(WARM_UP / max(1.0, self._rate))
        for listing in self._listings:
            feed = SymbolFeed(listing, self._seed, begin, rate=self._rate, merge=self._merge)
            self._feeds[listing.symbol] = feed
        self._now_ns = now_ns
        for feed in self._feeds.values():
            feed.advance(now_ns, (), [])

    def begin(self, now_ns: int) -> None:
        """Do nothing: this market runs from its start."""

    def advance(self, now_ns: int, wanted: Collection[str]) -> list[Push]:
        """Let everything happen up to ``now_ns``; return the pushes of topics in ``wanted``."""
        pushes: list[Push] = []
        if now_ns - self._now_ns > ASLEEP:
            for feed in self._feeds.values():
                feed.skip(now_ns)
        for feed in self._feeds.values():
            feed.advance(now_ns, wanted, pushes)
        self._now_ns = max(self._now_ns, now_ns)
        return pushes

    def time_ns(self, now_ns: int) -> int:
        """Return the wall clock's time."""
        return now_ns

    def feed(self, symbol: str) -> SymbolFeed:
        """Return the state of one symbol."""
        return self._feeds[symbol]

    def has_symbol(self, symbol: str) -> bool:
        """Whether the symbol is listed."""
        return any(listing.symbol == symbol for listing in self._listings)

    def markets(self) -> list[str]:
        """Return the names of the markets."""
        return self._markets

    def symbols(self) -> list[Json]:
        """Return the symbols, with fees and auctions."""
        return [symbol_v2(listing) for listing in self._listings]

    def symbols_v1(self) -> list[Json]:
        """Return the symbols, without fees and auctions."""
        return [symbol_v1(listing) for listing in self._listings]

    def currencies(self) -> list[Json]:
        """Return the currencies of all symbols."""
        names = dict.fromkeys(name for listing in self._listings for name in (listing.base, listing.quote))
        return [currency(name) for name in names]

    def book(self, symbol: str, depth: int | None) -> Json:
        """Return the book: all levels, or the best ``depth`` a side."""
        feed = self._feeds[symbol]
        return {
            "time": self._now_ns // 1_000_000,
            "sequence": str(feed.flow.sequence),
            "bids": feed.written("bids", depth),
            "asks": feed.written("asks", depth),
        }

    def level1(self, symbol: str) -> Json:
        """Return the top of the book and the last trade."""
        return self._feeds[symbol].ticker() | {"time": self._now_ns // 1_000_000}

    def trades(self, symbol: str) -> list[Json]:
        """Return the last 100 trades, oldest first."""
        feed = self._feeds[symbol]
        return [
            {
                "sequence": str(fill.number),
                "price": feed.price(fill.price),
                "size": text(fill.size, feed.listing.size_scale),
                "side": fill.side,
                "time": fill.time_ns,
            }
            for fill in feed.trades
        ]

    def candles(self, symbol: str, interval: str, start_s: int, end_s: int) -> list[list[str]]:
        """Return bars, newest first, the live one included."""
        feed = self._feeds[symbol]
        price_scale, size_scale = feed.listing.price_scale, feed.listing.size_scale
        scales = (price_scale,) * 4 + (size_scale, price_scale + size_scale)
        rows: list[list[Any]] = feed.klines.rows(interval, start_s, end_s)[::-1].tolist()
        return [
            [str(row[0]), *(text(value, scale) for value, scale in zip(row[1:], scales, strict=True))] for row in rows
        ]

    def stats(self, symbol: str) -> Json:
        """Return the 24 h statistics."""
        return {"time": self._now_ns // 1_000_000} | self._statistics(self._feeds[symbol])

    def all_tickers(self) -> list[Json]:
        """Return the 24 h statistics of all symbols."""
        rows = []
        for feed in self._feeds.values():
            (ask,), (bid,) = feed.written("asks", 1), feed.written("bids", 1)
            name = feed.listing.name or feed.listing.symbol
            rows.append(self._statistics(feed) | {"symbolName": name, "bestBidSize": bid[1], "bestAskSize": ask[1]})
        return rows

    def _statistics(self, feed: SymbolFeed) -> dict[str, Any]:
        return statistics(feed.listing, feed.flow, feed.klines, self._now_ns)
