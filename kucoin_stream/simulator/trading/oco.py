"""OCO orders: a limit and a stop order, the first of which ends the other (protocol.md 4.15). Pure.

Theory of operation. Both are stop orders of one group, one on each side of the last price: the limit order is placed
when its own price comes, the other one at ``limit_price`` when ``stop_price`` comes. Neither holds money before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.amounts import Number, decimal
from kucoin_stream.simulator.trading.orders import Stop
from kucoin_stream.simulator.trading.spot import SpotDesk
from kucoin_stream.simulator.trading.tickets import SpotTicket

KEPT = 1000  # that are over
_KINDS = {("buy", True): "l_l_o", ("buy", False): "e_s_o", ("sell", True): "e_l_o", ("sell", False): "l_s_o"}
"""By side, and whether it is the limit order: ``l`` waits for a fall, ``e`` for a rise."""


class OcoTicket(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An OCO order as clients ask for it."""

    symbol: str
    side: Literal["buy", "sell"]
    price: Number
    size: Number
    stop_price: Number
    limit_price: Number
    client_oid: str
    remark: str | None = ""
    trade_type: str = "TRADE"
    is_isolated: bool = False
    auto_borrow: bool = False
    auto_repay: bool = False


@dataclass(slots=True, eq=False)
class Oco:
    """An OCO order: the limit order is the first of its legs."""

    id: str
    ticket: OcoTicket
    legs: tuple[Stop[SpotTicket], Stop[SpotTicket]]
    created_ns: int

    @property
    def active(self) -> bool:
        """Whether it waits."""
        return self.status == "NEW"

    @property
    def status(self) -> str:
        """``NEW``, ``TRIGGERED``, ``DONE`` when what that has placed is over, or ``CANCELLED``."""
        states = [status(leg) for leg in self.legs]
        return next((state for state in states if state != "CANCELLED"), "CANCELLED")


class Ocos:
    """The OCO orders of a desk."""

    def __init__(self, desk: SpotDesk) -> None:
        self._desk = desk
        self._orders: dict[str, Oco] = {}

    def __repr__(self) -> str:
        return f"<Ocos {sum(order.active for order in self._orders.values())} wait>"

    def place(self, ticket: OcoTicket, now_ns: int) -> Oco:
        """Let an OCO order wait. Raises :class:`RestError` where it makes no sense."""
        if ticket.client_oid and any(each.ticket.client_oid == ticket.client_oid for each in self.waiting()):
            raise _refused("The clientOid is in use already.")
        below, above = ("price", "stopPrice") if ticket.side == "buy" else ("stopPrice", "price")
        prices = {"price": ticket.price, "stopPrice": ticket.stop_price}
        last = self._desk.last_price(ticket.symbol)
        if not decimal(prices[below], below, _refused) < last < decimal(prices[above], above, _refused):
            raise _refused(f"The last price must lie between {below}, below, and {above}, above.")
        name = self._desk.stop_name()
        legs = self._leg(name, ticket, now_ns, limit=True), self._leg(name, ticket, now_ns, limit=False)
        for leg in legs:
            self._desk.wait(leg)
        order = self._orders[name] = Oco(name, ticket, legs, now_ns)
        self._forget()
        return order

    def cancel(self, order: Oco, now_ns: int) -> list[str]:
        """Cancel one that waits; return the ids of its legs."""
        if not order.active:
            raise _refused("order_not_exist_or_not_allow_to_cancel")
        self._desk.drop(order.legs[0], now_ns)
        return [leg.id for leg in order.legs]

    def get(self, *, order_id: str = "", client_oid: str = "") -> Oco:
        """Return one by either name, the last one of its client id; raise where there is none."""
        for order in reversed(self._orders.values()):
            if order.id == order_id or (client_oid and order.ticket.client_oid == client_oid):
                return order
        raise _refused("order not exist.")

    def all(self) -> list[Oco]:
        """Return those that wait and those that are over, the last one first."""
        return list(reversed(self._orders.values()))

    def waiting(self) -> list[Oco]:
        """Return those that wait, the last one first."""
        return [order for order in self.all() if order.active]

    def _leg(self, group: str, ticket: OcoTicket, now_ns: int, *, limit: bool) -> Stop[SpotTicket]:
        price, trigger = (ticket.price, ticket.price) if limit else (ticket.limit_price, ticket.stop_price)
        placed = SpotTicket(
            symbol=ticket.symbol, side=ticket.side, price=price, size=ticket.size, stop_price=trigger,
            stop=_KINDS[ticket.side, limit], remark=ticket.remark,
            trade_type=ticket.trade_type, is_isolated=ticket.is_isolated, auto_borrow=ticket.auto_borrow,
            auto_repay=ticket.auto_repay,
        )  # fmt: skip
        return self._desk.stop_of(placed, now_ns, group=group)

    def _forget(self) -> None:
        over = [name for name, order in self._orders.items() if not order.active]
        for name in over[: max(0, len(over) - KEPT)]:
            del self._orders[name]


def status(leg: Stop[SpotTicket]) -> str:
    """Return the state of a leg."""
    if leg.status == "TRIGGERED" and (leg.placed is None or not leg.placed.active):
        return "DONE"
    return leg.status


def _refused(reason: str) -> RestError:
    return RestError(400, "400100", reason)
