"""Orders of the account as the exchange keeps them, spot's and futures', and where they are found. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, Literal, TypeVar

from kucoin_stream.simulator.flow import Fill
from kucoin_stream.simulator.trading.amounts import ZERO
from kucoin_stream.simulator.trading.tickets import Ticket

DONE_KEPT = 10_000  # orders that are over, and fills


@dataclass(slots=True, eq=False, kw_only=True)
class Order:
    """What orders of both markets have. ``price`` is in ticks (0: none), sizes are in lots of the instrument."""

    id: str
    client_oid: str
    symbol: str
    side: Literal["buy", "sell"]
    type: Literal["limit", "market"]
    price: int
    lots: int
    created_ns: int
    updated_ns: int
    time_in_force: str = "GTC"
    ends_ns: int = 0  # of GTT
    cancel_after: int = -1  # s
    post_only: bool = False
    hidden: bool = False
    iceberg: bool = False
    visible_size: str = ""
    tip: int = 0  # lots of an iceberg that are shown at once
    shown: int = 0  # lots that are in the book now
    stp: str = ""
    remark: str = ""
    tags: str = ""
    stop: str = ""
    stop_price: str = ""
    filled: int = 0
    cancelled: int = 0
    reduced: int = 0  # of what was cancelled: what it lost while it was active
    old_lots: int = 0  # its size before it lost some the last time
    paid: int = 0  # ticks times lots of all fills
    value: Decimal = ZERO  # of all fills, in the currency of prices
    fee: Decimal = ZERO
    active: bool = True
    resting: bool = False
    cancel_reason: str = ""

    @property
    def left(self) -> int:
        """Lots that may still be filled."""
        return self.lots - self.filled - self.cancelled

    @property
    def size(self) -> int:
        """Its size now, in lots: what it was placed with, less what it lost since by partial cancels."""
        return self.lots - self.reduced

    @property
    def showing(self) -> int:
        """How many of the lots that are left the book may show."""
        return 0 if self.hidden else min(self.left, self.tip or self.left)

    def lose(self, lots: int) -> None:
        """Cancel some of the lots that are left."""
        self.old_lots = self.size
        self.reduced += lots
        self.cancelled += lots

    @property
    def average(self) -> Decimal:
        """The mean price of its fills, in ticks; 0 before the first."""
        return Decimal(self.paid) / self.filled if self.filled else ZERO


@dataclass(slots=True, eq=False, kw_only=True)
class SpotOrder(Order):
    """An order of spot or margin. ``account`` is where its money is, ``held`` what is left of what it holds."""

    trade_type: str
    account: str
    hold_currency: str
    held: Decimal = ZERO
    funds: Decimal = ZERO  # of a market order by funds
    borrowed: Decimal = ZERO
    auto_repay: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class FuturesOrder(Order):
    """An order of a contract. ``held`` is margin: for the lots of it that would open a position."""

    leverage: Decimal
    margin_mode: str
    settle: str
    reduce_only: bool = False
    close_order: bool = False
    force_hold: bool = False
    opening: int = 0  # lots that would open
    held: Decimal = ZERO
    stop_price_type: str = ""
    trade_type: str = "trade"


K = TypeVar("K", bound=Ticket)
FALLING = ("loss", "down", "l_l_o", "l_s_o")
"""Kinds of stop orders that wait for a fall of the price; protocol.md 4.15, 7.6."""


@dataclass(slots=True, eq=False, kw_only=True)
class Stop(Generic[K]):
    """An order that waits for a price: ``loss`` and ``down`` for a fall, ``entry`` and ``up`` for a rise.

    Of several with the same ``group``, the first that is triggered ends the others.
    """

    id: str
    client_oid: str
    symbol: str
    stop: str
    stop_price: Decimal
    ticket: K  # what is placed then
    created_ns: int
    price_type: str = "TP"
    status: str = "NEW"
    triggered_ns: int = 0
    group: str = ""
    placed: Order | None = None  # what its trigger has placed

    def met(self, price: Decimal) -> bool:
        """Whether the price has come."""
        return price <= self.stop_price if self.stop in FALLING else price >= self.stop_price


O = TypeVar("O", bound=Order)  # noqa: E741


@dataclass(slots=True, eq=False)
class OrderFill(Generic[O]):
    """A fill of one of the account's orders. ``fee`` and ``value`` are of this fill alone."""

    order: O
    fill: Fill
    maker: bool
    value: Decimal
    fee: Decimal
    fee_rate: Decimal
    number: int  # among all fills of the account
    profit: Decimal = ZERO  # of futures: what was realised
    leaving: Decimal = ZERO  # of futures: the part of the fee for what was closed


@dataclass(slots=True)
class Orders(Generic[O]):
    """Orders by id and by client id, with the fills; what is over is kept for a while."""

    _by_id: dict[str, O] = field(default_factory=dict)
    _by_client: dict[str, str] = field(default_factory=dict)
    _active: dict[str, O] = field(default_factory=dict)
    _done: list[O] = field(default_factory=list)
    fills: list[OrderFill[O]] = field(default_factory=list)

    def add(self, order: O) -> None:
        """Keep a new order."""
        self._by_id[order.id] = self._active[order.id] = order
        if order.client_oid:
            self._by_client[order.client_oid] = order.id

    def finish(self, order: O) -> None:
        """Note that an order is over; forget the oldest."""
        order.active = False
        self._active.pop(order.id, None)
        self._done.append(order)
        if len(self._done) > DONE_KEPT:
            oldest = self._done.pop(0)
            del self._by_id[oldest.id]
            self._by_client.pop(oldest.client_oid, None)

    def note(self, fill: OrderFill[O]) -> None:
        """Keep a fill; forget the oldest."""
        self.fills.append(fill)
        if len(self.fills) > DONE_KEPT:
            del self.fills[0]

    def get(self, *, order_id: str = "", client_oid: str = "") -> O | None:
        """Return an order by either name, or ``None``."""
        return self._by_id.get(order_id or self._by_client.get(client_oid, ""))

    def active(self, symbol: str = "") -> Iterator[O]:
        """Yield the orders that are not over, oldest first; of one symbol or of all."""
        return (order for order in list(self._active.values()) if not symbol or order.symbol == symbol)

    def done(self) -> Iterator[O]:
        """Yield the orders that are over, the last one first."""
        return reversed(self._done)
