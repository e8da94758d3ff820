"""The exchange's own order book: integer prices and sizes, each side sorted. Pure.

A price of ``n`` means ``n * 10**-price_scale``, a size likewise; so everything is exact.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Literal

Side = Literal["asks", "bids"]


@lru_cache(maxsize=1 << 16)
def text(value: int, scale: int) -> str:
    """Return ``value * 10**-scale`` as KuCoin writes it: plain digits, no zeros at the end."""
    if not scale:
        return str(value)
    digits = str(abs(value)).rjust(scale + 1, "0")
    fraction = digits[-scale:].rstrip("0")
    whole = f"-{digits[:-scale]}" if value < 0 else digits[:-scale]
    return f"{whole}.{fraction}" if fraction else whole


def units(number: str | float, scale: int) -> int:
    """Return the integer that :func:`text` would show as ``number``; decimals beyond ``scale`` are an error."""
    scaled = Decimal(str(number)).scaleb(scale)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{number} has more than {scale} decimals")
    return int(scaled)


class Ladder:
    """Both sides of one book. Iteration and indices run from the best level outwards."""

    __slots__ = ("_prices", "_sizes", "price_scale", "size_scale")

    def __init__(self, price_scale: int, size_scale: int) -> None:
        self.price_scale = price_scale
        self.size_scale = size_scale
        self._prices: dict[Side, list[int]] = {"asks": [], "bids": []}  # ascending; bids are negated
        self._sizes: dict[Side, dict[int, int]] = {"asks": {}, "bids": {}}

    def __repr__(self) -> str:
        return f"<Ladder {len(self._prices['bids'])} bids, {len(self._prices['asks'])} asks>"

    def set(self, side: Side, price: int, size: int) -> None:
        """Make ``size`` the size at ``price``; 0 removes the level, if there is one."""
        key = price if side == "asks" else -price
        prices, sizes = self._prices[side], self._sizes[side]
        if size:
            if key not in sizes:
                prices.insert(bisect_left(prices, key), key)
            sizes[key] = size
        elif key in sizes:
            del sizes[key]
            del prices[bisect_left(prices, key)]

    def count(self, side: Side) -> int:
        """Return the number of levels of a side."""
        return len(self._prices[side])

    def best(self, side: Side) -> int | None:
        """Return the best price, or ``None`` for an empty side."""
        prices = self._prices[side]
        return abs(prices[0]) if prices else None

    def level(self, side: Side, index: int) -> tuple[int, int]:
        """Return price and size of a level, 0 being the best and -1 the last."""
        key = self._prices[side][index]
        return abs(key), self._sizes[side][key]

    def size(self, side: Side, price: int) -> int:
        """Return the size at ``price``; 0 where there is no level."""
        return self._sizes[side].get(price if side == "asks" else -price, 0)

    def top(self, side: Side, depth: int | None = None) -> list[tuple[int, int]]:
        """Return the best ``depth`` levels, or all."""
        sizes = self._sizes[side]
        return [(abs(key), sizes[key]) for key in self._prices[side][:depth]]

    def written(self, levels: Iterable[tuple[int, int]]) -> list[list[str]]:
        """Return levels as pairs of text."""
        return [[text(price, self.price_scale), text(size, self.size_scale)] for price, size in levels]

    def crossed(self) -> bool:
        """Whether the best bid has reached the best ask."""
        bid, ask = self.best("bids"), self.best("asks")
        return bid is not None and ask is not None and bid >= ask
