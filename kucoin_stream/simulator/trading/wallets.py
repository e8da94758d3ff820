"""What a futures wallet shows: the money of one settlement currency (protocol.md 4.32). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from kucoin_stream.simulator.trading.amounts import ZERO
from kucoin_stream.simulator.trading.orders import FuturesOrder
from kucoin_stream.simulator.trading.positions import Position

_SUMS = (
    "isolated_orders", "cross_orders", "isolated_margin", "cross_margin", "isolated_profit", "cross_profit",
    "cross_maintenance",
)  # fmt: skip


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
    cross_maintenance: Decimal = ZERO

    @property
    def equity(self) -> Decimal:
        """The money, and the profit not yet realised."""
        return self.balance + self.isolated_profit + self.cross_profit

    @property
    def cross_total(self) -> Decimal:
        """What cross positions and orders can draw on."""
        return self.balance - self.isolated_margin - self.isolated_orders + self.cross_profit

    @property
    def endangered(self) -> bool:
        """Whether the cross positions together have no more than their maintenance margin."""
        return bool(self.cross_maintenance) and self.cross_total <= self.cross_maintenance

    @property
    def available(self) -> Decimal:
        """What new orders can bind."""
        return self.cross_total - self.cross_margin - self.cross_orders

    @property
    def withdrawable(self) -> Decimal:
        """What may leave: unrealised profit may not."""
        return max(ZERO, self.available - max(ZERO, self.cross_profit))


def statement(wallet: Wallet, orders: Iterable[FuturesOrder], positions: Iterable[Position]) -> Wallet:
    """Return a wallet with what active orders and positions make of it."""
    sums = dict.fromkeys(_SUMS, ZERO)
    for order in orders:
        if order.settle == wallet.currency:
            sums["cross_orders" if order.margin_mode == "CROSS" else "isolated_orders"] += order.held
    for position in positions:
        if position.settle == wallet.currency and position.lots:
            mode = "cross" if position.cross else "isolated"
            sums[f"{mode}_margin"] += position.margin
            sums[f"{mode}_profit"] += position.profit
            sums["cross_maintenance"] += position.maintenance if position.cross else ZERO
    return Wallet(wallet.currency, wallet.balance, wallet.version, **sums)
