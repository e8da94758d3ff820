"""Pushes of the classic futures connection, private (protocol.md 4.30 to 4.35).

Sizes are in lots (contracts), money in the settlement currency, unless said otherwise. A field's unit of time is in
its name. What KuCoin leaves out or sends as ``null`` is ``None``; in orders, so is a number written as empty text.
"""

from __future__ import annotations

from msgspec import Struct, field

from kucoin_stream.protocol.messages import Integer, TimeMs, TimeNs
from kucoin_stream.protocol.messages.blanks import Blank, Identity, Name, WithBlanks
from kucoin_stream.protocol.messages.units import Holding, Lots, Price, Ratio, Settled, SignedLots, SignedPrice, Times


class Order(WithBlanks, frozen=True, rename="camel", gc=False):
    """A change of an order (4.30).

    ``type`` is the event: ``open``, ``match``, ``update``, ``filled``, ``canceled``; ``status`` the state: ``open``,
    ``match``, ``done``. ``match_price``, ``match_size``, ``trade_id`` and ``fee_type`` belong to ``match``,
    ``old_size`` to ``update``. ``price`` is 0 or ``None`` for market orders. ``position_side``: ``BOTH``, or ``LONG``
    and ``SHORT`` in hedge mode. ``trade_type``: ``trade``, ``liquid``, ``adl`` and others.
    """

    symbol: str
    order_id: Identity
    side: str
    type: str
    status: str
    ts_ns: TimeNs = field(name="ts")
    order_time_ns: TimeNs | None = field(name="orderTime", default=None)  # the documents say ms: wrong
    client_oid: Name | None = None
    order_type: str | None = None
    price: Price | Blank = None
    size: Lots | Blank = None
    filled_size: Lots | Blank = None
    remain_size: Lots | Blank = None
    canceled_size: Lots | Blank = None
    old_size: Lots | Blank = None
    match_price: Price | Blank = None
    match_size: Lots | Blank = None
    trade_id: Name | None = None
    liquidity: str | None = None
    fee_type: str | None = None
    margin_mode: str | None = None
    position_side: str | None = None
    trade_type: str | None = None


class StopOrder(WithBlanks, frozen=True, rename="camel", gc=False):
    """A change of a stop order; ``type`` is ``open``, ``triggered`` or ``cancel`` (4.31).

    ``stop``: ``up``, ``down``. ``stop_price_type``: ``TP`` trade, ``MP`` mark, ``IP`` index. ``trigger_success`` is
    there once a trigger was attempted, ``error`` says why it failed.
    """

    symbol: str
    order_id: Identity
    type: str
    side: str
    ts_ns: TimeNs = field(name="ts")
    order_type: str | None = None
    stop: str | None = None
    stop_price: Price | Blank = None
    stop_price_type: str | None = None
    order_price: Price | Blank = None
    size: Lots | Blank = None
    margin_mode: str | None = None
    trigger_success: bool | None = None
    error: str | None = None
    created_at_ms: TimeMs | None = field(name="createdAt", default=None)


class Wallet(Struct, frozen=True, rename="camel", gc=False):
    """The balances of one currency after a change (4.32).

    ``version`` grows with each change; it repeats when only the mark price moved a cross position.
    """

    currency: str
    wallet_balance: Holding | None = None
    available_balance: Holding | None = None
    hold_balance: Holding | None = None
    equity: Holding | None = None
    available_margin: Holding | None = None  # since 2026
    max_withdraw_amount: Holding | None = None  # since 2025
    total_cross_margin: Holding | None = None
    cross_pos_margin: Holding | None = None
    cross_order_margin: Holding | None = None
    cross_un_pnl: Holding | None = None
    isolated_pos_margin: Holding | None = None
    isolated_order_margin: Holding | None = None
    isolated_funding_fee_margin: Holding | None = None
    isolated_un_pnl: Holding | None = None
    version: Integer | None = None
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)


class OrderMargin(Struct, frozen=True, rename="camel", gc=False):
    """Margin held by orders; deprecated, see :class:`Wallet` (4.32)."""

    currency: str
    order_margin: Holding | None = None
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)


