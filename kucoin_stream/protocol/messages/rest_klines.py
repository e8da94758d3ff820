"""Past bars as REST tells them (protocol.md 8.3.2); those of spot are the stream's own (8.2.6)."""

from __future__ import annotations

import math

from msgspec import Struct

from kucoin_stream.protocol.messages import Amount, Integer
from kucoin_stream.protocol.messages.spot import Candle


class FuturesBar(Struct, frozen=True, array_like=True, gc=False):
    """One bar of a contract in the order of this call alone: high and low before close, volume (lots) before turnover.

    ``start_ms`` is the Unix time of its begin, in ms. Before 2025-09-12 there was no turnover.
    """

    start_ms: Integer
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount
    turnover: Amount | None = None

    def candle(self) -> Candle:
        """Return the bar as a stream would tell it; a turnover that is not told is NaN."""
        turnover = math.nan if self.turnover is None else self.turnover
        return Candle(self.start_ms // 1000, self.open, self.close, self.high, self.low, self.volume, turnover)
