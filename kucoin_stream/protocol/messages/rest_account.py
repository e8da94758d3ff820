"""Answers of the signed REST calls that the frames of an account begin with (protocol.md 8.1; spot and futures).

Amounts are text on spot and mostly numbers on futures; a number written as empty text is ``None``. A field's unit of
time is in its name. The list of futures positions has the fields of :class:`futures_account.Position`.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct, field

from kucoin_stream.protocol.messages import Integer
from kucoin_stream.protocol.messages.blanks import Blank, Name, WithBlanks
from kucoin_stream.protocol.messages.units import Fee, Funds, Holding, Lots, Price, Settled, Size

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True, rename="camel"):
    """One page of rows, counted from 1; a list that goes on by ``last_id`` has no numbers of pages."""

    items: list[T] | None = None
    current_page: Integer | None = None
    total_page: Integer | None = None
    last_id: Integer | None = None


class ActiveSymbols(Struct, frozen=True):
    """The symbols that have open orders."""

    symbols: list[str] | None = None


class SpotOrder(WithBlanks, frozen=True, rename="camel", gc=False):
    """A spot or margin order, sizes in the base currency: ``size`` of it asked for, ``deal_size`` filled.

    ``funds``, in the quote currency, is what a market order by funds may spend. ``active``: not finished.
    """

    id: Name
    symbol: str
    side: str
    type: str | None = None
    price: Price | Blank = None
    size: Size | Blank = None
    funds: Funds | Blank = None
    deal_size: Size | Blank = None
    remain_size: Size | Blank = None
    cancelled_size: Size | Blank = None
    cancel_exist: bool | None = None
    active: bool | None = None
    client_oid: Name | None = None
    created_at_ms: Integer | None = field(name="createdAt", default=None)
    last_updated_at_ms: Integer | None = field(name="lastUpdatedAt", default=None)


class SpotStopOrder(WithBlanks, frozen=True, rename="camel", gc=False):
    """A stop order that waits for its trigger. ``status``: ``NEW`` or ``TRIGGERED``."""

    id: Name
    symbol: str
    side: str
    status: str | None = None
    type: str | None = None
    price: Price | Blank = None
    size: Size | Blank = None
    funds: Funds | Blank = None
    stop: str | None = None
    stop_price: Price | Blank = None
    client_oid: Name | None = None
    created_at_ms: Integer | None = field(name="createdAt", default=None)


class FuturesOrder(WithBlanks, frozen=True, rename="camel", gc=False):
    """A futures order, sizes in lots. With ``stop`` and not ``stop_triggered`` it waits for its trigger.

    ``status``: ``open`` or ``done``; ``cancel_exist``: part of it, or all, was cancelled.
    """

    id: Name
    symbol: str
    side: str
    type: str | None = None
    status: str | None = None
    is_active: bool | None = None
    cancel_exist: bool | None = None
    price: Price | Blank = None
    size: Lots | Blank = None
    filled_size: Lots | Blank = None
    deal_size: Lots | Blank = None
    stop: str | None = None
    stop_price: Price | Blank = None
    stop_triggered: bool | None = None
    client_oid: Name | None = None
    order_time_ns: Integer | None = field(name="orderTime", default=None)
    created_at_ms: Integer | None = field(name="createdAt", default=None)
    updated_at_ms: Integer | None = field(name="updatedAt", default=None)


class SpotFill(WithBlanks, frozen=True, rename="camel", gc=False):
    """A spot or margin fill: ``size`` in the base, ``funds`` in the quote currency."""

    symbol: str
    order_id: Name
    trade_id: Name
    side: str
    price: Price | Blank = None
    size: Size | Blank = None
    funds: Funds | Blank = None
    fee: Fee | Blank = None
    fee_currency: str | None = None
    liquidity: str | None = None
    created_at_ms: Integer | None = field(name="createdAt", default=None)


class FuturesFill(WithBlanks, frozen=True, rename="camel", gc=False):
    """A futures fill: ``size`` in lots, ``value`` in the settlement currency."""

    symbol: str
    order_id: Name
    trade_id: Name
    side: str
    price: Price | Blank = None
    size: Lots | Blank = None
    value: Settled | Blank = None
    fee: Fee | Blank = None
    fee_currency: str | None = None
    liquidity: str | None = None
    trade_time_ns: Integer | None = field(name="tradeTime", default=None)
    created_at_ms: Integer | None = field(name="createdAt", default=None)


class SpotAccount(Struct, frozen=True, gc=False):
    """What an account of ``type`` (``main``, ``trade``) holds of a currency."""

    currency: str
    type: str
    balance: Holding | None = None
    available: Holding | None = None
    holds: Holding | None = None


class MarginAccount(Struct, frozen=True, gc=False):
    """What a margin account holds of a currency."""

    currency: str
    total: Holding | None = None
    available: Holding | None = None
    hold: Holding | None = None


class CrossMargin(Struct, frozen=True):
    """The cross margin account."""

    accounts: list[MarginAccount] | None = None


class IsolatedPair(Struct, frozen=True, rename="camel"):
    """The isolated margin account of one symbol."""

    symbol: str
    base_asset: MarginAccount | None = None
    quote_asset: MarginAccount | None = None


class IsolatedMargin(Struct, frozen=True):
    """All isolated margin accounts."""

    assets: list[IsolatedPair] | None = None


class FuturesAccount(Struct, frozen=True, rename="camel", gc=False):
    """The futures account of one settlement currency; ``margin_balance`` is without unrealised profit."""

    currency: str
    account_equity: Holding | None = None
    margin_balance: Holding | None = None
    available_balance: Holding | None = None
    frozen_funds: Holding | None = None
