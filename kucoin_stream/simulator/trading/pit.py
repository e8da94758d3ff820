"""Where users' orders meet the ladder of one instrument: price first, then what is shown, then time. Pure.

Theory of operation. A taker takes the best levels of the other side, level by level; they really go, each with a
sequence number and a trade. What an order rests becomes part of its level, behind what is there; whoever trades at
that level, the flow or another order of the user, trades with the flow's part first, and then with the orders in
the order in which they came. The last levels of a side cannot be taken, so that a book is never empty.

A hidden order is in its queue, but not in the ladder; an iceberg shows its tip there, and the next one, behind the
others of its price, when that is eaten. The flow does not see what is hidden: where it has traded at a price that
hidden lots bettered, or shared with a level that is gone now, they trade too, up to the size of that trade; and
what is offered within reach of a hidden order, that order takes when it is looked after.

During a call auction orders wait in the auction's book (:mod:`gathered`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import groupby
from typing import Generic, NamedTuple, TypeVar

from kucoin_stream.simulator.auction import Auction
from kucoin_stream.simulator.flow import Fill
from kucoin_stream.simulator.instrument import Instrument
from kucoin_stream.simulator.ladder import Side
from kucoin_stream.simulator.trading.gathered import Gathered
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
        self._gathered: Gathered[O] | None = None
        self._opening = False  # whether the auction's trade is still to come
        self._taking = False  # whether the next trade is one of a user's order
        self._striking = False  # whether the next trade is with what is hidden
        instrument.witness = self

    def __repr__(self) -> str:
        return f"<Pit of {self.instrument.listing.symbol}, {sum(map(len, self._queues.values()))} orders rest>"

    @property
    def hides(self) -> bool:
        """Whether there are hidden orders."""
        return any(order.hidden for queue in self._queues.values() for order in queue)

    def offers(self, side: str, limit: int = 0) -> Iterator[Level]:
        """Yield what a taker of that side (``buy``, ``sell``) can have, best first, not beyond ``limit``."""
        if self.instrument.gathering is not None:
            return
        flow, other = self.instrument.flow, other_side(side)
        for price in self._prices(other):
            if limit and (price > limit if side == "buy" else price < limit):
                return
            yield Level(price, flow.ladder.size(other, price) + self._unseen(other, price))

    def own(self, side: str, price: int) -> list[O]:
        """Return the users' orders that a taker of that side meets at a price, in their order."""
        return list(self._queues.get((other_side(side), price), ()))

    def crosses(self, order: O) -> bool:
        """Whether what is left of an order cannot rest: its price has reached the other side's last levels."""
        best = self.instrument.flow.ladder.best(other_side(order.side))
        if best is None or self.instrument.gathering is not None:
            return False
        return best <= order.price if order.side == "buy" else best >= order.price

    def take(self, order: O, level: Level, time_ns: int) -> None:
        """Let an order take; both sides of the trade are told."""
        instrument, side = self.instrument, other_side(order.side)
        price, lots = level
        while lots:
            shown = min(lots, instrument.flow.ladder.size(side, price))
            unseen = min(lots, self._unseen(side, price))
            if not shown and not unseen:
                return
            self._taking = True
            fill = instrument.take(side, price, shown, time_ns) if shown else self._strike(side, price, unseen, time_ns)
            self._taking = False
            lots -= fill.size
            self._fill(order, fill, maker=False)

    def rest(self, order: O, time_ns: int) -> None:
        """Put what is left of an order into the book, or into that of the call auction."""
        gathering = self.instrument.gathering
        if isinstance(gathering, Auction):
            if self._gathered is None:
                self._gathered, self._opening = Gathered(gathering), True
            self._gathered.join(order)
            return
        side = own_side(order.side)
        self._queues.setdefault((side, order.price), deque()).append(order)
        order.resting = True
        self._show(side, order, order.showing, time_ns)

    def withdraw(self, order: O, time_ns: int) -> None:
        """Take what is left of an order out of the book, if it rests there."""
        if self._gathered is not None and order in self._gathered:
            self._gathered.leave(order)
        elif order.resting:
            side = own_side(order.side)
            self._leave(side, order)
            self._show(side, order, 0, time_ns)

    def shrink(self, order: O, lots: int, time_ns: int) -> None:
        """Cancel so many lots of a resting order; it keeps its place."""
        if self._gathered is not None and order in self._gathered:
            self._gathered.shrink(order, lots)
            order.lose(lots)
            return
        order.lose(lots)
        self._show(own_side(order.side), order, min(order.shown, order.left), time_ns)

    def reopen(self) -> list[O]:
        """Return the orders that the end of a call auction has left; they are to be placed anew."""
        if self._gathered is None or self.instrument.gathering is not None:
            return []
        gathered, self._gathered, self._opening = self._gathered, None, False
        return gathered.end()

    def look(self, time_ns: int) -> None:
        """Let hidden orders take what came within their reach."""
        hidden = [order for queue in self._queues.values() for order in queue if order.hidden]
        for order in hidden:
            for level in self.offers(order.side, order.price):
                lots = min(level.lots, order.left)
                if lots == order.left:
                    self._leave(own_side(order.side), order)
                self.take(order, Level(level.price, lots), time_ns)
                break  # the book has changed; the rest is for the next time

    def traded(self, fill: Fill) -> None:
        """Learn of a trade: what the level has lost of the users' part is theirs."""
        side: Side = "asks" if fill.side == "buy" else "bids"
        by_flow = not self._taking and not self._striking
        if self._striking:
            self._striking = False
            self._eat(side, fill, fill.size, shown=False)
        elif self._gathered is not None and self._opening and self._gathered.trades:
            self._opening = False
            for order, lots in self._gathered.shares(fill):
                self._fill(order, fill._replace(size=lots), maker=True)
        elif queue := self._queues.get((side, fill.price)):
            in_book = self.instrument.flow.reserved.get((side, fill.price), 0)
            self._eat(side, fill, sum(order.shown for order in queue) - in_book, shown=True)
        self._traded(fill)
        if by_flow:
            self._uncover(side, fill)

    def _prices(self, side: Side) -> Iterable[int]:
        """Where a side has something to take, shown or not, best first."""
        flow = self.instrument.flow
        shown = (flow.ladder.level(side, index)[0] for index in range(flow.takeable(side)))
        veiled = self._veiled(side)
        if not veiled:
            return shown
        sign = 1 if side == "asks" else -1
        return (price for price, _ in groupby(merge(shown, veiled, key=lambda price: sign * price)))

    def _veiled(self, side: Side) -> list[int]:
        """The prices at which a side hides something, best first."""
        prices = {price for where, price in self._queues if where == side and self._unseen(side, price)}
        return sorted(prices, reverse=side == "bids")

    def _unseen(self, side: Side, price: int) -> int:
        return sum(order.left - order.shown for order in self._queues.get((side, price), ()))

    def _uncover(self, side: Side, fill: Fill) -> None:
        """Let what is hidden at a price as good as that of the flow's trade have a trade as large."""
        lots = fill.size
        for price in self._veiled(side):
            if price < fill.price if side == "bids" else price > fill.price:
                return
            part = min(lots, self._unseen(side, price))
            if not part or (price == fill.price and self.instrument.flow.ladder.size(side, price)):
                return
            self._strike(side, price, part, fill.time_ns)
            lots -= part

    def _strike(self, side: Side, price: int, lots: int, time_ns: int) -> Fill:
        self._striking = True
        return self.instrument.strike(side, price, lots, time_ns)

    def _eat(self, side: Side, fill: Fill, hit: int, *, shown: bool) -> None:
        """Let the orders at a trade's price have ``hit`` lots of it, of what they show or of what they hide."""
        for order in list(self._queues.get((side, fill.price), ())):
            part = min(hit, order.shown if shown else order.left - order.shown)
            if not part:
                continue
            hit -= part
            if shown:
                order.shown -= part
            if part == order.left:
                self._leave(side, order)
            self._fill(order, fill._replace(size=part), maker=True)
            if order.tip and order.resting and not order.shown:
                self._refill(side, order, fill.time_ns)

    def _refill(self, side: Side, order: O, time_ns: int) -> None:
        """Show the next tip of an iceberg, behind the other orders of its price."""
        queue = self._queues[side, order.price]
        queue.remove(order)
        queue.append(order)
        self._show(side, order, order.showing, time_ns)

    def _show(self, side: Side, order: O, lots: int, time_ns: int) -> None:
        """Make ``lots`` what the book has of an order."""
        change, order.shown = lots - order.shown, lots
        if change:
            self.instrument.rest(side, order.price, change, time_ns)

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
