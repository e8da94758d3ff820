"""Trades as rows of a tape: those that follow one another joined, small ones left out. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from kucoin_stream.analytics.columns import amounts
from kucoin_stream.widgets.drawing.picture import finite


class Deal(NamedTuple):
    """A trade of any feed; ``side`` is the taker's."""

    time_ns: int
    symbol: str
    side: str
    price: float
    size: float


class Sweep:
    """One row: a trade, or several of one symbol and side."""

    def __init__(self, deal: Deal) -> None:
        self.first_ns = deal.time_ns
        self.symbol = deal.symbol
        self.side = deal.side
        self.price = self.mean = deal.price  # the last one, and that weighted by size
        self.size = deal.size
        self.trades = 1
        self.shown = False

    def join(self, deal: Deal) -> None:
        """Add a trade."""
        size = self.size + deal.size
        if size > 0:
            self.mean += (deal.price - self.mean) * deal.size / size
        self.size, self.price = size, deal.price
        self.trades += 1


class Sweeps:
    """The newest ``count`` rows, oldest first.

    A trade within ``within_ns`` of the first trade of its symbol's last row, of the same side, joins that row. Rows
    below ``min_size``, or below ``min_value`` in the quote currency, are left out until they have grown.
    ``multiplier`` returns the base coins of a lot of a symbol, as in ``analytics.columns.amounts``.
    """

    def __init__(
        self,
        count: int,
        within_ns: int = 0,
        min_size: float = 0.0,
        min_value: float = 0.0,
        multiplier: Callable[[str], float | None] | None = None,
    ) -> None:
        self.rows: deque[Sweep] = deque(maxlen=count)
        self._within_ns = within_ns
        self._min_size = min_size
        self._min_value = min_value
        self._multiplier = multiplier
        self._last: dict[str, Sweep] = {}  # the last row of each symbol

    def clear(self) -> None:
        """Be empty."""
        self.rows.clear()
        self._last.clear()

    def take(self, deals: Iterable[Deal]) -> None:
        """Take trades in the order in which they came; one without a price or size is left out."""
        for deal in deals:
            if finite(deal.price) is None or finite(deal.size) is None:
                continue
            row = self._last.get(deal.symbol)
            if row is not None and row.side == deal.side and 0 <= deal.time_ns - row.first_ns < self._within_ns:
                row.join(deal)
            else:
                row = self._last[deal.symbol] = Sweep(deal)
            if not row.shown and row.size >= self._min_size and self._worth(row) >= self._min_value:
                row.shown = True
                self.rows.append(row)

    def _worth(self, row: Sweep) -> float:
        """Return what was traded in the quote currency."""
        if not self._min_value:
            return 0.0
        multiplier = None if self._multiplier is None else self._multiplier(row.symbol)
        return float(amounts(np.float64(row.mean), np.float64(row.size), multiplier)[1])  # type: ignore[arg-type]
