"""What a futures wallet shows: the money of one settlement currency (protocol.md 4.32). Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from kucoin_stream.simulator.trading.amounts import ZERO


class Wallet(NamedTuple):
    """A statement of one settlement currency. ``balance`` is money; the rest says what of it is bound, and profit."""

    currency: str
    balance: Decimal
    version: int
    isolated_orders: Decimal = ZERO
    cross_orders: Decimal = ZERO
    isolated_margin: Decimal = ZERO
    cross_margin: Decimal = ZERO
    isolated_profit: Decimal = ZERO
    cross_profit: Decimal = ZERO

    @property
    def equity(self) -> Decimal:
        """The money, and the profit not yet realised."""
        return self.balance + self.isolated_profit + self.cross_profit

    @property
    def cross_total(self) -> Decimal:
        """What cross positions and orders can draw on."""
        return self.balance - self.isolated_margin - self.isolated_orders + self.cross_profit

    @property
    def available(self) -> Decimal:
        """What new orders can bind."""
        return self.cross_total - self.cross_margin - self.cross_orders

    @property
    def withdrawable(self) -> Decimal:
        """What may leave: unrealised profit may not."""
        return max(ZERO, self.available - max(ZERO, self.cross_profit))
