"""The klines of one generated symbol: its history, continued by its trades. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from kucoin_stream.simulator.history import DAY, MINUTE, History, Rows, bar_start, gather, next_start
from kucoin_stream.simulator.ladder import text

MOST_ROWS = 1500  # of one REST answer; protocol.md 8.2.6


class Bar:
    """One bar in integers: prices in ticks, volume in lots, turnover in ticks times lots."""

    __slots__ = ("close", "high", "low", "open", "start", "turnover", "volume")

    def __init__(self, start: int, price: int) -> None:
        self.start = start
        self.open = self.close = self.high = self.low = price
        self.volume = self.turnover = 0

    @classmethod
    def of(cls, row: Any) -> Bar:
        """Return a row of a grid as a bar."""
        bar = cls(int(row[0]), int(row[1]))
        bar.close, bar.high, bar.low, bar.volume, bar.turnover = (int(value) for value in row[2:])
        return bar

    def trade(self, price: int, size: int) -> None:
        """Count a trade in."""
        if not self.volume:
            self.open = self.high = self.low = price
        self.close = price
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.volume += size
        self.turnover += price * size

    def row(self) -> list[int]:
        """Return the bar as a row of a grid."""
        return [self.start, self.open, self.close, self.high, self.low, self.volume, self.turnover]

    def written(self, price_scale: int, size_scale: int) -> list[str]:
        """Return the bar as KuCoin writes it: seven texts, close before high and low."""
        prices = (text(price, price_scale) for price in (self.open, self.close, self.high, self.low))
        volume, turnover = text(self.volume, size_scale), text(self.turnover, price_scale + size_scale)
        return [str(self.start), *prices, volume, turnover]


class Series:
    """The live bars of one interval. What changed since the last push waits in ``changed``."""

    def __init__(self, interval: str, current: Bar) -> None:
        self.interval = interval
        self.current = current
        self._ended: list[Bar] = []
        self._dirty = False
        self._pushed = current.start if current.volume else current.start - 1

    def trade(self, price: int, size: int, time_s: int) -> list[Bar]:
        """Count a trade in; return the bars that ended by it, flat ones for skipped intervals included."""
        ended: list[Bar] = []
        start = bar_start(time_s, self.interval)
        while self.current.start < start:
            ended.append(self.current)
            if self._dirty or self.current.start > self._pushed:
                self._ended.append(self.current)
            self._dirty = False
            self.current = Bar(next_start(self.current.start, self.interval), self.current.close)
        self.current.trade(price, size)
        self._dirty = True
        return ended

    def changed(self) -> list[tuple[str, Bar]]:
        """Return what is to be pushed, and forget it: ``add`` for a bar never pushed, else ``update``."""
        bars = [*self._ended, self.current] if self._dirty else self._ended
        self._ended, self._dirty = [], False
        changes = [("add" if bar.start > self._pushed else "update", bar) for bar in bars]
        if bars:
            self._pushed = bars[-1].start
        return changes


class Window(NamedTuple):
    """Statistics of the last hours; prices in ticks."""

    open: int
    close: int
    high: int
    low: int
    volume: int
    turnover: int


class Klines:
    """All intervals of a symbol. ``history`` is made when first needed."""

    def __init__(self, start_s: int, price: int, history: Callable[[], History]) -> None:
        self._make_history = history
        self._minutes: list[list[int]] = []  # since the start, the current one excluded
        self._base = Series("1min", Bar(start_s - start_s % MINUTE, price))
        self._series = {"1min": self._base}

    @cached_property
    def history(self) -> History:
        """The bars before the start."""
        return self._make_history()

    def trade(self, price: int, size: int, time_s: int) -> None:
        """Count a trade in, in every interval that somebody watches."""
        for series in self._series.values():
            ended = series.trade(price, size, time_s)
            if series is self._base:
                self._minutes.extend(bar.row() for bar in ended)

    def watch(self, interval: str) -> Series:
        """Return the live series of an interval, made when first asked for."""
        series = self._series.get(interval)
        if series is None:
            start = bar_start(self._base.current.start, interval)
            series = Series(interval, Bar.of(self.rows(interval, start, start + 1)[-1]))
            self._series[interval] = series
        return series

    def changed(self) -> list[tuple[str, list[tuple[str, Bar]]]]:
        """Return what is to be pushed, by interval watched."""
        return [(interval, changes) for interval, series in self._series.items() if (changes := series.changed())]

    def rows(self, interval: str, start_s: int, end_s: int) -> Rows:
        """Return bars that begin at ``start_s`` or later and before ``end_s``, oldest first, at most 1500."""
        grid = self.history.grid(interval)
        begin = bar_start(max(0, start_s), interval)
        live = [row for row in [*self._minutes, self._base.current.row()] if row[0] >= begin]
        past = grid[int(np.searchsorted(grid[:, 0], begin)) :]
        bars = gather(np.concatenate([past, np.array(live, dtype=np.int64).reshape(-1, 7)]), interval)
        chosen = bars[(bars[:, 0] >= start_s) & (bars[:, 0] < end_s)]
        return chosen[-MOST_ROWS:]

    def window(self, seconds: int, now_s: int) -> Window:
        """Return the statistics of the last ``seconds`` (at most a day), to the minute."""
        begin = now_s - seconds
        live = [row for row in [*self._minutes[-DAY // MINUTE :], self._base.current.row()] if row[0] >= begin]
        past = self.history.minutes[-DAY // MINUTE :]
        rows = np.concatenate([past[past[:, 0] >= begin], np.array(live, dtype=np.int64).reshape(-1, 7)])
        if not len(rows):
            price = self._base.current.close
            return Window(price, price, price, price, 0, 0)
        opened, closed = int(rows[0, 1]), int(rows[-1, 2])
        volume, turnover = int(rows[:, 5].sum()), int(rows[:, 6].sum())
        return Window(opened, closed, int(rows[:, 3].max()), int(rows[:, 4].min()), volume, turnover)
