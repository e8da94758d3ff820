"""What a futures account looks back at: positions that are closed, funding fees, and the entries of its money. Pure."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import NamedTuple

from kucoin_stream.simulator.trading.positions import Position

KEPT = 10_000  # of each


class Closed(NamedTuple):
    """A position that is over. ``gross`` is before ``fees`` and ``funding``, which are what was paid."""

    number: int
    symbol: str
    settle: str
    margin_mode: str
    leverage: Decimal
    long: bool
    liquidated: bool
    gross: Decimal
    fees: Decimal
    funding: Decimal
    entry_price: Decimal
    exit_price: Decimal
    initial: Decimal  # margin of all that went in
    opened_ns: int
    closed_ns: int


class Funded(NamedTuple):
    """A funding fee: ``paid`` is negative where it was received, ``worth`` the position's at the mark price."""

    number: int
    symbol: str
    settle: str
    margin_mode: str
    rate: float
    mark: Decimal
    lots: int
    worth: Decimal
    paid: Decimal
    time_ns: int


class Entry(NamedTuple):
    """A change of a wallet: what was realised, ``fee`` taken off, or what was transferred. ``equity`` is after it."""

    number: int
    kind: str
    currency: str
    amount: Decimal
    fee: Decimal
    equity: Decimal
    remark: str
    time_ns: int


class Past:
    """Keeps the last ones of each, oldest first."""

    def __init__(self) -> None:
        self.closed: deque[Closed] = deque(maxlen=KEPT)
        self.funded: deque[Funded] = deque(maxlen=KEPT)
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self._count = 0

    def __repr__(self) -> str:
        return f"<Past of {len(self.closed)} positions>"

    def close(self, position: Position, time_ns: int, *, liquidated: bool) -> None:
        """Note a position that has just become flat, its last fee included."""
        went_in, came_out = position.entered, position.left
        self.closed.append(
            Closed(
                self._next(), position.symbol, position.settle, position.margin_mode, position.leverage,
                went_in.lots > 0, liquidated, position.gross, position.fees, position.funding,
                position.price(*went_in), position.price(*came_out), abs(went_in.worth) / position.leverage,
                position.opened_ns, time_ns,
            )
        )  # fmt: skip

    def fund(self, position: Position, rate: float, worth: Decimal, paid: Decimal, time_ns: int) -> None:
        """Note a funding fee."""
        self.funded.append(
            Funded(
                self._next(), position.symbol, position.settle, position.margin_mode, rate, position.mark,
                position.lots, worth, paid, time_ns,
            )
        )  # fmt: skip

    def enter(
        self, kind: str, currency: str, amount: Decimal, equity: Decimal, time_ns: int, *, remark: str, fee: Decimal
    ) -> None:
        """Note a change of a wallet."""
        self.entries.append(Entry(self._next(), kind, currency, amount, fee, equity, remark, time_ns))

    def _next(self) -> int:
        self._count += 1
        return self._count
