"""What REST says that an order needs (protocol.md 8.2, 8.3)."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct


class Best(Struct, frozen=True, rename="camel"):
    """The best prices of a symbol: ``best_bid`` and ``best_ask`` of spot, with ``_price`` of futures."""

    best_bid: Decimal | None = None
    best_ask: Decimal | None = None
    best_bid_price: Decimal | None = None
    best_ask_price: Decimal | None = None
    price: Decimal | None = None  # of the last trade

    def at(self, side: str) -> Decimal | None:
        """Return the best price for who buys or sells; the last one where that side is empty."""
        found = self.best_ask or self.best_ask_price if side.lower() == "buy" else self.best_bid or self.best_bid_price
        return found or self.price
