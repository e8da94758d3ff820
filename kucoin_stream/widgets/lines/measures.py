"""What can be measured of best bid and ask, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from kucoin_stream.analytics import book as analytics
from kucoin_stream.analytics.columns import ratio


class Measure(Struct, frozen=True):
    """What is measured, ``of`` best bid, its size, best ask, its size; on a ``scale`` of its own, or a fixed one.

    It is shown with ``more`` decimals than a price has, or with ``decimals``.
    """

    name: str
    of: Callable[[Any, Any, Any, Any], Any] | None = None
    unit: str = ""
    more: int = 0
    decimals: int | None = None
    scale: tuple[float, float] | None = None

    def shown(self, price_decimals: int) -> int:
        """Return how many decimals are shown."""
        return price_decimals + self.more if self.decimals is None else self.decimals


def _imbalance(bid: Any, bid_size: Any, ask: Any, ask_size: Any) -> Any:  # noqa: ARG001
    return ratio(bid_size - ask_size, bid_size + ask_size)


OF_BOOKS = {
    each.name: each
    for each in (
        Measure("mid", lambda bid, _, ask, __: analytics.mid(bid, ask), more=1),
        Measure("microprice", analytics.microprice, more=2),
        Measure("spread", lambda bid, _, ask, __: ask - bid),
        Measure("spread_bps", lambda bid, _, ask, __: analytics.spread_bps(bid, ask), unit="bps", decimals=2),
        Measure("imbalance", _imbalance, decimals=2, scale=(-1.0, 1.0)),
    )
}
"""What can be seen of best bid and ask, by name. ``imbalance``: (bid size - ask size) / (bid size + ask size)."""
