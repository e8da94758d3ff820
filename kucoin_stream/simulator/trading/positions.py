"""A position in one contract, and what it comes to at a price (protocol.md 4.33). Pure.

A value is signed: lots * multiplier * price, and of an inverse contract, whose multiplier is -1, lots * multiplier /
price. So profit is the value at the mark price less the cost, for both kinds of contract and both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from kucoin_stream.simulator.futures.perpetual import Perpetual
from kucoin_stream.simulator.trading.amounts import CENT, ZERO, floor

MAINTENANCE = Decimal("0.004")  # of the value; as the contracts' maintainMargin says


class Result(NamedTuple):
    """What a fill did to a position: lots that it closed, and the profit realised by that, before fees."""

    closed: int
    profit: Decimal


class Part(NamedTuple):
    """Signed lots, and what they were worth when they were traded."""

    lots: int = 0
    worth: Decimal = ZERO

    def plus(self, lots: int, worth: Decimal) -> Part:
        """Return both together."""
        return Part(self.lots + lots, self.worth + worth)


NOTHING = Part()


@dataclass(slots=True, eq=False)
class Position:
    """The account's position in one contract; flat where ``lots`` is 0. ``lots`` is negative when short.

    Money is in the settlement currency. ``cost`` is the signed value at entry; ``gross``, ``fees`` and ``funding``
    are since it was opened, as are ``entered`` and ``left``, all that went in and all that came out; ``added`` is
    margin on top of the initial one.
    """

    id: str
    perpetual: Perpetual
    margin_mode: str = "ISOLATED"
    leverage: Decimal = Decimal(3)
    auto_deposit: bool = False
    lots: int = 0
    cost: Decimal = ZERO
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    added: Decimal = ZERO
    entered: Part = NOTHING
    left: Part = NOTHING
    opened_ns: int = 0
    updated_ns: int = 0

    @property
    def symbol(self) -> str:
        """The contract."""
        return self.perpetual.contract.symbol

    @property
    def settle(self) -> str:
        """The currency of its money."""
        return self.perpetual.contract.settle

    @property
    def cross(self) -> bool:
        """Whether all of the wallet is its margin."""
        return self.margin_mode == "CROSS"

    @property
    def multiplier(self) -> Decimal:
        """Base coins a lot; -1 of an inverse contract."""
        return Decimal(str(self.perpetual.contract.multiplier))

    @property
    def mark(self) -> Decimal:
        """The mark price."""
        return Decimal(str(self.perpetual.mark))

    @property
    def entry(self) -> Decimal:
        """The average price at which it was opened; 0 when flat."""
        if not self.lots:
            return ZERO
        return self.price(self.lots, self.cost)

    @property
    def initial(self) -> Decimal:
        """The initial margin."""
        return floor(abs(self.cost) / self.leverage)

    @property
    def margin(self) -> Decimal:
        """The margin, without profit."""
        return self.initial + self.added

    @property
    def profit(self) -> Decimal:
        """The profit that closing at the mark price would realise."""
        return self.worth(self.lots, self.mark) - self.cost

    @property
    def maintenance(self) -> Decimal:
        """What margin and profit must not fall below."""
        return floor(abs(self.worth(self.lots, self.mark)) * MAINTENANCE)

    @property
    def realised(self) -> Decimal:
        """Profit realised since it was opened, fees and funding taken off."""
        return self.gross - self.fees - self.funding

    def liquidation(self, maintenance: Decimal = MAINTENANCE, backing: Decimal | None = None) -> Decimal:
        """Return the mark price at which it is liquidated; with ``maintenance`` 0, where it is bankrupt.

        ``backing`` is what it can lose, if not its margin: of a cross position what the wallet has for it.
        """
        if not self.lots:
            return ZERO
        own = self.margin if backing is None else backing
        worth = (self.cost - own) / (1 - maintenance if self.cost > 0 else 1 + maintenance)
        if (worth > 0) != (self.cost > 0) or not worth:
            return ZERO  # a long whose backing covers all of it
        return floor(self.price(self.lots, worth), Decimal("1e-4"))

    def worth(self, lots: int, price: Decimal) -> Decimal:
        """Return the signed value of lots at a price."""
        if self.perpetual.contract.inverse:
            return floor(lots * self.multiplier / price) if price else ZERO
        return lots * self.multiplier * price

    def trade(self, lots: int, price: Decimal, time_ns: int) -> Result:
        """Add signed ``lots`` at ``price``: what is against the position closes it, the rest opens."""
        closed = min(abs(lots), abs(self.lots)) if lots * self.lots < 0 else 0
        profit = ZERO
        if closed:
            sign = 1 if self.lots > 0 else -1
            part = self.cost if closed == abs(self.lots) else (self.cost * closed / abs(self.lots)).quantize(CENT)
            profit = self.worth(sign * closed, price) - part
            self._keep(1 - Decimal(closed) / abs(self.lots))
            self.lots -= sign * closed
            self.cost -= part
            lots += sign * closed
            self.left = self.left.plus(sign * closed, self.worth(sign * closed, price))
            self.gross += profit
        if lots:
            if not self.lots:
                self._begin(time_ns)
            self.lots += lots
            self.cost += self.worth(lots, price)
            self.entered = self.entered.plus(lots, self.worth(lots, price))
        self.updated_ns = time_ns
        return Result(closed, profit)

    def lots_of(self, quantity: Decimal, value: Decimal, price: Decimal) -> int:
        """Return the lots of so many base coins or, where that is 0, of a value, at a price."""
        if self.perpetual.contract.inverse:
            return int(value or quantity * price)
        return int((quantity or value / price) / self.multiplier)

    def price(self, lots: int, worth: Decimal) -> Decimal:
        """Return the price at which so many lots are worth that."""
        if self.perpetual.contract.inverse:
            return floor(lots * self.multiplier / worth)
        return worth / (lots * self.multiplier)

    def _begin(self, time_ns: int) -> None:
        self.opened_ns = time_ns
        self.gross = self.fees = self.funding = ZERO
        self.entered = self.left = NOTHING

    def _keep(self, share: Decimal) -> None:
        self.added = floor(self.added * share)
