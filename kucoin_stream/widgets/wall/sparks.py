"""Sparklines: the path text of a few prices, kept for the steps that are over, and as block characters."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from kucoin_stream.widgets.drawing.text import LEVELS

_UNIT = 1e-5  # of the first price: what a path is rounded to
_LEAST = 10  # units in the height of a sparkline: a price that hardly moves is a flat line
_MANY = 500  # symbols


class Sparks:
    """Path text by symbol; keeps that of the steps that are over. One thread at a time."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Any, str, float, int, int]] = {}

    def svg(self, symbol: str, path: Sequence[float | None], colour: str, attributes: str) -> str:
        """Return prices, the last of which is now, as an ``<svg>`` that stretches."""
        closed, last = path[:-1], path[-1]
        kept = self._kept.get(symbol)
        if kept is None or kept[0] != closed:
            kept = self._kept[symbol] = (closed, *_closed(closed, last))
        _, d, origin, low, high = kept
        x = len(closed)
        if last is not None and origin:
            y = _y(last, origin)
            d += f"{'L' if d else 'M'}{x},{y}"
            low, high = min(low, y), max(high, y)
        room = max(high - low, _LEAST)
        middle = (high + low) / 2
        return (
            f'<svg {attributes} viewBox="0 {middle - room * 0.55:.0f} {x or 1} {room * 1.1:.0f}" '
            f'preserveAspectRatio="none"><path d="{d}" fill="none" stroke="{colour}" '
            'vector-effect="non-scaling-stroke"/></svg>'
        )

    def keep(self, symbols: Container[str]) -> None:
        """Forget all others, from time to time."""
        if len(self._kept) > _MANY:
            self._kept = {symbol: kept for symbol, kept in self._kept.items() if symbol in symbols}


def _y(price: float, origin: float) -> int:
    return round(max(-1e9, min(1e9, (1 - price / origin) / _UNIT)))


def _closed(path: Sequence[float | None], last: float | None) -> tuple[str, float, int, int]:
    """Return path text, its origin, and its extent; points on a level stretch are left out."""
    known = [(x, price) for x, price in enumerate(path) if price is not None]
    origin = known[0][1] if known else last or 0.0
    if not origin:
        return "", 0.0, 0, 0
    points = [(x, _y(price, origin)) for x, price in known]
    made = [
        (x, y)
        for i, (x, y) in enumerate(points)
        if not (0 < i < len(points) - 1 and points[i - 1][1] == y == points[i + 1][1])
    ]
    heights = [y for _, y in points] or [0]
    return "".join(f"{'L' if i else 'M'}{x},{y}" for i, (x, y) in enumerate(made)), origin, min(heights), max(heights)


def blocks(path: Sequence[float | None], width: int) -> str:
    """Return the newest ``width`` prices as block characters; where there is none, a space."""
    shown = path[-width:]
    known = [price for price in shown if price is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    span = high - low
    marks = [
        " " if price is None else LEVELS[4 if not span > 0 else 1 + round((price - low) / span * 7)] for price in shown
    ]
    return "".join(marks).rjust(width)
