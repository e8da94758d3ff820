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


class Arming:
    """Whether orders may be sent now, or ``what`` else. :meth:`spend` and :meth:`refund` are for the loop thread."""

    def __init__(self, target: Target, *, chosen: bool, what: str = "orders", how: str = "") -> None:
        self.armed = False
        self.dry_run = False
        self.left: dict[str, Decimal] = {}  # by quote currency: what orders may still come to
        self._target = target
        self._chosen = chosen  # the user named the target
        self._what = what
        self._how = how or f"client.orders.arm(target={target.mode!r}, cap=...)"
        self._armed_in: str | None = None
        self._ran: dict[str, str] = {}  # by cell: the run that sent

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        if not self.armed:
            return "not armed"
        left = ", ".join(f"{_plain(amount)} {currency}" for currency, amount in self.left.items())
        capped = f": {left} left" if left else ""
        return f"armed{' (dry run)' if self.dry_run else ''} for {self._target.mode}{capped}"

    def arm(self, target: Meant, cap: Cap | None, *, dry_run: bool = False) -> None:
        """Allow it from the next cell on, orders up to ``cap``, none without one; see :meth:`Orders.arm`."""
        self.disarm()
        if self._target.mode == "replay":
            raise UsageError("a recording takes no orders: connect to 'live' or 'sim'")
        if not self._chosen:
            raise UsageError("the target was chosen by itself: say ks.connect('live') or ks.connect('sim') first")
        if target != self._target.mode:
            raise UsageError(f"arm(target={target!r}), but this client is connected to {self._target.mode!r}")
        self.left = {} if cap is None else _amounts(cap)
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
            raise NotArmedError(f"{self._what} are off; {self._how} allows them")

    def check_cell(self, cell: Cell | None) -> None:
        """Raise :class:`NotArmedError` where this execution of a cell may not send orders."""
        self.check()
        if cell is None:
            return
        if cell.run == self._armed_in:
            raise NotArmedError(f"this cell has just armed {self._what}: send them from another one")
        if self._ran.get(cell.key, cell.run) != cell.run:
            again = f"this cell has sent {self._what} already and was run again"
            raise NotArmedError(f"{again}; {self._how} allows it once more")

    def spend(self, currency: str, amount: Decimal, cell: Cell | None) -> None:
        """Take the worth of an order from the cap, for a cell; raises :class:`NotArmedError` where it is too much."""
        self.check_cell(cell)
        if amount:  # the close of a position comes to nothing
            left = self.left.get(currency)
            if left is None:
                raise NotArmedError(f"the cap names no {currency}: arm with cap={{'{currency}': ...}}")
            if amount > left:
                order = f"an order of {_plain(amount)} {currency}"
                raise NotArmedError(f"{order} is over the cap: {_plain(left)} {currency} are left")
            self.left[currency] = left - amount
        if cell is not None:
            self._ran[cell.key] = cell.run

    def refund(self, currency: str, amount: Decimal) -> None:
        """Give back what an order would have come to that the exchange did not take."""
        if currency in self.left:
            self.left[currency] += amount


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _amounts(cap: Cap) -> dict[str, Decimal]:
    given = cap if isinstance(cap, Mapping) else {"USDT": cap}
    try:
        amounts = {str(currency): Decimal(str(amount)) for currency, amount in given.items()}
    except ArithmeticError:
        raise UsageError(f"cap={cap!r}: write an amount of USDT, or one by currency: {{'USDT': 100}}") from None
    if not amounts or not all(amount.is_finite() and amount > 0 for amount in amounts.values()):
        raise UsageError(f"cap={cap!r}: an amount above 0")
    return amounts
