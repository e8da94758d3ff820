"""How an order lives, the same on both markets: taken, rested, filled, cancelled, triggered. Pure.

Theory of operation. An order takes what it can at once; what is left rests, or is cancelled. Money is the subclass's:
it holds some before, settles every fill, and gives back at the end what is left. While an order is at work no stop
order is triggered: those that are met wait until it rests or is over. An order with a self-trade rule plans around
the account's own orders, and then does to them what its rule says. During a call auction orders only rest; what the
auction leaves of them begins anew when it is over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Generic, TypeVar

from kucoin_stream.simulator.flow import SECOND, Fill
from kucoin_stream.simulator.instrument import Instrument
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.news import OrderEvent, StopEvent
from kucoin_stream.simulator.trading.orders import DONE_KEPT, Order, OrderFill, Orders, Stop
from kucoin_stream.simulator.trading.pit import Level, Pit
from kucoin_stream.simulator.trading.self_trade import Meeting, meet
from kucoin_stream.simulator.trading.tickets import Ticket

O = TypeVar("O", bound=Order)  # noqa: E741
K = TypeVar("K", bound=Ticket)
MOST_ACTIVE = 200  # orders of one symbol that may be active


class Desk(ABC, Generic[O, K]):
    """The account's orders on one market."""

    def __init__(self) -> None:
        self.orders: Orders[O] = Orders()
        self.stops: dict[str, Stop[K]] = {}
        self.triggered: dict[str, Stop[K]] = {}  # the last ones
        self._pits: dict[str, Pit[O]] = {}
        self._ending: list[O] = []  # orders that end by themselves
        self._met: list[str] = []  # stops whose price has come
        self._busy = False
        self._meeting: Meeting[O] = Meeting()  # of the order that is being placed
        self._fills = 0

    @abstractmethod
    def instrument(self, symbol: str) -> Instrument:
        """Return what is traded under that name; raise :class:`RestError` where nothing is."""

    @abstractmethod
    def _prepare(self, ticket: K, now_ns: int) -> tuple[O, Sequence[Level]]:
        """Return an order with its money held, and what it will take; raise, having changed nothing, if refused."""

    @abstractmethod
    def _settle(self, order: O, fill: Fill, maker: bool) -> OrderFill[O]:
        """Book the money of a fill."""

    @abstractmethod
    def _release(self, order: O, time_ns: int) -> None:
        """Give back what an order that is over still holds."""

    @abstractmethod
    def _report(self, order: O, event: OrderEvent, time_ns: int, fill: OrderFill[O] | None = None) -> None:
        """Tell what has become of an order."""

    @abstractmethod
    def _report_stop(self, stop: Stop[K], event: StopEvent, time_ns: int, error: str = "") -> None:
        """Tell what has become of a stop order."""

    @abstractmethod
    def _stop_price(self, stop: Stop[K]) -> Decimal:
        """Return the price that a stop looks at, now."""

    def _tidy(self, symbol: str, time_ns: int) -> None:
        """Cancel what makes no sense any more after a trade."""

    def _free(self, order: O, lots: int, time_ns: int) -> None:
        """Give back what an active order has held for lots that it just lost."""

    def _inherit(self, order: O, stop: Stop[K]) -> None:
        """Let an order show which stop order places it."""

    def place(self, ticket: K, now_ns: int) -> O:
        """Place an order. Raises :class:`RestError` where it is not accepted; nothing has changed then."""
        order, levels = self._prepare(ticket, now_ns)
        self._start(order, levels, now_ns)
        return order

    def end(self, order: O, time_ns: int, reason: str = "USER") -> None:
        """Cancel what is left of an active order."""
        self._pits[order.symbol].withdraw(order, time_ns)
        order.cancelled += order.left
        order.cancel_reason = reason
        self._finish(order, "canceled", time_ns)

    def reduce(self, order: O, lots: int, time_ns: int) -> None:
        """Cancel so many lots of a resting order, which keeps its place; all that is left ends it."""
        if lots >= order.left:
            self.end(order, time_ns)
            return
        self._pits[order.symbol].shrink(order, lots, time_ns)
        self._free(order, lots, time_ns)
        self._report(order, "update", time_ns)

    def expire(self, now_ns: int) -> None:
        """Cancel the orders whose time is over, and look after those that auctions have left and that are hidden."""
        for symbol, pit in list(self._pits.items()):
            for order in pit.reopen():
                self._reopen(order, now_ns)
            if pit.hides:
                with self._at_work(symbol, now_ns):
                    pit.look(now_ns)
        if self._ending:
            for order in self._ending:
                if order.active and now_ns >= order.ends_ns:
                    self.end(order, order.ends_ns, "TIME_OUT")
            self._ending = [order for order in self._ending if order.active]

    def wait(self, stop: Stop[K]) -> None:
        """Keep a stop order until its price comes, which it may have already."""
        self._keep(stop)
        self.look(stop.symbol, stop.created_ns)

    def drop(self, stop: Stop[K], time_ns: int) -> None:
        """Cancel a stop order, and those of its group."""
        del self.stops[stop.id]
        self._cancel_stop(stop, time_ns)
        self._drop_others(stop, time_ns)

    def look(self, symbol: str, time_ns: int) -> None:
        """Trigger the stop orders of a symbol whose price has come."""
        for stop in self.stops.values():
            if stop.symbol == symbol and stop.met(self._stop_price(stop)):
                self._met.append(stop.id)
        if not self._busy:
            self._trigger(time_ns)

    def _keep(self, stop: Stop[K]) -> None:
        self._pit(stop.symbol)
        self.stops[stop.id] = stop
        self._report_stop(stop, "open", stop.created_ns)

    def _pit(self, symbol: str) -> Pit[O]:
        pit = self._pits.get(symbol)
        if pit is None:
            pit = Pit(self.instrument(symbol), self._filled, lambda fill: self._traded(symbol, fill))
            self._pits[symbol] = pit
        return pit

    def _start(self, order: O, levels: Sequence[Level], now_ns: int) -> None:
        """Let an order take what is planned; then it rests or is over."""
        self.orders.add(order)
        pit, whole = self._pit(order.symbol), sum(level.lots for level in levels) >= order.lots
        with self._at_work(order.symbol, now_ns):
            if (order.post_only and levels) or (order.time_in_force == "FOK" and not whole):
                self.end(order, now_ns, "POST_ONLY" if order.post_only else "FOK")
                return
            ends = self._prevent(order, now_ns)
            for level in levels:
                pit.take(order, level, now_ns)
            if not order.active:
                return
            if ends or not order.left:
                self.end(order, now_ns, "STP")
            elif order.type == "limit" and order.time_in_force in ("GTC", "GTT"):
                self._rest(order, now_ns)
            else:
                self.end(order, now_ns, "IOC")

    def _rest(self, order: O, now_ns: int, *, known: bool = False) -> None:
        pit = self._pit(order.symbol)
        if pit.crosses(order):  # the last levels of a side cannot be taken
            self.end(order, now_ns, "NO_LIQUIDITY")
            return
        pit.rest(order, now_ns)
        if not known:
            self._report(order, "open", now_ns)
            if order.ends_ns:
                self._ending.append(order)

    def _reopen(self, order: O, now_ns: int) -> None:
        """Let what a call auction has left of an order trade as usual."""
        pit = self._pit(order.symbol)
        with self._at_work(order.symbol, now_ns):
            for level in plan(pit.offers(order.side, order.price), order.left):
                pit.take(order, level, now_ns)
            if order.active:
                self._rest(order, now_ns, known=True)

    @contextmanager
    def _at_work(self, symbol: str, now_ns: int) -> Iterator[None]:
        """Trigger no stop order meanwhile, but those that were met afterwards."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            self._tidy(symbol, now_ns)
            self._trigger(now_ns)

    def _meet(self, order: O, left: int, *, by_funds: bool = False) -> list[Level]:
        """Return what an order with a self-trade rule takes, and remember what the rule does."""
        self._meeting = meet(self._pit(order.symbol), order, left, by_funds=by_funds)
        return self._meeting.levels

    def _prevent(self, order: O, now_ns: int) -> bool:
        """Do what the self-trade rule says to the orders that are met; return whether the new one ends by it."""
        if not order.stp:
            return False
        meeting = self._meeting
        for other, lots in meeting.against:
            if lots == other.left:
                self.end(other, now_ns, "STP")
            else:
                self.reduce(other, lots, now_ns)
        if meeting.reduced:
            order.lose(meeting.reduced)
            self._free(order, meeting.reduced, now_ns)
            if order.left:
                self._report(order, "update", now_ns)
        return meeting.ends

    def _filled(self, order: O, fill: Fill, maker: bool) -> None:
        self._fills += 1
        booked = self._settle(order, fill, maker)
        order.value += booked.value
        order.fee += booked.fee
        self.orders.note(booked)
        self._report(order, "match", fill.time_ns, booked)
        if not order.left:
            self._finish(order, "filled", fill.time_ns)

    def _finish(self, order: O, event: OrderEvent, time_ns: int) -> None:
        order.updated_ns = time_ns
        self.orders.finish(order)
        self._release(order, time_ns)
        self._report(order, event, time_ns)

    def _traded(self, symbol: str, fill: Fill) -> None:
        if not self._busy:
            self._tidy(symbol, fill.time_ns)
        if self.stops:
            self.look(symbol, fill.time_ns)

    def _trigger(self, time_ns: int) -> None:
        while self._met:
            stop = self.stops.pop(self._met.pop(0), None)
            if stop is None:  # met twice
                continue
            stop.status, stop.triggered_ns = "TRIGGERED", time_ns
            self._remember(stop)
            self._drop_others(stop, time_ns)
            try:
                order, levels = self._prepare(stop.ticket, time_ns)
            except RestError as exc:
                self._report_stop(stop, "triggered", time_ns, exc.reason)
            else:
                self._inherit(order, stop)
                stop.placed = order
                self._report_stop(stop, "triggered", time_ns)
                self._start(order, levels, time_ns)

    def _remember(self, stop: Stop[K]) -> None:
        self.triggered[stop.id] = stop
        if len(self.triggered) > DONE_KEPT:
            del self.triggered[next(iter(self.triggered))]

    def _drop_others(self, stop: Stop[K], time_ns: int) -> None:
        for other in [each for each in self.stops.values() if stop.group and each.group == stop.group]:
            del self.stops[other.id]
            self._cancel_stop(other, time_ns)

    def _cancel_stop(self, stop: Stop[K], time_ns: int) -> None:
        stop.status = "CANCELLED"
        self._report_stop(stop, "cancel", time_ns)


def ends_ns(time_in_force: str, cancel_after: int, now_ns: int) -> int:
    """Return when an order ends by itself; 0: never. ``cancel_after`` is seconds."""
    return now_ns + cancel_after * SECOND if time_in_force == "GTT" and cancel_after > 0 else 0


def plan(offers: Iterable[Level], lots: int) -> list[Level]:
    """Return of the levels offered, best first, what makes up ``lots``."""
    taken: list[Level] = []
    for level in offers:
        if lots <= 0:
            break
        taken.append(Level(level.price, min(level.lots, lots)))
        lots -= level.lots
    return taken
