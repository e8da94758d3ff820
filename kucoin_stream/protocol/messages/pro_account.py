"""Private pushes of the Pro connection (protocol.md 6.6).

What does not apply to an order or a position comes as empty text, as ``null``, or not at all. Here a number, a flag or
a time that is not there is ``None``, and a text is empty. Amounts are in the currency of the field, or of the
contract's settlement; sizes of futures are contracts. A field's unit of time is in its name.
"""

from __future__ import annotations

from msgspec import field
from msgspec.structs import force_setattr

from kucoin_stream.protocol.messages import NANOSECONDS, Integer, Signed, TimeNs, in_unit
from kucoin_stream.protocol.messages.blanks import Blank, Identity, Switch, Text, WithBlanks
from kucoin_stream.protocol.messages.units import (
    Fee,
    Holding,
    OrderSize,
    Ratio,
    Settled,
    SignedLots,
    SignedPrice,
    SignedSize,
    Times,
    Valuation,
)


class Order(WithBlanks, frozen=True, gc=False):
    """A change of an order.

    ``status``: 0 not triggered, 1 triggered, 2 live, 3 filled, 4 partly filled, 5 cancelled, 6 partly filled then
    cancelled. ``event``: OPEN, MATCH, FILL, CANCEL, UPDATE, TRIGGER. ``size_unit``: BASECCY, QUOTECCY or UNIT
    (contracts), of all sizes. ``liquidity``: TAKER or MAKER. Trigger types: TP, MP or IP (trade, mark, index price).
    """

    symbol: str = field(name="s")
    order_id: Identity = field(name="oi")
    client_order_id: Text = field(name="ci", default="")
    trade_type: Text = field(name="tT", default="")
    event: Text = field(name="eT", default="")
    status: Integer | Blank = field(name="os", default=None)
    side: Text = field(name="S", default="")
    position_side: Text = field(name="pS", default="")
    order_type: Text = field(name="oT", default="")
    price: SignedPrice | Blank = field(name="p", default=None)
    size: OrderSize | Blank = field(name="q", default=None)
    size_unit: Text = field(name="qU", default="")
    filled_size: OrderSize | Blank = field(name="fS", default=None)
    average_price: SignedPrice | Blank = field(name="aP", default=None)
    remaining_size: OrderSize | Blank = field(name="rS", default=None)
    cancelled_size: OrderSize | Blank = field(name="cS", default=None)
    last_fill_size: OrderSize | Blank = field(name="lS", default=None)
    last_fill_price: SignedPrice | Blank = field(name="ls", default=None)
    trade_id: Text = field(name="ti", default="")
    liquidity: Text = field(name="lR", default="")
    fee: Fee | Blank = field(name="f", default=None)
    fee_currency: Text = field(name="fC", default="")
    tax: Fee | Blank = field(name="t", default=None)
    time_in_force: Text = field(name="tIF", default="")
    self_trade_prevention: Text = field(name="stp", default="")
    post_only: bool | Blank = field(name="pO", default=None)
    reduce_only: bool | Blank = field(name="rO", default=None)
    margin_mode: Text = field(name="mM", default="")
    source: Text = field(name="oS", default="")
    cancel_reason: Text = field(name="cR", default="")
    trigger_direction: Text = field(name="tD", default="")
    trigger_price: SignedPrice | Blank = field(name="tP", default=None)
    trigger_type: Text = field(name="tPT", default="")
    take_profit_trigger_price: SignedPrice | Blank = field(name="pP", default=None)
    take_profit_trigger_type: Text = field(name="pPT", default="")
    take_profit_price: SignedPrice | Blank = field(name="pOP", default=None)
    stop_loss_trigger_price: SignedPrice | Blank = field(name="lP", default=None)
    stop_loss_trigger_type: Text = field(name="lPT", default="")
    stop_loss_price: SignedPrice | Blank = field(name="lOP", default=None)
    parent_order_id: Text = field(name="toi", default="")
    broker_tag: Text = field(name="bT", default="")
    created_ns: TimeNs | Blank = field(name="O", default=None)
    updated_ns: TimeNs | Blank = field(name="U", default=None)


class ExecutionLite(WithBlanks, frozen=True, gc=False):
    """A fill of an order, without its fee and sooner than :class:`Execution`."""

    symbol: str = field(name="s")
    order_id: Identity = field(name="oi")
    trade_id: Text = field(name="ti", default="")
    side: Text = field(name="S", default="")
    order_type: Text = field(name="oT", default="")
    price: SignedPrice | Blank = field(name="p", default=None)
    size: SignedSize | Blank = field(name="q", default=None)
    liquidity: Text = field(name="lR", default="")
    time_ns: TimeNs | Blank = field(name="E", default=None)


