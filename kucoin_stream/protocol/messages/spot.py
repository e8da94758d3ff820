"""Pushes of the classic spot and margin connection (protocol.md 4.1 to 4.12).

Prices are in the quote currency, sizes in the base currency, turnover in the quote currency.
A field's unit of time is in its name. Fields that KuCoin leaves out, or sends as ``null``, are ``None``.
"""

from __future__ import annotations

from msgspec import Struct, field

from kucoin_stream.protocol.messages import Integer, TimeMs, TimeNs, TimeS
from kucoin_stream.protocol.messages.units import FlatLevel, Funds, Milliseconds, Price, Ratio, SignedPrice, Size, Times

Level = tuple[Price, Size]
"""``(price, size)``"""

Change = tuple[Price, Size, Integer]
"""``(price, size, sequence)``: the new size at a price; size 0 removes it; price 0 only moves the sequence."""


class Ticker(Struct, frozen=True, rename="camel", gc=False):
    """Last trade and top of the book; ``sequence`` is that of the level-2 book (4.1, 4.2)."""

    sequence: Integer
    time_ms: TimeMs | None = field(name="time", default=None)
    price: Price | None = None
    size: Size | None = None
    best_bid: Price | None = None
    best_bid_size: Size | None = None
    best_ask: Price | None = None
    best_ask_size: Size | None = None
    symbol: str = ""  # from the topic, or from the subject of ``/market/ticker:all``


class Trade(Struct, frozen=True, rename="camel", gc=False):
    """One match of a taker with one maker order; ``side`` is the taker's (4.9)."""

    symbol: str
    side: str
    price: Price
    size: Size
    time_ns: TimeNs = field(name="time")
    trade_id: str
    sequence: Integer
    maker_order_id: str = ""
    taker_order_id: str = ""


class Changes(Struct, frozen=True, gc=False):
    """The changed levels of a :class:`BookDelta`, by side."""

    asks: list[Change] | None = []
    bids: list[Change] | None = []


class BookDelta(Struct, frozen=True, rename="camel", gc=False):
    """A contiguous run of level-2 changes: sequences ``sequence_start`` to ``sequence_end``, both included (4.5)."""

    symbol: str
    changes: Changes
    sequence_start: Integer
    sequence_end: Integer
    time_ms: TimeMs | None = field(name="time", default=None)  # since 2022


class BookTop(Struct, frozen=True):
    """Best ask and bid as ``[price, size]``; ``None`` on an empty side (4.3)."""

    asks: FlatLevel | None = None
    bids: FlatLevel | None = None
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)
    symbol: str = ""


class BookDepth(Struct, frozen=True):
    """The best 5 or 50 levels a side, best first; replaces the one before (4.4, 4.6)."""

    asks: list[Level] | None = None
    bids: list[Level] | None = None
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)
    symbol: str = ""


class CallAuction(Struct, frozen=True, rename="camel", gc=False):
    """State of a call auction (4.7)."""

    symbol: str
    estimated_price: Price | None = None
    estimated_size: Size | None = None
    sell_order_range_low_price: Price | None = None
    sell_order_range_high_price: Price | None = None
    buy_order_range_low_price: Price | None = None
    buy_order_range_high_price: Price | None = None
    time_ms: TimeMs | None = field(name="time", default=None)


class Candle(Struct, frozen=True, array_like=True, gc=False):
    """One bar in the wire's order. ``start_s`` is the Unix time of its begin, in seconds (4.8, 8.2.6)."""

    start_s: TimeS
    open: Price
    close: Price
    high: Price
    low: Price
    volume: Size
    turnover: Funds


class KlineUpdate(Struct, frozen=True):
    """The state of a bar after a change; final once a later bar appears (4.8)."""

    symbol: str
    candle: Candle = field(name="candles")
    time_ns: TimeNs | None = field(name="time", default=None)
    interval: str = ""  # from the topic


class PriceChange(Struct, frozen=True, rename="camel", gc=False):
    """Change over a window: absolute, and as a fraction (0.01 = 1 %)."""

    change_price: SignedPrice | None = None
    change_rate: Ratio | None = None
    high: Price | None = None
    low: Price | None = None
    open: Price | None = None
    vol: Size | None = None
    vol_value: Funds | None = None


class SnapshotData(Struct, frozen=True, rename="camel"):
    """24 h statistics of a symbol; ``change_rate`` is a fraction (4.10)."""

    symbol: str
    datetime_ms: TimeMs | None = field(name="datetime", default=None)
    last_traded_price: Price | None = None
    open: Price | None = None
    high: Price | None = None
    low: Price | None = None
    close: Price | None = None
    average_price: Price | None = None
    vol: Size | None = None
    vol_value: Funds | None = None
    change_price: SignedPrice | None = None
    change_rate: Ratio | None = None
    buy: Price | None = None
    bid_size: Size | None = None
    sell: Price | None = None
    ask_size: Size | None = None
    base_currency: str | None = None
    quote_currency: str | None = None
    market: str | None = None
    markets: list[str] | None = None
    trading: bool | None = None
    margin_trade: bool | None = None
    board: Integer | None = None
    mark: Integer | None = None
    sort: Integer | None = None
    site_types: list[str] | None = None
    maker_fee_rate: Ratio | None = None
    taker_fee_rate: Ratio | None = None
    maker_coefficient: Times | None = None
    taker_coefficient: Times | None = None
    market_change_1h: PriceChange | None = field(name="marketChange1h", default=None)
    market_change_4h: PriceChange | None = field(name="marketChange4h", default=None)
    market_change_24h: PriceChange | None = field(name="marketChange24h", default=None)


class Snapshot(Struct, frozen=True):
    """The push of a symbol's or market's 24 h statistics; older servers send a list (4.10, 4.11)."""

    data: SnapshotData | list[SnapshotData]
    sequence: Integer | None = None

    @property
    def symbol(self) -> str | None:
        """The symbol; ``None`` of a list. A reader that lags behind gets the latest of each."""
        return None if isinstance(self.data, list) else self.data.symbol


class IndexPrice(Struct, frozen=True, gc=False):
    """Index or mark price of margin trading (4.12)."""

    symbol: str
    value: Price
    granularity_ms: Milliseconds | None = field(name="granularity", default=None)
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)
