"""How an order lives, the same on both markets: taken, rested, filled, cancelled, triggered. Pure.

Theory of operation. An order takes what it can at once; what is left rests, or is cancelled. Money is the subclass's:
it holds some before, settles every fill, and gives back at the end what is left. While an order is at work no stop
order is triggered: those that are met wait until it rests or is over. An order with a self-trade rule plans around
the account's own orders, and then does to them what its rule says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Generic, TypeVar

from kucoin_stream.simulator.flow import SECOND, Fill
from kucoin_stream.simulator.instrument import Instrument
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.news import OrderEvent, StopEvent
from kucoin_stream.simulator.trading.orders import Order, OrderFill, Orders, Stop
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

    def expire(self, now_ns: int) -> None:
        """Cancel the orders whose time is over."""
        if self._ending:
            for order in self._ending:
                if order.active and now_ns >= order.ends_ns:
                    self.end(order, order.ends_ns, "TIME_OUT")
            self._ending = [order for order in self._ending if order.active]

    def wait(self, stop: Stop[K]) -> None:
        """Keep a stop order until its price comes, which it may have already."""
        self._pit(stop.symbol)
        self.stops[stop.id] = stop
        self._report_stop(stop, "open", stop.created_ns)
        self.look(stop.symbol, stop.created_ns)

    def drop(self, stop: Stop[K], time_ns: int) -> None:
        """Cancel a stop order."""
        del self.stops[stop.id]
        self._report_stop(stop, "cancel", time_ns)

    def look(self, symbol: str, time_ns: int) -> None:
        """Trigger the stop orders of a symbol whose price has come."""
        for stop in self.stops.values():
            if stop.symbol == symbol and stop.met(self._stop_price(stop)):
                self._met.append(stop.id)
        if not self._busy:
            self._trigger(time_ns)

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
        self._busy = True
        try:
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
                pit.rest(order, now_ns)
                self._report(order, "open", now_ns)
                if order.ends_ns:
                    self._ending.append(order)
            else:
                self.end(order, now_ns, "IOC")
        finally:
            self._busy = False
            self._tidy(order.symbol, now_ns)
            self._trigger(now_ns)

    def _meet(self, order: O, left: int, *, by_funds: bool = False) -> list[Level]:
        """Return what an order with a self-trade rule takes, and remember what the rule does."""
        self._meeting = meet(self._pit(order.symbol), order, left, by_funds=by_funds)
        return self._meeting.levels

    def _prevent(self, order: O, now_ns: int) -> bool:
        """Do what the self-trade rule says to the orders that are met; return whether the new one ends by it."""
        if not order.stp:
            return False
        meeting, pit = self._meeting, self._pit(order.symbol)
        for other, lots in meeting.against:
            if lots == other.left:
                self.end(other, now_ns, "STP")
            else:
                pit.shrink(other, lots, now_ns)
                self._report(other, "update", now_ns)
        order.cancelled += meeting.reduced
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
            try:
                order, levels = self._prepare(stop.ticket, time_ns)
            except RestError as exc:
                self._report_stop(stop, "triggered", time_ns, exc.reason)
            else:
                self._report_stop(stop, "triggered", time_ns)
                self._start(order, levels, time_ns)


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
