"""What one call gives of spot or of futures, by the form of the symbol."""

from __future__ import annotations

from typing import TypeAlias

from kucoin_stream.protocol.messages import futures, spot

Ticker: TypeAlias = spot.Ticker | futures.Ticker
Trade: TypeAlias = spot.Trade | futures.Trade
Increment: TypeAlias = spot.BookDelta | futures.BookChange
KlineUpdate: TypeAlias = spot.KlineUpdate | futures.KlineUpdate
