"""Take profit and stop loss that come with an order of a contract: ``POST /api/v1/st-orders`` in rest.md. Pure.

Theory of operation. Both are stop orders that only reduce the position, of one group: the first that is triggered ends
the other. They begin to wait when the order that brought them has its first fill, so that an order that never fills
leaves none behind, and are cancelled when the position is gone. An order that itself only reduces or closes is not
placed: it is what is to be done, as soon as one of the two prices comes. (KuCoin documents none of this but the names
of the fields.)
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.amounts import Number, decimal
from kucoin_stream.simulator.trading.ids import Ids
from kucoin_stream.simulator.trading.orders import FuturesOrder, Stop
from kucoin_stream.simulator.trading.tickets import FuturesTicket

_BAD = "100001"


class BracketTicket(FuturesTicket, frozen=True, kw_only=True):
    """An order with the prices at which its position is left: above and below, either of them or both."""

    trigger_stop_up_price: Number = None
    trigger_stop_down_price: Number = None

    def exits(self) -> dict[str, Decimal]:
        """Return the prices by kind of stop order; raise :class:`RestError` where there is none, or sense in none."""
        given = {"up": ("triggerStopUpPrice", self.trigger_stop_up_price),
                 "down": ("triggerStopDownPrice", self.trigger_stop_down_price)}  # fmt: skip
        found = {kind: price for kind, (name, value) in given.items() if (price := decimal(value, name, _refused))}
        if not found:
            raise _refused("triggerStopUpPrice or triggerStopDownPrice is needed.")
        if self.stop:
            raise _refused("An order with triggerStopUpPrice or triggerStopDownPrice has no stop.")
        if len(found) > 1 and found["up"] <= found["down"]:
            raise _refused("triggerStopUpPrice must be above triggerStopDownPrice.")
        return found

    def leaves(self) -> bool:
        """Whether it opens nothing itself."""
        return bool(self.close_order or self.reduce_only)


class Brackets:
    """The exits of orders that have no fill yet."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._waiting: dict[str, BracketTicket] = {}  # by the order that brings them

    def __repr__(self) -> str:
        return f"<Brackets of {len(self._waiting)} orders>"

    def attach(self, order_id: str, ticket: BracketTicket) -> None:
        """Let exits come with an order that is about to be placed."""
        self._waiting[order_id] = ticket

    def forget(self, order_id: str) -> None:
        """Drop the exits of an order that is over."""
        self._waiting.pop(order_id, None)

    def open(self, order: FuturesOrder, now_ns: int) -> list[Stop[FuturesTicket]]:
        """Return the exits that begin to wait with an order's first fill."""
        ticket = self._waiting.pop(order.id, None)
        if ticket is None:
            return []
        side: Literal["buy", "sell"] = "sell" if order.side == "buy" else "buy"
        leaving = FuturesTicket(symbol=order.symbol, side=side, type="market", size=order.lots, reduce_only=True)
        return self.legs(leaving, ticket, now_ns, group=order.id)

    def legs(
        self, leaving: FuturesTicket, bracket: BracketTicket, now_ns: int, *, group: str = ""
    ) -> list[Stop[FuturesTicket]]:
        """Return stop orders, of one group, that do ``leaving`` at the prices of a bracket."""
        made: list[Stop[FuturesTicket]] = []
        for kind, price in bracket.exits().items():
            name = self._ids.futures()
            group = group or name
            kept = msgspec.structs.replace(leaving, stop=kind, stop_price=str(price))
            made.append(
                Stop(
                    id=name, client_oid=bracket.client_oid or "" if name == group else "", symbol=leaving.symbol,
                    stop=kind, stop_price=price, ticket=kept, created_ns=now_ns,
                    price_type=bracket.stop_price_type or "TP", group=group,
                )
            )  # fmt: skip
        return made


def plain(ticket: BracketTicket) -> FuturesTicket:
    """Return the order without what it brings."""
    return FuturesTicket(**{name: getattr(ticket, name) for name in FuturesTicket.__struct_fields__})


def _refused(reason: str) -> RestError:
    return RestError(400, _BAD, reason)
