"""What stands between a cell and the exchange: nothing is sent until it is armed, and never more than it allows.

Theory of operation. Orders are off. :meth:`Arming.arm` names the kind of exchange that it is meant for, and a cap;
it never takes effect in the cell that says it, so that running that cell again sends nothing. A cell that has sent an
order does not send another when it is run again, until it is armed anew. ``ks.connect()`` ends it, and so does the end
of the client. In a script there are no cells: it takes effect at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from kucoin_stream.errors import NotArmedError, UsageError
from kucoin_stream.orders.cell import Cell, running_cell
from kucoin_stream.transport.target import Target

Meant = Literal["live", "sim", "url"]
Cap = Decimal | int | float | str | Mapping[str, Decimal | int | float | str]

_HOW = "client.orders.arm(target={!r}, cap=...)"


class Arming:
    """Whether orders may be sent now. :meth:`spend` and :meth:`refund` are for the loop thread alone."""

    def __init__(self, target: Target, *, chosen: bool) -> None:
        self.armed = False
        self.dry_run = False
        self.left: dict[str, Decimal] = {}  # by quote currency: what orders may still come to
        self._target = target
        self._chosen = chosen  # the user named the target
        self._armed_in: str | None = None
        self._ran: dict[str, str] = {}  # by cell: the run that sent

    def __repr__(self) -> str:
        if not self.armed:
            return "<not armed>"
        left = ", ".join(f"{amount:f} {currency}" for currency, amount in self.left.items())
        return f"<armed{' (dry run)' if self.dry_run else ''} for {self._target.mode}: {left} left>"

    def arm(self, target: Meant, cap: Cap, *, dry_run: bool = False) -> None:
        """Allow orders from the next cell on, up to ``cap``; see :meth:`Orders.arm`."""
        self.disarm()
        if not self._chosen:
            raise UsageError("the target was chosen by itself: say ks.connect('live') or ks.connect('sim') first")
        if target != self._target.mode:
            raise UsageError(f"arm(target={target!r}), but this client is connected to {self._target.mode!r}")
        self.left = _amounts(cap)
        self.armed, self.dry_run = True, dry_run
        cell = running_cell()
        self._armed_in = cell.run if cell else None
        self._ran = {}

    def disarm(self) -> None:
        """Allow no more orders."""
        self.armed = False
        self.left = {}

    def check(self) -> None:
        """Raise :class:`NotArmedError` where orders are off."""
        if not self.armed:
            raise NotArmedError(f"orders are off; {_HOW.format(self._target.mode)} allows them")

    def check_cell(self, cell: Cell | None) -> None:
        """Raise :class:`NotArmedError` where this execution of a cell may not send orders."""
        self.check()
        if cell is None:
            return
        how = _HOW.format(self._target.mode)
        if cell.run == self._armed_in:
            raise NotArmedError("this cell has just armed orders: send them from another one")
        if self._ran.get(cell.key, cell.run) != cell.run:
            raise NotArmedError(f"this cell has sent orders already and was run again; {how} allows it once more")

    def spend(self, currency: str, amount: Decimal, cell: Cell | None) -> None:
        """Take the worth of an order from the cap, for a cell; raises :class:`NotArmedError` where it is too much."""
        self.check_cell(cell)
        if amount:  # the close of a position comes to nothing
            left = self.left.get(currency)
            if left is None:
                raise NotArmedError(f"the cap names no {currency}: arm with cap={{'{currency}': ...}}")
            if amount > left:
                raise NotArmedError(f"an order of {amount:f} {currency} is over the cap: {left:f} {currency} are left")
            self.left[currency] = left - amount
        if cell is not None:
            self._ran[cell.key] = cell.run

    def refund(self, currency: str, amount: Decimal) -> None:
        """Give back what an order would have come to that the exchange did not take."""
        if currency in self.left:
            self.left[currency] += amount


def _amounts(cap: Cap) -> dict[str, Decimal]:
    given = cap if isinstance(cap, Mapping) else {"USDT": cap}
    try:
        amounts = {str(currency): Decimal(str(amount)) for currency, amount in given.items()}
    except ArithmeticError:
        raise UsageError(f"cap={cap!r}: write an amount of USDT, or one by currency: {{'USDT': 100}}") from None
    if not amounts or not all(amount.is_finite() and amount > 0 for amount in amounts.values()):
        raise UsageError(f"cap={cap!r}: an amount above 0")
    return amounts
