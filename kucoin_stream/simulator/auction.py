"""A call auction: orders gather, then all that fit trade at one price (protocol.md 4.6, 4.7, 6.5.7). Pure.

Theory of operation. From ``begin_ns`` on, seeded orders are placed on both sides of the listing's price, across each
other too. The price at which most could trade is estimated all the time; at ``end_ns`` it becomes the first trade, and
the symbol opens.
"""

from __future__ import annotations

from collections.abc import Collection
from random import Random
from typing import Any, NamedTuple

from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.instrument import Board, Instrument
from kucoin_stream.simulator.ladder import Ladder, Side
from kucoin_stream.simulator.listings import Listing
from kucoin_stream.simulator.market import Json, Push, message
from kucoin_stream.simulator.pro.board import push

_PACE = 20.0  # orders a second
_SPREAD = 0.002  # standard deviation of their prices, as a share of the price
_RANGE = 0.3  # how far from the price orders are taken, as a share of it
_DEPTH = 50


class Estimate(NamedTuple):
    """What would trade now: ``lots`` at ``price``; both 0 where nothing would."""

    price: int
    lots: int


class Auction:
    """The gathering of orders for one symbol."""

    def __init__(self, listing: Listing, seed: int, begin_ns: int, end_ns: int) -> None:
        self.listing = listing
        self.begin_ns, self.end_ns = begin_ns, end_ns
        self.ladder = Ladder(listing.price_scale, listing.size_scale)
        self._random = Random(f"{seed}/{listing.symbol}/auction")
        self._next_ns = begin_ns

    def __repr__(self) -> str:
        return f"<Auction of {self.listing.symbol}, {self.ladder!r}>"

    @property
    def low(self) -> int:
        """The lowest price taken, in ticks."""
        return max(1, round(self.listing.ticks * (1 - _RANGE)))

    @property
    def high(self) -> int:
        """The highest price taken, in ticks."""
        return round(self.listing.ticks * (1 + _RANGE))

    def advance(self, now_ns: int) -> None:
        """Let orders come up to ``now_ns``."""
        while self._next_ns <= min(now_ns, self.end_ns):
            self._next_ns += 1 + int(self._random.expovariate(_PACE) * SECOND)
            side: Side = "bids" if self._random.random() < 0.5 else "asks"
            price = round(self._random.gauss(self.listing.ticks, _SPREAD * self.listing.ticks))
            price = min(self.high, max(self.low, price))
            lots = max(1, round(self.listing.lots * self._random.lognormvariate(-0.5, 1.0)))
            self.ladder.set(side, price, self.ladder.size(side, price) + lots)

    def add(self, side: Side, price: int, lots: int) -> None:
        """Add what a user's order has at a price, or, where ``lots`` is negative, take it away."""
        self.ladder.set(side, price, self.ladder.size(side, price) + lots)

    def estimate(self) -> Estimate:
        """Return the price at which most trades, the lowest of several."""
        asks, bids = self.ladder.top("asks"), self.ladder.top("bids")
        best = Estimate(0, 0)
        for price in sorted({price for price, _ in (*asks, *bids)}):
            sold = sum(lots for level, lots in asks if level <= price)
            bought = sum(lots for level, lots in bids if level >= price)
            if min(sold, bought) > best.lots:
                best = Estimate(price, min(sold, bought))
        return best

    def times(self) -> dict[str, Any]:
        """Return what the symbol's row says of it: three stages of equal length, then trading."""
        stage = (self.end_ns - self.begin_ns) // 3
        starts = [(self.begin_ns + number * stage) // 1_000_000 for number in range(3)]
        names = ("callauctionFirstStageStartTime", "callauctionSecondStageStartTime", "callauctionThirdStageStartTime")
        price = self.ladder.written([(self.low, 1), (self.high, 1)])
        return {
            "callauctionIsEnabled": True,
            "callauctionPriceFloor": price[0][0],
            "callauctionPriceCeiling": price[1][0],
            **dict(zip(names, starts, strict=True)),
            "tradingStartTime": self.end_ns // 1_000_000,
        }

    def data(self, now_ns: int) -> Json:
        """Return the estimate as the classic topic and REST show it."""
        price, lots = self.estimate()
        (estimated, size), (low, _), (high, _) = self.ladder.written([(price, lots), (self.low, 1), (self.high, 1)])
        return {
            "symbol": self.listing.symbol,
            "estimatedPrice": estimated,
            "estimatedSize": size,
            "sellOrderRangeLowPrice": low,
            "sellOrderRangeHighPrice": high,
            "buyOrderRangeLowPrice": low,
            "buyOrderRangeHighPrice": high,
            "time": now_ns // 1_000_000,
        }


class AuctionBoard(Board):
    """Shows an auction every 100 ms, on classic and Pro, until it is over."""

    def __init__(self, instrument: Instrument, auction: Auction) -> None:
        self._auction = auction
        self._wanted: frozenset[str] = frozenset()
        symbol = instrument.listing.symbol
        self._book = f"/callauction/level2Depth50:{symbol}"
        self._data = f"/callauction/callauctionData:{symbol}"
        self._pro = f"callAuctionInfo.SPOT:{symbol}"

    def want(self, wanted: Collection[str]) -> bool:
        """Learn which topics somebody reads."""
        self._wanted = frozenset({self._book, self._data, self._pro}).intersection(wanted)
        return bool(self._wanted)

    def tick(self, moment: int, out: list[Push]) -> None:
        """Push what is read."""
        auction = self._auction
        if not auction.begin_ns <= moment < auction.end_ns:
            return
        auction.advance(moment)
        if self._book in self._wanted:
            sides = {side: auction.ladder.written(auction.ladder.top(side, _DEPTH)) for side in _SIDES}
            out.append(Push(self._book, message(self._book, "level2", sides | {"timestamp": moment // 1_000_000})))
        if not self._wanted & {self._data, self._pro}:
            return
        data = auction.data(moment)
        if self._data in self._wanted:
            out.append(Push(self._data, message(self._data, "callauction.callauctionData", data)))
        if self._pro in self._wanted:
            row = {short: float(data[name]) for short, name in _PRO_NAMES.items()}
            shown = {"s": data["symbol"], **row, "ts": data["time"]}
            text = push(self._pro, "callAuctionInfo.SPOT", moment, shown).text
            out.append(Push(self._pro, text.replace(', "P"', ', "t":"snapshot", "P"', 1)))


_SIDES: tuple[Side, Side] = ("asks", "bids")
_PRO_NAMES = {
    "slp": "sellOrderRangeLowPrice",
    "blp": "buyOrderRangeLowPrice",
    "shp": "sellOrderRangeHighPrice",
    "bhp": "buyOrderRangeHighPrice",
    "eq": "estimatedPrice",
    "es": "estimatedSize",
}
