"""Futures contracts (protocol.md 8.3.1)."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kucoin_stream.protocol.messages import Integer, Signed, SymbolName


class ContractInfo(Struct, frozen=True, rename="camel"):
    """A futures contract. Sizes are lots of ``multiplier`` base coins each; of inverse contracts, of 1 USD each."""

    symbol: SymbolName
    type: str = ""  # FFWCSX: perpetual, FFICSX: dated
    status: str = ""
    base_currency: str = ""
    quote_currency: str = ""
    settle_currency: str = ""
    tick_size: Decimal | None = None  # step of the price
    lot_size: Decimal | None = None  # step of the size
    max_order_qty: Decimal | None = None  # lots
    multiplier: Signed | None = None
    is_inverse: bool = False
    max_leverage: Signed | None = None
    maker_fee_rate: Signed | None = None
    taker_fee_rate: Signed | None = None
    index_symbol: str = ""
    expire_date: Integer | None = None  # ms

    @property
    def price_increment(self) -> Decimal | None:
        """The step of the price, as a spot symbol calls it."""
        return self.tick_size

    @property
    def base_increment(self) -> Decimal | None:
        """The step of the size, as a spot symbol calls it."""
        return self.lot_size
