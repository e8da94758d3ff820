"""Pushes of the classic spot and margin connection, private (protocol.md 4.13 to 4.17).

Prices and funds are in the quote currency, sizes in the base currency. A field's unit of time is in its name.
Balances are signed: a margin account can owe. What KuCoin leaves out or sends as ``null`` is ``None``; in orders,
so is a number written as empty text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field
from msgspec.structs import force_setattr

from kucoin_stream.protocol.messages import MILLISECONDS, Integer, TimeMs, TimeNs, in_unit
from kucoin_stream.protocol.messages.blanks import Blank, Identity, Name, WithBlanks
from kucoin_stream.protocol.messages.units import Bitcoin, Funds, Holding, Price, Ratio, Size, Valuation


class RelationContext(WithBlanks, frozen=True, rename="camel", gc=False):
    """The order or trade that a change of balance belongs to."""

    symbol: str | None = None
    order_id: Name | None = None
    trade_id: Name | None = None


if TYPE_CHECKING:
    _Context = RelationContext | None
else:  # as on the wire; __post_init__ leaves what type checkers see
    _Context = RelationContext | str | None


class Order(WithBlanks, frozen=True, rename="camel", gc=False):
    """A change of a spot or margin order (4.13).

    ``type`` is the event: ``received`` (V2 only), ``open``, ``match``, ``update``, ``filled``, ``canceled``; ``status``
    the state: ``new`` (V2 only), ``open``, ``match``, ``done``. ``match_price``, ``match_size``, ``trade_id``,
    ``liquidity`` and ``fee_type`` belong to ``match``, ``old_size`` to ``update``; sizes are absent from ``received``.
    """

    symbol: str
    order_id: Identity
    side: str
    type: str
    status: str
    ts_ns: TimeNs = field(name="ts")
    order_time_ms: Integer | None = field(name="orderTime", default=None)  # ns on the wire before late 2022: ms here
    client_oid: Name | None = None
    order_type: str | None = None
    price: Price | Blank = None
    origin_size: Size | Blank = None
    origin_funds: Funds | Blank = None
    size: Size | Blank = None
    filled_size: Size | Blank = None
    remain_size: Size | Blank = None
    canceled_size: Size | Blank = None
    funds: Funds | Blank = None
    remain_funds: Funds | Blank = None
    canceled_funds: Funds | Blank = None
    old_size: Size | Blank = None
    match_price: Price | Blank = None
    match_size: Size | Blank = None
    trade_id: Name | None = None
    liquidity: str | None = None
    fee_type: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.order_time_ms is not None:
            force_setattr(self, "order_time_ms", in_unit(self.order_time_ms, *MILLISECONDS))


class Balance(Struct, frozen=True, rename="camel", gc=False):
    """A change of a balance; ``total`` = ``available`` + ``hold`` (4.14).

    ``relation_event`` is the reason: the account type before the dot, what happened behind it (``trade.hold``).
    """

    currency: str
    total: Holding | None = None
    available: Holding | None = None
    hold: Holding | None = None
    available_change: Holding | None = None
    hold_change: Holding | None = None
    account_id: str | None = None
    relation_event: str | None = None
    relation_event_id: str | None = None
    relation_context: _Context = None  # text that holds the object in some years
    time_ms: TimeMs | None = field(name="time", default=None)

    def __post_init__(self) -> None:
        if isinstance(self.relation_context, str):
            force_setattr(self, "relation_context", _context(self.relation_context))


def _context(text: str) -> RelationContext | None:
    try:
        return msgspec.json.decode(text, type=RelationContext)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None  # the balance counts, not its reason


class StopOrder(WithBlanks, frozen=True, rename="camel", gc=False):
    """A change of a stop order; ``type`` is ``open``, ``triggered`` or ``cancel`` (4.15).

    ``stop``: ``loss``, ``entry``, ``l_l_o``, ``l_s_o``, ``e_l_o``, ``e_s_o``, ``tso``. ``trigger_success`` is there
    once a trigger was attempted, ``error`` says why it failed.
    """

    symbol: str
    order_id: Identity
    type: str
    side: str
    ts_ns: TimeNs = field(name="ts")
    order_type: str | None = None
    stop: str | None = None
    stop_price: Price | Blank = None
    order_price: Price | Blank = None
    size: Size | Blank = None
    trade_type: str | None = None
    trigger_success: bool | None = None
    error: str | None = None
    created_at_ms: TimeMs | None = field(name="createdAt", default=None)


class MarginAsset(Struct, frozen=True, gc=False):
    """What a cross margin account holds of one currency."""

    total: Holding | None = None
    available: Holding | None = None
    hold: Holding | None = None


class DebtRatio(Struct, frozen=True, rename="camel", gc=False):
    """Debt of the cross margin account, every 4 s while there is some; totals in BTC, with interest (4.16).

    ``asset_list`` and ``debt_list`` are by currency.
    """

    debt_ratio: Ratio
    total_asset: Bitcoin | None = None
    margin_coefficient_total_asset: Bitcoin | None = None
    total_debt: Bitcoin | None = None
    asset_list: dict[str, MarginAsset] | None = None
    debt_list: dict[str, Holding] | None = None
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)


class MarginStatus(Struct, frozen=True, gc=False):
    """A change of state of the cross margin account (4.16).

    ``type``: ``FROZEN_FL``, ``UNFROZEN_FL``, ``FROZEN_RENEW``, ``UNFROZEN_RENEW``, ``LIABILITY``, ``UNLIABILITY``.
    """

    type: str
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)


class IsolatedAsset(Struct, frozen=True, rename="camel", gc=False):
    """What an isolated margin account holds and owes of one currency."""

    total: Holding | None = None
    hold: Holding | None = None
    liability_principal: Holding | None = None
    liability_interest: Holding | None = None


class IsolatedPosition(Struct, frozen=True, rename="camel", gc=False):
    """A change of an isolated margin position; ``tag`` is its symbol, ``change_assets`` is by currency (4.17)."""

    tag: str
    status: str
    status_biz_type: str | None = None
    accumulated_principal: Valuation | None = None
    change_assets: dict[str, IsolatedAsset] | None = None
    timestamp_ms: TimeMs | None = field(name="timestamp", default=None)
    symbol: str = ""  # from the topic
