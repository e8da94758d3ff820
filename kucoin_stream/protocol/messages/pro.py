"""Frames and public pushes of the Pro (V2) connections (protocol.md 6.1 to 6.5).

KuCoin's keys are single letters, and their case matters; the names here are words. Prices are in the quote currency,
sizes in the base currency on spot and in contracts on futures. A field's unit of time is in its name.
Fields that KuCoin leaves out, or sends as ``null``, are ``None``.
"""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar, get_args

from msgspec import Meta, Raw, Struct, field
from msgspec.structs import force_setattr

from kucoin_stream.protocol.messages import NANOSECONDS, Amount, Integer, TimeMs, TimeNs, TimeS, in_unit
from kucoin_stream.protocol.messages.blanks import Blank, Text, WithBlanks
from kucoin_stream.protocol.messages.units import Funds, Lots, MarketSize, Milliseconds, Price, Ratio

T = TypeVar("T")


# -- frames --------------------------------------------------------------------------------------------------------


class Envelope(WithBlanks, frozen=True, gc=False):
    """A push with its payload undecoded; ``channel`` is empty where a frame is none.

    ``depth`` and ``subject`` may come in any case, ``pushed_ns`` in any unit: here they are as documented.
    """

    channel: str = field(name="T", default="")
    depth: Text = field(name="dp", default="")
    subject: Text = field(name="t", default="")
    payload: Raw = field(name="d", default=Raw())
    pushed_ns: Integer | Blank = field(name="P", default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        force_setattr(self, "depth", self.depth.casefold())
        force_setattr(self, "subject", self.subject.casefold())
        if self.pushed_ns is not None:
            force_setattr(self, "pushed_ns", in_unit(self.pushed_ns, *NANOSECONDS))


class Frame(Struct, Generic[T], frozen=True, gc=False):
    """A push with its payload, decoded in one pass. ``channel`` has the trade type: ``obu.SPOT``."""

    channel: str = field(name="T")
    data: T = field(name="d")
    depth: str = field(name="dp", default="")
    subject: str = field(name="t", default="")
    pushed_ns: TimeNs | None = field(name="P", default=None)


class BookFrame(Struct, frozen=True, gc=False):
    """A push of a book, as :class:`Frame`; one that does not say what it is, is none."""

    channel: str = field(name="T")
    data: Book = field(name="d")
    subject: Kind = field(name="t")
    depth: str = field(name="dp", default="")
    pushed_ns: TimeNs | None = field(name="P", default=None)


class Address(Struct, frozen=True, gc=False):
    """What of a payload says whose it is; read where the payload itself is not readable."""

    symbol: str = field(name="s", default="")
    interval: str = field(name="i", default="")


class Command(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A frame that a client sends: a subscribe, an unsubscribe, or (``type``) a ping. ``id`` is echoed (6.2, 6.3)."""

    id: str
    type: str = ""
    action: str = ""
    channel: str = ""
    trade_type: str = ""
    account_type: str = ""
    symbol: str = ""
    symbols: tuple[str, ...] = ()
    interval: str = ""
    depth: str = ""


# -- pushes --------------------------------------------------------------------------------------------------------


class Ticker(Struct, frozen=True, gc=False):
    """Last trade and top of the book, sent on trades. ``side`` is the taker's, in either case (6.5.1)."""

    symbol: str = field(name="s")
    sequence: Integer | None = field(name="E", default=None)
    time_ns: TimeNs | None = field(name="M", default=None)
    price: Price | None = field(name="l", default=None)
    size: MarketSize | None = field(name="q", default=None)
    side: str = field(name="S", default="")
    best_bid: Price | None = field(name="b", default=None)
    best_bid_size: MarketSize | None = field(name="B", default=None)
    best_ask: Price | None = field(name="a", default=None)
    best_ask_size: MarketSize | None = field(name="A", default=None)


class Trade(Struct, frozen=True, gc=False):
    """One match; ``side`` is the taker's. ``rpi``: against a retail price improvement order, futures only (6.5.2)."""

    symbol: str = field(name="s")
    side: str = field(name="S")
    price: Price = field(name="p")
    size: MarketSize = field(name="q")
    time_ns: TimeNs = field(name="M")
    trade_id: str | int = field(name="ti", default="")  # always text once made
    sequence: Integer | None = field(name="E", default=None)
    rpi: bool | None = None

    def __post_init__(self) -> None:
        if type(self.trade_id) is not str:
            force_setattr(self, "trade_id", str(self.trade_id))


class Kline(Struct, frozen=True, gc=False):
    """The state of a bar; final once a later bar appears. ``start_s`` and ``end_s`` are Unix seconds (6.5.3).

    ``volume`` is in the base currency, or in contracts; ``turnover`` in the quote currency. ``time_ns`` is the push's.
    Sources differ on what ``marked`` means: that a bar begins, or that it is closed.
    """

    symbol: str = field(name="s")
    interval: str = field(name="i")
    start_s: TimeS = field(name="O")
    open: Price = field(name="o")
    close: Price = field(name="c")
    high: Price = field(name="h")
    low: Price = field(name="l")
    volume: MarketSize = field(name="v")
    turnover: Funds = field(name="a")
    end_s: TimeS | None = field(name="C", default=None)
    marked: bool | None = field(name="S", default=None)
    time_ns: TimeNs | None = None


Kind = Literal["snapshot", "delta"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Level = Annotated[tuple[Amount, ...], Meta(min_length=2, max_length=3, extra={"unit": "quote/base, size"})]
"""``(price, size)``, with ``rpiFilter`` ``(price, size without RPI orders, size of RPI orders)``."""


class Book(Struct, frozen=True, gc=False):
    """Levels of a book: all of them in a snapshot, in a delta the changed ones, where size 0 removes (6.5.4, 5.6).

    ``start`` and ``end`` are the first and last sequence covered, both included; they are equal in a snapshot.
    ``kind`` is ``snapshot`` or ``delta``, from the envelope.
    """

    symbol: str = field(name="s")
    start: Integer = field(name="O")
    end: Integer = field(name="C")
    asks: list[Level] | None = field(name="a", default=None)
    bids: list[Level] | None = field(name="b", default=None)
    time_ns: TimeNs | None = field(name="M", default=None)
    kind: str = ""


class MarkPrice(Struct, frozen=True, gc=False):
    """Mark and index price, each second; ``open_interest`` in contracts (6.5.5)."""

    symbol: str = field(name="s")
    mark_price: Price = field(name="mp")
    index_price: Price | None = field(name="ip", default=None)
    open_interest: Lots | None = field(name="oi", default=None)
    time_ms: TimeMs | None = field(name="ts", default=None)


class FundingRate(Struct, frozen=True, gc=False):
    """The funding rate of a contract, each minute, as a fraction (0.01 = 1 %). ``time_ns`` is the push's (6.5.6).

    ``start_ms`` begins the current interval of ``interval_millis``, ``next_ms`` is the next settlement; ``cap`` and
    ``floor`` bound the rate.
    """

    symbol: str = field(name="s")
    rate: Ratio = field(name="fr")
    last_rate: Ratio | None = field(name="lfr", default=None)
    start_ms: TimeMs | None = field(name="ft", default=None)
    next_ms: TimeMs | None = field(name="nt", default=None)
    interval_millis: Milliseconds | None = field(name="gl", default=None)
    cap: Ratio | None = field(name="fc", default=None)
    floor: Ratio | None = field(name="ff", default=None)
    time_ns: TimeNs | None = None


class CallAuction(Struct, frozen=True, gc=False):
    """State of a call auction: the estimated match, and the prices orders may have (6.5.7)."""

    symbol: str = field(name="s")
    estimated_price: Price | None = field(name="ep", default=None)
    estimated_size: MarketSize | None = field(name="es", default=None)
    sell_low: Price | None = field(name="slp", default=None)
    sell_high: Price | None = field(name="shp", default=None)
    buy_low: Price | None = field(name="blp", default=None)
    buy_high: Price | None = field(name="bhp", default=None)
    time_ms: TimeMs | None = field(name="ts", default=None)
    estimated_price_short: Price | None = field(name="eq", default=None)  # the price under the sample's key

    def __post_init__(self) -> None:
        if self.estimated_price is None and self.estimated_price_short is not None:
            force_setattr(self, "estimated_price", self.estimated_price_short)
        force_setattr(self, "estimated_price_short", None)
