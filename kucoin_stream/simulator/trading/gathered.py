"""Users' orders in a call auction: they wait in its book, and have their part of the trade that ends it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from kucoin_stream.simulator.auction import Auction
from kucoin_stream.simulator.flow import Fill
from kucoin_stream.simulator.ladder import Side
from kucoin_stream.simulator.trading.orders import Order

O = TypeVar("O", bound=Order)  # noqa: E741


class Gathered(Generic[O]):
    """The orders of one symbol that came during its auction, in the order in which they came."""

    def __init__(self, auction: Auction) -> None:
        self._auction = auction
        self._orders: list[O] = []

    def __repr__(self) -> str:
        return f"<Gathered {len(self._orders)} orders of {self._auction!r}>"

    def __contains__(self, order: O) -> bool:
        return order in self._orders

    @property
    def trades(self) -> bool:
        """Whether the auction ends with a trade."""
        return self._auction.estimate().lots > 0

    def join(self, order: O) -> None:
        """Put what is left of an order into the auction's book."""
        self._orders.append(order)
        order.resting = True
        self._auction.add(_side(order), order.price, order.left)

    def leave(self, order: O) -> None:
        """Take an order out again."""
        self._orders.remove(order)
        order.resting = False
        self._auction.add(_side(order), order.price, -order.left)

    def shrink(self, order: O, lots: int) -> None:
        """Take some lots of an order out."""
        self._auction.add(_side(order), order.price, -lots)

    def end(self) -> list[O]:
        """Return the orders of which something is left, for trading as usual; nothing waits here any more."""
        orders, self._orders = [order for order in self._orders if order.left], []
        for order in orders:
            order.resting = False
        return orders

    def shares(self, fill: Fill) -> list[tuple[O, int]]:
        """Return who has how many lots of the auction's trade: by price, then the others before users."""
        return [*self._share("bids", fill), *self._share("asks", fill)]

    def _share(self, side: Side, fill: Fill) -> Iterator[tuple[O, int]]:
        lots = fill.size
        for price, size in self._auction.ladder.top(side):
            if price < fill.price if side == "bids" else price > fill.price:
                return
            own = [order for order in self._orders if (_side(order), order.price) == (side, price)]
            lots -= min(lots, size - sum(order.left for order in own))
            for order in own:
                part = min(lots, order.left)
                if part:
                    lots -= part
                    yield order, part


def _side(order: Order) -> Side:
    return "bids" if order.side == "buy" else "asks"
