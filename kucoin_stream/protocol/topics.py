"""The catalogue: one row per topic (protocol.md 4.0). What a topic is, is written here and nowhere else."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.messages import spot


class Connection(StrEnum):
    """The kinds of connection, by the keys of KuCoin's node SDK."""

    SPOT_PUBLIC = "spotPublicV1"


Overflow = Literal["conflate", "resync", "mark"]
"""What a full inbox does: keep the latest per symbol, start again from a snapshot, or leave a counted hole."""

INTERVALS: dict[str, int] = {
    "1min": 60,
    "3min": 180,
    "5min": 300,
    "15min": 900,
    "30min": 1800,
    "1hour": 3600,
    "2hour": 7200,
    "4hour": 14400,
    "6hour": 21600,
    "8hour": 28800,
    "12hour": 43200,
    "1day": 86400,
    "1week": 604800,
    "1month": 2592000,  # a nominal 30 days: months have no fixed length
}
"""Kline intervals and their length in seconds (protocol.md 4.8)."""


class Topic(Struct, frozen=True):
    """A row of the catalogue.

    ``path`` holds the placeholders ``{symbol}`` and ``{interval}`` (or ``{market}``) of its argument.
    ``list_limit`` is how many arguments one subscribe command may join by commas; 0: the topic takes none.
    """

    name: str
    connection: Connection
    path: str
    payload: type[Any]
    subjects: tuple[str, ...]
    overflow: Overflow
    section: str
    list_limit: int = 100
    private: bool = False

    @property
    def stem(self) -> str:
        """The path without its placeholders: ``/market/match``, or ``/market/ticker:all``."""
        return self.path.split(":{")[0]

    @property
    def argument(self) -> str:
        """The form of one argument: ``{symbol}``, ``{symbol}_{interval}``, ``{market}`` or nothing."""
        return self.path[len(self.stem) + 1 :]

    @property
    def by_symbol(self) -> bool:
        """Whether an argument names a symbol."""
        return "{symbol}" in self.path

    @property
    def incremental(self) -> bool:
        """Whether a message means something only after all those before it."""
        return self.overflow == "resync"

    def wire(self, argument: str = "") -> str:
        """Return the topic on the wire: one argument, or several joined by commas."""
        return f"{self.stem}:{argument}" if argument else self.stem


_SPOT = Connection.SPOT_PUBLIC

CATALOGUE: tuple[Topic, ...] = (
    Topic("spot.ticker", _SPOT, "/market/ticker:{symbol}", spot.Ticker, ("trade.ticker",), "conflate", "4.1"),
    Topic("spot.all_tickers", _SPOT, "/market/ticker:all", spot.Ticker, (), "conflate", "4.2", list_limit=0),
    Topic("spot.level1", _SPOT, "/spotMarket/level1:{symbol}", spot.BookTop, ("level1",), "conflate", "4.3"),
    Topic("spot.depth5", _SPOT, "/spotMarket/level2Depth5:{symbol}", spot.BookDepth, ("level2",), "conflate", "4.4"),
    Topic("spot.depth50", _SPOT, "/spotMarket/level2Depth50:{symbol}", spot.BookDepth, ("level2",), "conflate", "4.4"),
    Topic("spot.level2", _SPOT, "/market/level2:{symbol}", spot.BookDelta, ("trade.l2update",), "resync", "4.5"),
    Topic(
        "spot.call_auction_book", _SPOT, "/callauction/level2Depth50:{symbol}", spot.BookDepth, ("level2",),
        "conflate", "4.6", list_limit=1,
    ),
    Topic(
        "spot.call_auction", _SPOT, "/callauction/callauctionData:{symbol}", spot.CallAuction,
        ("callauction.callauctionData",), "conflate", "4.7", list_limit=1,
    ),
    Topic(
        "spot.klines", _SPOT, "/market/candles:{symbol}_{interval}", spot.KlineUpdate,
        ("trade.candles.update", "trade.candles.add"), "mark", "4.8", list_limit=1,
    ),
    Topic("spot.trades", _SPOT, "/market/match:{symbol}", spot.Trade, ("trade.l3match",), "mark", "4.9"),
    Topic(
        "spot.snapshot", _SPOT, "/market/snapshot:{symbol}", spot.Snapshot, ("trade.snapshot",), "conflate", "4.10",
        list_limit=1,
    ),
    Topic(
        "spot.market_snapshot", _SPOT, "/market/snapshot:{market}", spot.Snapshot, ("trade.snapshot",), "conflate",
        "4.11", list_limit=1,
    ),
    Topic("margin.index_price", _SPOT, "/indicator/index:{symbol}", spot.IndexPrice, ("tick",), "conflate", "4.12"),
    Topic("margin.mark_price", _SPOT, "/indicator/markPrice:{symbol}", spot.IndexPrice, ("tick",), "conflate", "4.12"),
)  # fmt: skip

TOPICS: dict[str, Topic] = {topic.name: topic for topic in CATALOGUE}


def find(name: str) -> Topic:
    """Return the row called ``name``, such as ``spot.trades``; raise :class:`UsageError` with what there is."""
    try:
        return TOPICS[name]
    except KeyError:
        raise UsageError(f"no such topic {name!r}; there are: {', '.join(TOPICS)}") from None


def parse(wire: str) -> tuple[Topic, str]:
    """Return the row and the argument of a topic as pushed: ``/market/match:BTC-USDT``.

    Raises :class:`KeyError` where the catalogue has none.
    """
    stem, _, argument = wire.partition(":")
    rows = _BY_STEM.get(wire) or _BY_STEM[stem]
    if len(rows) > 1 and "-" in argument:  # /market/snapshot takes a symbol or a market
        return next(row for row in rows if row.by_symbol), argument
    row = rows[-1]
    return row, argument if row.list_limit else ""


_BY_STEM: dict[str, list[Topic]] = {}
for _row in CATALOGUE:
    _BY_STEM.setdefault(_row.stem, []).append(_row)
