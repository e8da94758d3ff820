"""Answers of the REST calls that a stream needs (protocol.md 2.2, 5.1, 8)."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from msgspec import Raw, Struct, field

from kucoin_stream.protocol.messages import Amount, Integer, SymbolName
from kucoin_stream.protocol.messages.spot import Level


class Response(Struct, frozen=True):
    """The envelope of every REST answer; success is code ``200000``."""

    code: str | int = ""
    data: Raw = Raw(b"null")
    msg: str | None = None

    def __repr__(self) -> str:
        return f"<Response {self.code}>"  # its data may hold a token


class InstanceServer(Struct, frozen=True, rename="camel"):
    """Where to connect and how often to ping, in ms; 18,000 and 10,000 in 2026."""

    endpoint: str
    ping_interval: Integer | None = None
    ping_timeout: Integer | None = None


class Bullet(Struct, frozen=True, rename="camel"):
    """A token for one connection attempt. Its repr hides the token."""

    token: str
    instance_servers: list[InstanceServer]

    def __repr__(self) -> str:
        return f"<Bullet {[server.endpoint for server in self.instance_servers]}>"


class ProBullet(Struct, frozen=True):
    """A token for one attempt at the private Pro connection (2.4). Its repr hides the token."""

    token: str

    def __repr__(self) -> str:
        return "<ProBullet>"


class SymbolInfo(Struct, frozen=True, rename="camel"):
    """A spot symbol (8.2.1). ``price_increment`` and ``base_increment`` are the steps of price and size."""

    symbol: SymbolName
    name: str = ""
    base_currency: str = ""
    quote_currency: str = ""
    market: str = ""
    base_min_size: Decimal | None = None
    base_max_size: Decimal | None = None
    quote_min_size: Decimal | None = None
    quote_max_size: Decimal | None = None
    base_increment: Decimal | None = None
    quote_increment: Decimal | None = None
    price_increment: Decimal | None = None
    min_funds: Decimal | None = None
    price_limit_rate: Decimal | None = None
    fee_currency: str = ""
    enable_trading: bool = True
    is_margin_enabled: bool = False


class BookSnapshot(Struct, frozen=True):
    """An order book at ``sequence``: bids descending, asks ascending (5.1)."""

    sequence: Integer
    bids: list[Level] | None = None
    asks: list[Level] | None = None
    time_ms: Integer | None = field(name="time", default=None)

    sequence_start: ClassVar[None] = None
    """Unlike a change in the same stream it follows on nothing."""

    @property
    def sequence_end(self) -> int:
        """The sequence, as a change in the same stream calls it."""
        return self.sequence

    def snapshot(self) -> BookSnapshot:
        """Return itself, as the other answers return what they say."""
        return self


class FuturesBook(Struct, frozen=True):
    """A futures book, sizes in contracts (5.5)."""

    sequence: Integer
    bids: list[Level] | None = None
    asks: list[Level] | None = None
    time_ns: Integer | None = field(name="ts", default=None)
    symbol: str = ""

    def snapshot(self) -> BookSnapshot:
        """Return what a book restarts from."""
        return BookSnapshot(self.sequence, self.bids, self.asks, _ms(self.time_ns))


class UnifiedBook(Struct, frozen=True, rename="camel"):
    """A book of the unified account's API; futures sizes in contracts (5.6)."""

    sequence: Integer
    bids: list[Level] | None = None
    asks: list[Level] | None = None
    time_ns: Integer | None = field(name="ts", default=None)
    symbol: str = ""
    trade_type: str = ""

    def snapshot(self) -> BookSnapshot:
        """Return what a book restarts from."""
        return BookSnapshot(self.sequence, self.bids, self.asks, _ms(self.time_ns))


BookAnswer = BookSnapshot | FuturesBook | UnifiedBook
"""The answers that are a book; :meth:`snapshot` gives what a book restarts from."""


class TradeRecord(Struct, frozen=True, rename="camel", gc=False):
    """A past trade (8.2.5)."""

    sequence: Integer
    price: Amount
    size: Amount
    side: str
    time_ns: Integer = field(name="time")


def _ms(time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns // 1_000_000