class AvailableBalance(Struct, frozen=True, rename="camel", gc=False):
    """What is available, and what a transfer holds; deprecated, see :class:`Wallet` (4.32)."""

    currency: str
    available_balance: Holding | None = None
    hold_balance: Holding | None = None
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)


class WithdrawHold(Struct, frozen=True, rename="camel", gc=False):
    """What a withdrawal holds; deprecated, see :class:`Wallet` (4.32)."""

    currency: str
    withdraw_hold: Holding | None = None
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)


class Position(Struct, frozen=True, rename="camel", gc=False):
    """A change of a position (4.33).

    With ``change_reason`` ``markPriceChange`` only a part of the fields is sent, the rest is ``None``: merge it into
    the last full state. ``current_qty`` is signed: negative is short. Ratios (``..._pcnt``, ``delev_percentage``,
    ``maint_margin_req``) are fractions.
    """

    symbol: str = ""  # from the topic where the data have none; with positionAll it may be missing
    change_reason: str | None = None
    current_qty: SignedLots | None = None
    is_open: bool | None = None
    margin_mode: str | None = None
    position_side: str | None = None
    cross_mode: bool | None = None
    auto_deposit: bool | None = None
    leverage: Times | None = None
    real_leverage: Times | None = None
    risk_limit: Settled | None = None
    risk_limit_level: Integer | None = None
    avg_entry_price: SignedPrice | None = None
    mark_price: SignedPrice | None = None
    mark_value: Settled | None = None
    liquidation_price: SignedPrice | None = None
    bankrupt_price: SignedPrice | None = None
    current_cost: Settled | None = None
    current_comm: Settled | None = None
    unrealised_cost: Settled | None = None
    realised_cost: Settled | None = None
    realised_gross_cost: Settled | None = None
    realised_gross_pnl: Settled | None = None
    realised_pnl: Settled | None = None
    unrealised_pnl: Settled | None = None
    unrealised_pnl_pcnt: Ratio | None = None
    unrealised_roe_pcnt: Ratio | None = None
    pos_cost: Settled | None = None
    pos_cross: Settled | None = None
    pos_init: Settled | None = None
    pos_comm: Settled | None = None
    pos_loss: Settled | None = None
    pos_margin: Settled | None = None
    pos_funding: Settled | None = None
    pos_maint: Settled | None = None
    maint_margin: Settled | None = None
    maint_margin_req: Ratio | None = None
    delev_percentage: Ratio | None = None
    settle_currency: str | None = None
    opening_timestamp_ms: TimeMs | None = field(name="openingTimestamp", default=None)
    current_timestamp_ms: TimeMs | None = field(name="currentTimestamp", default=None)


class PositionSettlement(Struct, frozen=True, rename="camel", gc=False):
    """A funding fee settled on a position; ``funding_rate`` is a fraction, ``qty`` signed lots (4.33)."""

    funding_time_ms: TimeMs = field(name="fundingTime")
    qty: SignedLots | None = None
    mark_price: Price | None = None
    funding_rate: Ratio | None = None
    funding_fee: Settled | None = None
    settle_currency: str | None = None
    ts_ns: TimeNs | None = field(name="ts", default=None)
    symbol: str = ""  # from the topic where the data have none, as before 2026-07


class RiskLimit(Struct, frozen=True, rename="camel", gc=False):
    """The answer to an adjustment of the risk limit; ``msg`` says why it failed (4.33)."""

    success: bool
    risk_limit_level: Integer | None = None
    msg: str | None = None
    symbol: str = ""  # from the topic


MarginModes = dict[str, str]
"""``ISOLATED`` or ``CROSS`` by symbol, of the symbols that changed (4.34)."""


class Leverage(Struct, frozen=True, gc=False):
    """The leverage of one symbol."""

    leverage: Times


CrossLeverages = dict[str, Leverage]
"""Cross margin leverage by symbol, of the symbols that changed (4.35)."""
