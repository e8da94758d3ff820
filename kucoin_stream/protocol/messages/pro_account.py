"""Private pushes of the Pro connection (protocol.md 6.6).

What does not apply to an order or a position comes as empty text, as ``null``, or not at all. Here a number, a flag or
a time that is not there is ``None``, and a text is empty. Amounts are in the currency of the field, or of the
contract's settlement; sizes of futures are contracts. A field's unit of time is in its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field
from msgspec.structs import force_setattr

from kucoin_stream.protocol.messages import Integer, Signed
from kucoin_stream.protocol.messages.pro import nanoseconds

if TYPE_CHECKING:  # what a field is, once made ...
    Figure = float | None
    Count = int | None
    Flag = bool | None
    Text = str
else:  # ... and what the wire may say
    Figure = Signed | Literal[""] | None
    Count = Integer | Literal[""] | None
    Flag = bool | Literal[""] | None
    Text = str | int | None


class Account(Struct, frozen=True, gc=False):
    """What the private pushes share: one way to say that something is not there.

    A field whose default is empty text is a text, whatever the wire made of it; for the others empty text is ``None``.
    """

    def __post_init__(self) -> None:
        names = self.__struct_fields__
        for name, default in zip(reversed(names), reversed(self.__struct_defaults__), strict=False):
            value = getattr(self, name)
            if default == "":
                if type(value) is not str:
                    force_setattr(self, name, "" if value is None else str(value))
            elif value == "":
                force_setattr(self, name, None)


class Order(Account, frozen=True, gc=False):
    """A change of an order.

    ``status``: 0 not triggered, 1 triggered, 2 live, 3 filled, 4 partly filled, 5 cancelled, 6 partly filled then
    cancelled. ``event``: OPEN, MATCH, FILL, CANCEL, UPDATE, TRIGGER. ``size_unit``: BASECCY, QUOTECCY or UNIT
    (contracts), of all sizes. ``liquidity``: TAKER or MAKER. Trigger types: TP, MP or IP (trade, mark, index price).
    """

    symbol: str = field(name="s")
    order_id: str = field(name="oi")
    client_order_id: Text = field(name="ci", default="")
    trade_type: Text = field(name="tT", default="")
    event: Text = field(name="eT", default="")
    status: Count = field(name="os", default=None)
    side: Text = field(name="S", default="")
    position_side: Text = field(name="pS", default="")
    order_type: Text = field(name="oT", default="")
    price: Figure = field(name="p", default=None)
    size: Figure = field(name="q", default=None)
    size_unit: Text = field(name="qU", default="")
    filled_size: Figure = field(name="fS", default=None)
    average_price: Figure = field(name="aP", default=None)
    remaining_size: Figure = field(name="rS", default=None)
    cancelled_size: Figure = field(name="cS", default=None)
    last_fill_size: Figure = field(name="lS", default=None)
    last_fill_price: Figure = field(name="ls", default=None)
    trade_id: Text = field(name="ti", default="")
    liquidity: Text = field(name="lR", default="")
    fee: Figure = field(name="f", default=None)
    fee_currency: Text = field(name="fC", default="")
    tax: Figure = field(name="t", default=None)
    time_in_force: Text = field(name="tIF", default="")
    self_trade_prevention: Text = field(name="stp", default="")
    post_only: Flag = field(name="pO", default=None)
    reduce_only: Flag = field(name="rO", default=None)
    margin_mode: Text = field(name="mM", default="")
    source: Text = field(name="oS", default="")
    cancel_reason: Text = field(name="cR", default="")
    trigger_direction: Text = field(name="tD", default="")
    trigger_price: Figure = field(name="tP", default=None)
    trigger_type: Text = field(name="tPT", default="")
    take_profit_trigger_price: Figure = field(name="pP", default=None)
    take_profit_trigger_type: Text = field(name="pPT", default="")
    take_profit_price: Figure = field(name="pOP", default=None)
    stop_loss_trigger_price: Figure = field(name="lP", default=None)
    stop_loss_trigger_type: Text = field(name="lPT", default="")
    stop_loss_price: Figure = field(name="lOP", default=None)
    parent_order_id: Text = field(name="toi", default="")
    broker_tag: Text = field(name="bT", default="")
    created_ns: Count = field(name="O", default=None)
    updated_ns: Count = field(name="U", default=None)


class ExecutionLite(Account, frozen=True, gc=False):
    """A fill of an order, without its fee and sooner than :class:`Execution`."""

    symbol: str = field(name="s")
    order_id: str = field(name="oi")
    trade_id: Text = field(name="ti", default="")
    side: Text = field(name="S", default="")
    order_type: Text = field(name="oT", default="")
    price: Figure = field(name="p", default=None)
    size: Figure = field(name="q", default=None)
    liquidity: Text = field(name="lR", default="")
    time_ns: Count = field(name="E", default=None)


class Execution(ExecutionLite, frozen=True, gc=False):
    """A fill. ``kind``: NORMAL, ADL, LIQUID or SETTLEMENT; for the last three ``order_id`` is ``"0"``."""

    client_order_id: Text = field(name="ci", default="")
    fee: Figure = field(name="f", default=None)
    fee_currency: Text = field(name="fC", default="")
    kind: Text = field(name="fT", default="")
    closed_profit: Figure = field(name="fP", default=None)


class Balance(Account, frozen=True, gc=False):
    """What an account holds of a currency; the fields of margin are there for futures accounts only."""

    currency: str = field(name="c")
    balance: Figure = field(name="b", default=None)
    available: Figure = field(name="a", default=None)
    hold: Figure = field(name="h", default=None)
    equity: Figure = field(name="e", default=None)
    liability: Figure = field(name="l", default=None)
    collateral: Text = field(name="cS", default="")  # a switch, "1" or "0"
    total_cross_margin: Figure = field(name="tCM", default=None)
    cross_position_margin: Figure = field(name="cPM", default=None)
    cross_order_margin: Figure = field(name="cOM", default=None)
    cross_unrealised_pnl: Figure = field(name="cUP", default=None)
    isolated_position_margin: Figure = field(name="iPM", default=None)
    isolated_order_margin: Figure = field(name="iOM", default=None)
    isolated_funding_fee: Figure = field(name="iFF", default=None)
    isolated_unrealised_pnl: Figure = field(name="iUP", default=None)
    sequence: Count = field(name="E", default=None)
    updated_ns: Count = field(name="U", default=None)  # KuCoin sends ms for funding accounts

    def __post_init__(self) -> None:
        Account.__post_init__(self)
        if self.updated_ns is not None:
            force_setattr(self, "updated_ns", nanoseconds(self.updated_ns))


class Position(Account, frozen=True, gc=False):
    """A futures position; ``size`` in contracts, negative when short.

    ``maintenance_margin_rate`` and ``risk`` are fractions, ``adl`` the place in the queue for auto-deleveraging.
    """

    symbol: str = field(name="s")
    position_id: Text = field(name="pi", default="")
    margin_mode: Text = field(name="mM", default="")
    position_side: Text = field(name="pS", default="")
    size: Figure = field(name="q", default=None)
    entry_price: Figure = field(name="eP", default=None)
    value: Figure = field(name="pV", default=None)
    margin: Figure = field(name="pM", default=None)
    mark_price: Figure = field(name="mP", default=None)
    liquidation_price: Figure = field(name="lP", default=None)
    bankruptcy_price: Figure = field(name="bP", default=None)
    leverage: Figure = field(name="l", default=None)
    unrealised_pnl: Figure = field(name="uPL", default=None)
    realised_pnl: Figure = field(name="rPL", default=None)
    initial_margin: Figure = field(name="iM", default=None)
    maintenance_margin_rate: Figure = field(name="mmr", default=None)
    maintenance_margin: Figure = field(name="mtM", default=None)
    risk: Figure = field(name="r", default=None)
    adl: Figure = None
    created_ns: Count = field(name="O", default=None)
    updated_ns: Count = field(name="U", default=None)


class LiquidationWarning(Account, frozen=True, gc=False):
    """A warning that an account may be, or is being, liquidated. ``event``: MARGIN_CALL or FORCE_LIQUIDATION."""

    event: str = field(name="eT")
    risk: Figure = field(name="r", default=None)  # a ratio
    available: Figure = field(name="a", default=None)
    available_margin: Figure = field(name="aM", default=None)
    initial_margin: Figure = field(name="iM", default=None)
    maintenance_margin: Figure = field(name="mM", default=None)
    equity: Figure = field(name="e", default=None)
    liability: Figure = field(name="l", default=None)
    updated_ns: Count = field(name="U", default=None)


class Leverage(Account, frozen=True, gc=False):
    """The leverage of a contract (``symbol``) or of a margin currency (``currency``). ``time_ns`` is the push's."""

    leverage: Signed = field(name="l")
    symbol: Text = field(name="s", default="")
    currency: Text = field(name="c", default="")
    margin_mode: Text = field(name="mM", default="")
    trade_type: Text = field(name="tT", default="")
    time_ns: Count = None
