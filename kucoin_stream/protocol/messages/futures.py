"""Pushes of the classic futures connection, public (protocol.md 4.20 to 4.28).

Prices are in the quote currency. Sizes are in lots (contracts of ``multiplier`` base coins each), unless said
otherwise. A field's unit of time is in its name. Fields that KuCoin leaves out, or sends as ``null``, are ``None``.
"""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import force_setattr

from kucoin_stream.protocol.messages import Integer, TimeMs, TimeNs, TimeS
from kucoin_stream.protocol.messages.units import Funds, Lots, Milliseconds, Price, Ratio, SignedPrice, Size

Level = tuple[Price, Lots]
"""``(price, size)``, the size in lots."""


class Ticker(Struct, frozen=True, rename="camel", gc=False):
    """Top of the book, whenever the book changed; ``sequence`` is the book's, absent before 2022 (4.20)."""

    symbol: str
    sequence: Integer | None = None
    best_bid_price: Price | None = None
    best_bid_size: Lots | None = None
    best_ask_price: Price | None = None
    best_ask_size: Lots | None = None
    ts_ns: TimeNs | None = field(name="ts", default=None)


class TickerV1(Struct, frozen=True, rename="camel", gc=False):
    """Top of the book and the last of simultaneous trades; ``sequence`` is the trade's, ``side`` the taker's (4.21)."""

    symbol: str
    sequence: Integer | None = None
    side: str = ""
    price: Price | None = None
    size: Lots | None = None
    trade_id: str = ""
    best_bid_price: Price | None = None
    best_bid_size: Lots | None = None
    best_ask_price: Price | None = None
    best_ask_size: Lots | None = None
    ts_ns: TimeNs | None = field(name="ts", default=None)


class BookChange(Struct, frozen=True, rename="camel", gc=False):
    """One changed level of a book: ``change`` is ``"price,side,size"`` (4.22).

    The size is new and absolute; size 0 removes the level; price 0 only moves the sequence, which grows by one.
    """

    sequence: Integer
    change: str
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)
    symbol: str = ""  # from the topic


class BookDepth(Struct, frozen=True, gc=False):
    """The best 5 or 50 levels a side, best first; replaces the one before (4.23).

    ``ts_ms`` repeats ``timestamp_ms``, and stands alone where that is absent. A ``sequence`` of 0 is none.
    """

    asks: list[Level] | None = None
    bids: list[Level] | None = None
    sequence: Integer | None = None
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)
    ts_ms: TimeMs | None = field(name="ts", default=None)
    symbol: str = ""  # from the topic

    def __post_init__(self) -> None:
        if self.sequence == 0:
            force_setattr(self, "sequence", None)


class Candle(Struct, frozen=True, array_like=True, gc=False):
    """One bar in the wire's order, which is not that of spot: turnover (quote) comes before volume (lots) (4.24).

    ``start_s`` is the Unix time of its begin, in seconds. The documents call the turnover "incorrect, do not use";
    on the live wire it is right.
    """

    start_s: TimeS
    open: Price
    close: Price
    high: Price
    low: Price
    turnover: Funds
    volume: Lots


class KlineUpdate(Struct, frozen=True, gc=False):
    """The state of a bar, every second; final once a later bar appears (4.24)."""

    symbol: str
    candle: Candle = field(name="candles")
    time_ms: TimeMs | None = field(name="time", default=None)
    interval: str = ""  # from the topic


class Trade(Struct, frozen=True, rename="camel", gc=False):
    """One match of a taker with one maker order; ``side`` is the taker's (4.25).

    ``sequence`` is in a number space of its own; ``trade_id`` is its text since 2023.
    """

    symbol: str
    side: str
    price: Price
    size: Lots
    ts_ns: TimeNs = field(name="ts")
    trade_id: str
    sequence: Integer | None = None
    maker_order_id: str = ""
    taker_order_id: str = ""
    maker_user_id: str = ""  # until 2024
    taker_user_id: str = ""  # until 2024


class MarkPrice(Struct, frozen=True, rename="camel", gc=False):
    """Mark and index price, every second (4.26)."""

    mark_price: Price
    index_price: Price | None = None
    granularity_ms: Milliseconds | None = field(name="granularity", default=None)
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)
    symbol: str = ""  # from the topic


class FundingRate(Struct, frozen=True, rename="camel", gc=False):
    """A funding rate as a fraction (0.0001 = 0.01 %), every minute (4.26).

    ``granularity_ms`` tells what it is: 60000 the predicted rate, 28800000 the settled rate of the 8 h interval.
    ``period`` 1: the fee is charged in this cycle.
    """

    funding_rate: Ratio
    granularity_ms: Milliseconds | None = field(name="granularity", default=None)
    period: Integer | None = None
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)
    symbol: str = ""  # from the topic


class FundingSettlement(Struct, frozen=True, rename="camel", gc=False):
    """Begin or end of a funding settlement: ``subject`` is ``funding.begin`` or ``funding.end`` (4.27)."""

    funding_time_ms: TimeMs = field(name="fundingTime")
    funding_rate: Ratio | None = None
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)
    symbol: str = ""  # from the topic where the data have none
    subject: str = ""  # of the push


class Snapshot(Struct, frozen=True, rename="camel", gc=False):
    """24 h statistics, every 5 s; ``volume`` in base coins, ``turnover`` in the quote currency (4.28).

    ``price_chg_pct`` and ``funding_rate`` are fractions (0.01 = 1 %).
    """

    symbol: str
    last_price: Price | None = None
    high_price: Price | None = None
    low_price: Price | None = None
    price_24_hours_before: Price | None = None
    price_chg: SignedPrice | None = None
    price_chg_pct: Ratio | None = None
    volume: Size | None = None
    turnover: Funds | None = None
    funding_rate: Ratio | None = None
    ts_ns: TimeNs | None = field(name="ts", default=None)