class Execution(ExecutionLite, frozen=True, gc=False):
    """A fill. ``kind``: NORMAL, ADL, LIQUID or SETTLEMENT; for the last three ``order_id`` is ``"0"``."""

    client_order_id: Text = field(name="ci", default="")
    fee: Fee | Blank = field(name="f", default=None)
    fee_currency: Text = field(name="fC", default="")
    kind: Text = field(name="fT", default="")
    closed_profit: Settled | Blank = field(name="fP", default=None)


class Balance(WithBlanks, frozen=True, gc=False):
    """What an account holds of a currency; the fields of margin are there for futures accounts only."""

    currency: str = field(name="c")
    balance: Holding | Blank = field(name="b", default=None)
    available: Holding | Blank = field(name="a", default=None)
    hold: Holding | Blank = field(name="h", default=None)
    equity: Holding | Blank = field(name="e", default=None)
    liability: Holding | Blank = field(name="l", default=None)
    collateral: Switch = field(name="cS", default="")
    total_cross_margin: Holding | Blank = field(name="tCM", default=None)
    cross_position_margin: Holding | Blank = field(name="cPM", default=None)
    cross_order_margin: Holding | Blank = field(name="cOM", default=None)
    cross_unrealised_pnl: Holding | Blank = field(name="cUP", default=None)
    isolated_position_margin: Holding | Blank = field(name="iPM", default=None)
    isolated_order_margin: Holding | Blank = field(name="iOM", default=None)
    isolated_funding_fee: Holding | Blank = field(name="iFF", default=None)
    isolated_unrealised_pnl: Holding | Blank = field(name="iUP", default=None)
    sequence: Integer | Blank = field(name="E", default=None)
    updated_ns: Integer | Blank = field(name="U", default=None)  # ms on the wire for funding accounts

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.updated_ns is not None:
            force_setattr(self, "updated_ns", in_unit(self.updated_ns, *NANOSECONDS))


class Position(WithBlanks, frozen=True, gc=False):
    """A futures position; ``size`` in contracts, negative when short.

    ``maintenance_margin_rate`` and ``risk`` are fractions, ``adl`` the place in the queue for auto-deleveraging.
    """

    symbol: str = field(name="s")
    position_id: Text = field(name="pi", default="")
    margin_mode: Text = field(name="mM", default="")
    position_side: Text = field(name="pS", default="")
    size: SignedLots | Blank = field(name="q", default=None)
    entry_price: SignedPrice | Blank = field(name="eP", default=None)
    value: Settled | Blank = field(name="pV", default=None)
    margin: Settled | Blank = field(name="pM", default=None)
    mark_price: SignedPrice | Blank = field(name="mP", default=None)
    liquidation_price: SignedPrice | Blank = field(name="lP", default=None)
    bankruptcy_price: SignedPrice | Blank = field(name="bP", default=None)
    leverage: Times | Blank = field(name="l", default=None)
    unrealised_pnl: Settled | Blank = field(name="uPL", default=None)
    realised_pnl: Settled | Blank = field(name="rPL", default=None)
    initial_margin: Settled | Blank = field(name="iM", default=None)
    maintenance_margin_rate: Ratio | Blank = field(name="mmr", default=None)
    maintenance_margin: Settled | Blank = field(name="mtM", default=None)
    risk: Ratio | Blank = field(name="r", default=None)
    adl: Signed | Blank = None
    created_ns: TimeNs | Blank = field(name="O", default=None)
    updated_ns: TimeNs | Blank = field(name="U", default=None)


class LiquidationWarning(WithBlanks, frozen=True, gc=False):
    """A warning that an account may be, or is being, liquidated. ``event``: MARGIN_CALL or FORCE_LIQUIDATION."""

    event: str = field(name="eT")
    risk: Ratio | Blank = field(name="r", default=None)  # a ratio
    available: Valuation | Blank = field(name="a", default=None)
    available_margin: Valuation | Blank = field(name="aM", default=None)
    initial_margin: Valuation | Blank = field(name="iM", default=None)
    maintenance_margin: Valuation | Blank = field(name="mM", default=None)
    equity: Valuation | Blank = field(name="e", default=None)
    liability: Valuation | Blank = field(name="l", default=None)
    updated_ns: TimeNs | Blank = field(name="U", default=None)


class Leverage(WithBlanks, frozen=True, gc=False):
    """The leverage of a contract (``symbol``) or of a margin currency (``currency``). ``time_ns`` is the push's."""

    leverage: Times = field(name="l")
    symbol: Text = field(name="s", default="")
    currency: Text = field(name="c", default="")
    margin_mode: Text = field(name="mM", default="")
    trade_type: Text = field(name="tT", default="")
    time_ns: TimeNs | Blank = None
