"""Answers of the REST calls that a stream needs (protocol.md 2.2, 5.1, 8)."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Raw, Struct, field

from kucoin_stream.protocol.messages import Amount, Integer
from kucoin_stream.protocol.messages.spot import Level


class Response(Struct, frozen=True):
    """The envelope of every REST answer; success is code ``200000``."""

    code: str | int = ""
    data: Raw = Raw(b"null")
    msg: str | None = None


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


class SymbolInfo(Struct, frozen=True, rename="camel"):
    """A spot symbol (8.2.1). ``price_increment`` and ``base_increment`` are the steps of price and size."""

    symbol: str
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


class TradeRecord(Struct, frozen=True, rename="camel", gc=False):
    """A past trade (8.2.5)."""

    sequence: Integer
    price: Amount
    size: Amount
    side: str
    time_ns: Integer = field(name="time")
