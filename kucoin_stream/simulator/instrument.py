"""One generated symbol: order flow, klines and trades, and the boards that show them. Pure; time is virtual.

Theory of operation. Events happen when the flow says so. Boards, one for each kind of connection, are told of
every event, every 100 ms, 10 ms after an event where they ask for it, and once a second of the klines that
changed. A board that nobody reads is not told. Contracts follow their underlying: it moves them on and hands
them its price every 100 ms, so that the story never depends on how often it is asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from typing import Protocol

from kucoin_stream.simulator.bars import Bar, Klines
from kucoin_stream.simulator.flow import SECOND, Change, Fill, OrderFlow
from kucoin_stream.simulator.history import History, Temper
from kucoin_stream.simulator.ladder import Side, text
from kucoin_stream.simulator.listings import Listing
from kucoin_stream.simulator.market import Push

TICK = SECOND // 10  # ns
FINE_TICK = SECOND // 100  # ns
MINUTE = 60 * SECOND  # ns
TRADES_KEPT = 100
KLINE_PHASE = 8 * TICK  # five of six recorded kline pushes ended in .805 s; protocol.md 4.8
_NEVER = 1 << 62

KlineChanges = Sequence[tuple[str, Sequence[tuple[str, Bar]]]]
"""By interval: what is to be pushed, ``add`` or ``update`` and the bar."""


class Board:
    """Shows one instrument to the readers of one kind of connection. Does nothing of itself."""

    fine = False
    """Whether :meth:`fine_tick` is wanted."""

    def want(self, wanted: Collection[str]) -> bool:  # noqa: ARG002
        """Learn which topics somebody reads; return whether any of them is shown here."""
        return False

    def opening(self, topic: str, now_ns: int) -> Push | None:  # noqa: ARG002
        """Return what a new reader of ``topic`` is sent first, if this is the place and there is something."""
        return None

    def event(self, change: Change, fill: Fill | None, out: list[Push]) -> None:
        """Show what just happened."""

    def tick(self, moment: int, out: list[Push]) -> None:
        """Show what is due on the grid of 100 ms."""

    def fine_tick(self, moment: int, out: list[Push]) -> None:
        """Show what is due on the grid of 10 ms; called only after an event."""

    def klines(self, moment: int, changes: KlineChanges, out: list[Push]) -> None:
        """Show klines that changed, once a second."""


class Witness(Protocol):
    """Who is told of every trade at once, after the boards."""

    def traded(self, fill: Fill) -> None:
        """Learn of a trade; the book has it already."""


class Gathering(Protocol):
    """A call auction that goes on until ``end_ns``."""

    end_ns: int

    def advance(self, now_ns: int) -> None:
        """Let orders come up to ``now_ns``."""

    def estimate(self) -> tuple[int, int]:
        """Return price and lots of what would trade; 0 where nothing would."""


class Instrument:
    """One symbol or contract. ``boards`` are told what they want; ``followers`` are moved on along with it.

    A contract's past follows that of its ``underlying``.
    """

    def __init__(
        self, listing: Listing, seed: int, start_ns: int, rate: float, underlying: Instrument | None = None
    ) -> None:
        self.listing = listing
        self.underlying = underlying
        self.flow = OrderFlow(listing, seed, start_ns, rate)
        self.klines = Klines(start_ns // SECOND, listing.ticks, lambda: self._history(seed, start_ns, rate))
        self.trades: deque[Fill] = deque(maxlen=TRADES_KEPT)
        self.index = float(listing.ticks)  # the underlying's price, of a follower; ticks
        self.followers: list[Instrument] = []
        self.boards: list[Board] = []
        self.gathering: Gathering | None = None  # orders before the opening, where it opens with an auction
        self.witness: Witness | None = None  # whoever looks after users' orders, where there were any
        self._unsent: list[Push] = []  # what users' orders brought about since the last advance
        self._active: list[Board] = []
        self._fine: list[Board] = []
        self._next_tick = start_ns - start_ns % TICK + TICK
        self._next_fine = _NEVER

    def __repr__(self) -> str:
        return f"<Instrument {self.listing.symbol} at {self.flow.sequence}>"

    def want(self, wanted: Collection[str]) -> None:
        """Learn which topics are read from now on."""
        self._active = [board for board in self.boards if board.want(wanted)]
        self._fine = [board for board in self._active if board.fine]
        self._next_fine = self._after(max(self.flow.now_ns, self._next_tick - TICK)) if self._fine else _NEVER
        for follower in self.followers:
            follower.want(wanted)

    def advance(self, until_ns: int, out: list[Push]) -> None:
        """Let everything happen up to ``until_ns``, included, and append what is pushed to ``out``."""
        flow = self.flow
        if self._unsent:
            out += self._unsent
        self._unsent = out  # a stop order may be triggered on the way; what that pushes keeps its place
        while True:
            moment = min(flow.next_ns, self._next_tick, self._next_fine)
            if moment > until_ns:
                break
            if moment == flow.next_ns:
                self._event(out)
            elif moment == self._next_fine:
                self._next_fine = _NEVER
                for board in self._fine:
                    board.fine_tick(moment, out)
            else:
                self._tick(moment, out)
        self._unsent = []
        for follower in self.followers:
            follower.advance(until_ns, out)

    def take(self, side: Side, price: int, lots: int, time_ns: int) -> Fill:
        """Let a user's order take ``lots`` of a level, at ``time_ns``; what that pushes goes with the next advance."""
        change, fill = self.flow.take(side, price, lots, time_ns)
        self._show(change, fill, self._unsent)
        return fill

    def strike(self, side: Side, price: int, lots: int, time_ns: int) -> Fill:
        """Let a taker have ``lots`` that a side hides: hidden orders, the part of an iceberg below its tip.

        The trade has a sequence number of its own, at which the book does not change: price 0 of protocol.md 4.5.
        """
        taker = "buy" if side == "asks" else "sell"
        change, fill = self.flow.trade_unseen(price, lots, max(time_ns, self.flow.now_ns), taker)
        self._show(change, fill, self._unsent)
        return fill

    def rest(self, side: Side, price: int, lots: int, time_ns: int) -> None:
        """Add what a user rests at a price, or, where ``lots`` is negative, take it away."""
        self._show(self.flow.rest(side, price, lots, time_ns), None, self._unsent)

    def cross(self, time_ns: int) -> None:
        """Put a bid above the best ask; the flow takes it away again."""
        self._show(self.flow.cross(time_ns), None, self._unsent)

    def gather(self, gathering: Gathering) -> None:
        """Trade only when a call auction is over."""
        self.gathering = gathering
        self.flow.skip(gathering.end_ns)

    def skip(self, to_ns: int) -> None:
        """Let nothing happen until ``to_ns``."""
        self.flow.skip(to_ns)
        self._next_tick = max(self._next_tick, to_ns - to_ns % TICK + TICK)
        for follower in self.followers:
            follower.skip(to_ns)

    def written(self, side: Side, depth: int | None = None) -> list[list[str]]:
        """Return the best levels as pairs of text."""
        ladder = self.flow.ladder
        return ladder.written(ladder.top(side, depth))

    def price(self, ticks: int) -> str:
        """Return a price as text."""
        return text(ticks, self.listing.price_scale)

    def size(self, lots: int) -> str:
        """Return a size as text."""
        return text(lots, self.listing.size_scale)

    def number(self, ticks: float, decimals: int = 8) -> float:
        """Return a price, or a difference of prices, as a number."""
        return round(ticks / 10.0**self.listing.price_scale, decimals)

    def _event(self, out: list[Push]) -> None:
        change, fill = self.flow.step()
        self._show(change, fill, out)

    def _show(self, change: Change, fill: Fill | None, out: list[Push]) -> None:
        if fill is not None:
            self.trades.append(fill)
            self.klines.trade(fill.price, fill.size, fill.time_ns // SECOND)
        for board in self._active:
            board.event(change, fill, out)
        if self._fine and self._next_fine == _NEVER:
            self._next_fine = self._after(change.time_ns)
        if fill is not None and self.witness is not None:
            self.witness.traded(fill)

    def _tick(self, moment: int, out: list[Push]) -> None:
        self._next_tick += TICK
        if self.gathering is not None and moment >= self.gathering.end_ns:
            self._open(self.gathering, out)
        for board in self._active:
            board.tick(moment, out)
        if moment % SECOND == KLINE_PHASE:
            changes = self.klines.changed()
            for board in self._active:
                board.klines(moment, changes, out)
        for follower in self.followers:
            follower.advance(moment, out)
            follower.flow.anchor, follower.index = self.flow.fair, self.flow.middle

    def _open(self, gathering: Gathering, out: list[Push]) -> None:
        self.gathering = None
        gathering.advance(gathering.end_ns)
        price, lots = gathering.estimate()
        if lots:
            self._show(*self.flow.trade_unseen(price, lots, gathering.end_ns), out)

    @staticmethod
    def _after(time_ns: int) -> int:
        return time_ns // FINE_TICK * FINE_TICK + FINE_TICK

    def _history(self, seed: int, start_ns: int, rate: float) -> History:
        listing = self.listing
        volume = max(2.0, 60 * 0.07 * listing.pace * rate * listing.lots * 0.6)  # what the flow trades in a minute
        leading = None if self.underlying is None else self.underlying.klines.history
        temper = Temper(listing.volatility, volume)
        return History(listing.symbol, seed, start_ns // SECOND, listing.ticks, temper, leading)
