"""What many symbols were worth over the last minutes: one row of numpy arrays each, and their ranking. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from operator import attrgetter, is_not
from typing import Any

import numpy as np

from kucoin_stream.analytics.columns import Floats
from kucoin_stream.frames.quotes import QuoteColumns

POINTS = 40  # prices kept of each symbol
_PER_SECOND = {"ns": 1e9, "ms": 1e3, "s": 1.0}
_FIELDS = ("price", "bid", "ask", "volume", "time")

SORTS = ("change", "move", "symbol", "volume", "spread", "price", "age")
"""Largest rise first, largest change either way, by name, largest turnover, narrowest spread, dearest, newest."""


class Board:
    """The latest of each symbol, and its price at :data:`POINTS` times in the last ``seconds``. One thread at a time.

    ``paths`` has a row for each symbol; its last column is now, and each step of ``seconds`` / :data:`POINTS` it moves
    on by one. A step in which nobody looked is NaN. ``moved`` counts the steps.
    """

    def __init__(self, columns: QuoteColumns, seconds: float) -> None:
        paths = [getattr(columns, name) for name in _FIELDS]
        self._fields = [name for name, path in zip(_FIELDS, paths, strict=True) if path]
        found: Callable[[Any], Any] = attrgetter(*filter(None, paths))
        self._read = found if len(self._fields) > 1 else lambda message: (found(message),)
        self._per_second = _PER_SECOND[columns.time_unit]
        self._step_s = seconds / POINTS
        self.moved = 0
        self.clear()

    def clear(self) -> None:
        """Be empty."""
        self.symbols: list[str] = []
        self._seen: list[Any] = []
        self._now: int | None = None  # number of the present step
        self.price, self.bid, self.ask, self.volume, self.time = (np.empty(0) for _ in _FIELDS)
        self.paths = np.empty((0, POINTS))
        self.base = np.empty(0)
        self.moved += 1

    def take(self, messages: Sequence[Any], at: float) -> None:
        """Take the latest message of each symbol, in an order that stays; ``at`` is Unix time in s."""
        known = len(self._seen)
        others = compress(range(known), map(is_not, messages, self._seen))
        changed = [place for place in others if messages[place] != self._seen[place]]
        if len(messages) < known or any(messages[place].symbol != self.symbols[place] for place in changed):
            self.clear()  # a tape was wound
            changed, known = [], 0
        self._move(at)
        if len(messages) > known:
            self._grow([message.symbol for message in messages[known:]])
            changed += range(known, len(messages))
        self._seen = list(messages)
        if changed:
            self._write(changed, [self._read(messages[place]) for place in changed], at)

    @property
    def change(self) -> Floats:
        """The price against the oldest one kept, as a fraction; NaN where there is none."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            change: Floats = self.price / self.base - 1
        return change

    @property
    def spread_bps(self) -> Floats:
        """Ask - bid over their mean, in hundredths of a per cent."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            spread: Floats = (self.ask - self.bid) / ((self.ask + self.bid) / 2) * 1e4
        return spread

    def ranking(self, sort: str) -> list[int]:
        """Return the places of the symbols in the order of one of :data:`SORTS`; ``"-change"`` is the other way."""
        name = sort.removeprefix("-")
        if name == "symbol":
            return sorted(range(len(self.symbols)), key=self.symbols.__getitem__, reverse=sort != name)
        key = self._key(name)
        places: list[int] = np.argsort(key if sort == name else -key, kind="stable").tolist()  # NaN is last
        return places

    def _key(self, name: str) -> Floats:
        """Return what is small for symbols that come first."""
        match name:
            case "change":
                return -self.change
            case "move":
                return -abs(self.change)
            case "spread":
                return self.spread_bps
            case "age":
                return -self.time
            case _:
                value: Floats = getattr(self, name)
                return -value

    def _move(self, at: float) -> None:
        """Begin a new step where it is time."""
        now = int(at // self._step_s)
        steps = 0 if self._now is None else now - self._now
        self._now = now
        if steps:
            kept = max(0, POINTS - abs(steps))
            self.paths = np.hstack([self.paths[:, POINTS - kept :], np.full((len(self.paths), POINTS - kept), np.nan)])
            self.paths[:, -1] = self.price
            self.base = self._bases(self.paths)
            self.moved += 1

    @staticmethod
    def _bases(paths: Floats) -> Floats:
        """Return the oldest price of each row."""
        first = np.isfinite(paths).argmax(axis=1)
        bases: Floats = paths[np.arange(len(paths)), first]
        return bases

    def _grow(self, symbols: Sequence[str]) -> None:
        self.symbols += symbols
        more = np.full(len(symbols), np.nan)
        for name in (*_FIELDS, "base"):
            setattr(self, name, np.concatenate([getattr(self, name), more]))
        self.paths = np.vstack([self.paths, np.full((len(symbols), POINTS), np.nan)])

    def _write(self, places: Sequence[int], rows: Sequence[Any], now: float) -> None:
        """Put what messages say where it belongs; a price that is not told is that between bid and ask."""
        told = dict(zip(self._fields, np.array(rows, dtype=float).T, strict=True))  # None is NaN
        unknown = np.full(len(places), np.nan)
        for name in ("bid", "ask", "volume"):
            getattr(self, name)[places] = told.get(name, unknown)
        time = told.get("time", unknown) / self._per_second
        self.time[places] = np.where(np.isfinite(time), time, now)
        price = told.get("price", unknown)
        price = np.where(np.isfinite(price), price, (self.bid[places] + self.ask[places]) / 2)
        self.price[places] = self.paths[places, -1] = np.where(np.isfinite(price), price, np.nan)
        self.base = np.where(np.isfinite(self.base), self.base, self.price)
