"""What the exchange itself takes and pays on futures, by currency: fees, and the insurance fund. Pure."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from kucoin_stream.simulator.trading.amounts import ZERO


class House:
    """The pot of fees and the insurance fund; the fund begins with nothing, and may owe: nobody is deleveraged."""

    def __init__(self) -> None:
        self.fees: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        self.fund: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)

    def __repr__(self) -> str:
        return f"<House, fund {dict(self.fund)}>"

    def charge(self, currency: str, fee: Decimal) -> None:
        """Take a fee."""
        self.fees[currency] += fee

    def insure(self, currency: str, surplus: Decimal) -> None:
        """Take what a liquidation has left of a margin, or pay what it has lost beyond it."""
        self.fund[currency] += surplus
