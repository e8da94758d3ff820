"""Where users' orders meet the ladder of one instrument: price first, then time. Pure.

Theory of operation. A taker takes the best levels of the other side, level by level; they really go, each with a
sequence number and a trade. What an order rests becomes part of its level, behind what is there; whoever trades at
that level, the flow or another order of the user, trades with the flow's part first, and then with the orders in
the order in which they came. The last levels of a side cannot be taken, so that a book is never empty.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from kucoin_stream.simulator.flow import Fill
from kucoin_stream.simulator.instrument import Instrument
from kucoin_stream.simulator.ladder import Side
from kucoin_stream.simulator.trading.orders import Order

O = TypeVar("O", bound=Order)  # noqa: E741


class Level(NamedTuple):
    """What a taker gets at one price."""

    price: int
    lots: int


class Pit(Generic[O]):
    """Users' orders on one instrument. ``filled`` is told of an order's fills, and whether it was the maker;
    ``traded`` of every trade of the instrument.
    """

    def __init__(
        self, instrument: Instrument, filled: Callable[[O, Fill, bool], None], traded: Callable[[Fill], None]
    ) -> None:
        self.instrument = instrument
        self._filled = filled
        self._traded = traded
        self._queues: dict[tuple[Side, int], deque[O]] = {}
        instrument.witness = self

    def __repr__(self) -> str:
        return f"<Pit of {self.instrument.listing.symbol}, {sum(map(len, self._queues.values()))} orders rest>"

    def offers(self, side: str, limit: int = 0) -> Iterator[Level]:
        """Yield what a taker of that side (``buy``, ``sell``) can have, best first, not beyond ``limit``."""
        flow, other = self.instrument.flow, other_side(side)
        for index in range(flow.takeable(other)):
            price, lots = flow.ladder.level(other, index)
            if limit and (price > limit if side == "buy" else price < limit):
                return
            yield Level(price, lots)

    def own(self, side: str, price: int) -> list[O]:
        """Return the users' orders that a taker of that side meets at a price, in their order."""
        return list(self._queues.get((other_side(side), price), ()))

    def take(self, order: O, level: Level, time_ns: int) -> None:
        """Let an order take; both sides of the trade are told."""
        fill = self.instrument.take(other_side(order.side), level.price, level.lots, time_ns)
        self._fill(order, fill, maker=False)

    def rest(self, order: O, time_ns: int) -> None:
        """Put what is left of an order into the book."""
        side = own_side(order.side)
        self._queues.setdefault((side, order.price), deque()).append(order)
        order.resting = True
        self.instrument.rest(side, order.price, order.left, time_ns)

    def withdraw(self, order: O, time_ns: int) -> None:
        """Take what is left of an order out of the book, if it rests there."""
        if order.resting:
            side = own_side(order.side)
            self._leave(side, order)
            self.instrument.rest(side, order.price, -order.left, time_ns)

    def shrink(self, order: O, lots: int, time_ns: int) -> None:
        """Take so many lots of a resting order out of the book; it keeps its place."""
        order.cancelled += lots
        self.instrument.rest(own_side(order.side), order.price, -lots, time_ns)

    def traded(self, fill: Fill) -> None:
        """Learn of a trade: what the level has lost of the users' part is theirs."""
        side: Side = "asks" if fill.side == "buy" else "bids"
        queue = self._queues.get((side, fill.price))
        if queue:
            hit = sum(order.left for order in queue) - self.instrument.flow.reserved.get((side, fill.price), 0)
            for order in list(queue):
                part = min(hit, order.left)
                if not part:
                    break
                hit -= part
                if part == order.left:
                    self._leave(side, order)
                self._fill(order, fill._replace(size=part), maker=True)
        self._traded(fill)

    def _fill(self, order: O, fill: Fill, *, maker: bool) -> None:
        order.filled += fill.size
        order.paid += fill.price * fill.size
        order.updated_ns = fill.time_ns
        self._filled(order, fill, maker)

    def _leave(self, side: Side, order: O) -> None:
        order.resting = False
        queue = self._queues[side, order.price]
        queue.remove(order)
        if not queue:
            del self._queues[side, order.price]


def own_side(side: str) -> Side:
    """Return the side of the book that an order of that side rests on."""
    return "bids" if side == "buy" else "asks"


def other_side(side: str) -> Side:
    """Return the side of the book that an order of that side takes from."""
    return "asks" if side == "buy" else "bids"
