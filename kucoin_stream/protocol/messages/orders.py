"""What an order may say, by operation of the WS API: the fields beside symbol and side (protocol.md 7.6).

Field names are KuCoin's in snake case. Prices are in the quote currency, sizes in the base currency on spot and in lots
on futures. Numbers go out as exact text; write them as text, ``Decimal`` or ``int`` where a float is not exact enough.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, TypedDict

from msgspec import Meta

Side = Literal["buy", "sell"]
Number = Decimal | int | float | str

ClientOid = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_-]+$")]
"""An order's name that the client chooses."""

Short = Annotated[str, Meta(max_length=20)]
Long = Annotated[str, Meta(max_length=100)]
Positive = Annotated[int, Meta(ge=1)]


class _Common(TypedDict, total=False):
    """What every order may say."""

    type: Literal["limit", "market"]
    price: Number
    size: Number
    client_oid: ClientOid
    post_only: bool
    hidden: bool
    iceberg: bool
    visible_size: Number


class _Spot(_Common, total=False):
    """What orders of spot and margin may say."""

    funds: Number  # of a market order, in the quote currency, instead of size
    time_in_force: Literal["GTC", "GTT", "IOC", "FOK"]
    cancel_after: Positive  # seconds, with GTT
    stp: Literal["DC", "CO", "CN", "CB"]
    allow_max_time_window: Positive  # ms: refused when it arrives later than client_timestamp by more
    client_timestamp: Positive  # ms


class SpotOrder(_Spot, total=False):
    """``spot.order`` and ``spot.sync_order``."""

    remark: Short
    tags: Short


class MarginOrder(_Spot, total=False):
    """``margin.order``."""

    is_isolated: bool
    auto_borrow: bool
    auto_repay: bool


class FuturesOrder(_Common, total=False):
    """``futures.order``: one of ``size`` (lots), ``qty`` (base currency) and ``value_qty`` (value)."""

    qty: Number
    value_qty: Number
    leverage: Number  # left out where a position is closed
    time_in_force: Literal["GTC", "IOC"]
    margin_mode: Literal["ISOLATED", "CROSS"]
    position_side: Literal["BOTH", "LONG", "SHORT"]
    reduce_only: bool
    close_order: bool
    force_hold: bool
    stp: Literal["CN", "CO", "CB"]
    stop: Literal["up", "down"]
    stop_price: Number
    stop_price_type: Literal["TP", "MP", "IP"]
    remark: Long


class UnifiedOrder(TypedDict, total=False):
    """``uta.order``, of generation 2."""

    order_type: Literal["LIMIT", "MARKET"]
    price: Number
    size: Number
    size_unit: Literal["BASECCY", "QUOTECCY", "UNIT"]
    client_oid: ClientOid
    time_in_force: Literal["GTC", "IOC", "FOK", "GTT", "RPI"]
    reduce_only: bool
    post_only: bool
