"""A generated symbol's past: bars that end at the price where the live market begins. Pure, seeded, numpy.

Three grids, each beginning where the finer one ends: minutes for some 32 days, hours for 760 days before, days
back to the listing of the symbol, somewhere in 2020; at least one. A longer bar is always the sum of the shorter ones
where those exist, so intervals agree. The past of a contract has the prices of its underlying's, but for a little, and
volumes of its own.
Prices are ticks, volumes lots, turnovers ticks times lots, all integers and exact.
"""

from __future__ import annotations

import math
import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kucoin_stream.protocol.topics import INTERVALS

MINUTE, HOUR, DAY = 60, 3600, 86_400
MINUTE_DAYS = 32  # 1500 bars of 30 minutes are 31.25 days
HOUR_DAYS = 760  # 1500 bars of 12 hours are 750 days
FIRST_LISTING = 18_262 * DAY  # 2020-01-01
LISTING_DAYS = 366  # within which symbols were listed
_LONG = ("1week", "1month")
_LOWEST = 20  # ticks: a price never sinks below
_BASIS = 5e-5  # standard deviation of a contract's distance from its underlying, as a share of the price

Rows = NDArray[np.int64]
"""Bars as rows ``[start s, open, close, high, low, volume, turnover]``, oldest first."""


class Temper(NamedTuple):
    """What a past is made of: ``volatility`` and mean ``volume`` (lots) of a minute."""

    volatility: float
    volume: float


class History:
    """Bars before ``end_s``, where the price is ``ticks``. The minute of ``end_s`` itself is not in it.

    ``underlying``, of a contract, is another past with the same end and the same ticks.
    """

    def __init__(
        self, symbol: str, seed: int, end_s: int, ticks: int, temper: Temper, underlying: History | None = None
    ) -> None:
        self._random = np.random.default_rng([seed & 0xFFFFFFFF, zlib.crc32(symbol.encode())])
        self._temper = temper
        end = end_s - end_s % MINUTE
        minutes_from = end - end % DAY - MINUTE_DAYS * DAY
        hours_from = minutes_from - HOUR_DAYS * DAY
        leading = None if underlying is None else underlying.parts
        self.minutes = self._grid(minutes_from, end, MINUTE, ticks, leading and leading[0])
        hours = self._grid(hours_from, minutes_from, HOUR, int(self.minutes[0, 1]), leading and leading[1])
        self.listed_s: int = _listed_s(symbol) if underlying is None else underlying.listed_s
        days_from = min(self.listed_s, hours_from - DAY)
        days = self._grid(days_from, hours_from, DAY, int(hours[0, 1]), leading and leading[2])
        self.parts: tuple[Rows, Rows, Rows] = (self.minutes, hours, days)
        self.hours = np.concatenate([hours, gather(self.minutes, "1hour")])
        self.days = np.concatenate([days, gather(self.hours, "1day")])

    def grid(self, interval: str) -> Rows:
        """Return the grid that bars of ``interval`` are gathered from."""
        seconds = INTERVALS[interval]
        if seconds < HOUR:
            return self.minutes
        return self.hours if seconds < DAY else self.days

    def _grid(self, begin: int, end: int, step: int, last: int, leading: Rows | None) -> Rows:
        """Bars of ``step`` seconds; the last closes at ``last``. They follow ``leading``, where there is that."""
        count = (end - begin) // step
        minutes = step / MINUTE
        sigma = self._temper.volatility * math.sqrt(minutes)
        opened, closed, high, low = self._wander(count, sigma, last) if leading is None else self._follow(leading, last)
        spread = min(0.8, 4.0 / math.sqrt(minutes))
        noise = np.exp(self._random.normal(-spread * spread / 2, spread, count))
        volume = np.maximum(1, np.rint(self._temper.volume * minutes * noise)).astype(np.int64)
        turnover = volume * ((opened + closed + high + low) // 4)
        start = np.arange(begin, end, step, dtype=np.int64)
        return np.stack([start, opened, closed, high, low, volume, turnover], axis=1)

    def _wander(self, count: int, sigma: float, last: int) -> tuple[Rows, Rows, Rows, Rows]:
        """Prices of bars: opened, closed, high, low."""
        path = np.concatenate([[0.0], np.cumsum(self._random.normal(0.0, sigma, count))])
        prices = np.maximum(_LOWEST, np.rint(last * np.exp(path[::-1])).astype(np.int64))
        opened, closed = prices[:-1], prices[1:]
        wick = np.abs(self._random.normal(0.0, 0.6 * sigma, (2, count))) * closed
        high = np.maximum(opened, closed) + wick[0].astype(np.int64)
        low = np.maximum(1, np.minimum(opened, closed) - wick[1].astype(np.int64))
        return opened, closed, high, low

    def _follow(self, leading: Rows, last: int) -> tuple[Rows, Rows, Rows, Rows]:
        """Prices of bars that keep close to others; where one ends the next begins."""
        edges = np.append(leading[:, 1], leading[-1, 2]) * (1 + self._random.normal(0.0, _BASIS, len(leading) + 1))
        prices = np.maximum(_LOWEST, np.rint(edges).astype(np.int64))
        prices[-1] = last
        opened, closed = prices[:-1], prices[1:]
        high = np.maximum(leading[:, 3], np.maximum(opened, closed))
        low = np.minimum(leading[:, 4], np.minimum(opened, closed))
        return opened, closed, high, low


def _listed_s(symbol: str) -> int:
    return FIRST_LISTING + zlib.crc32(symbol.encode()) % LISTING_DAYS * DAY


def bar_starts(times_s: NDArray[np.int64], interval: str) -> NDArray[np.int64]:
    """Return the beginnings of the bars that ``times_s`` fall into. Months are calendar months, in UTC."""
    if interval == "1month":
        return times_s.astype("datetime64[s]").astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)
    seconds = INTERVALS[interval]
    return times_s - times_s % seconds


def bar_start(time_s: int, interval: str) -> int:
    """Return the beginning of the bar that ``time_s`` falls into."""
    if interval != "1month":
        return time_s - time_s % INTERVALS[interval]
    return int(bar_starts(np.array([time_s], dtype=np.int64), interval)[0])


def next_start(start_s: int, interval: str) -> int:
    """Return the beginning of the bar after the one that begins at ``start_s``."""
    if interval != "1month":
        return start_s + INTERVALS[interval]
    return bar_start(start_s + 31 * DAY + DAY // 2, interval)


def gather(rows: Rows, interval: str) -> Rows:
    """Add bars up to longer ones."""
    if not len(rows):
        return rows
    rows = _traded(rows, bar_starts(rows[:, 0], interval))
    starts = bar_starts(rows[:, 0], interval)
    first = np.flatnonzero(np.concatenate([[True], starts[1:] != starts[:-1]]))
    last = np.concatenate([first[1:], [len(rows)]]) - 1
    turnover: Any = rows[:, 6]
    if interval in _LONG:
        turnover = turnover.astype(object)  # may pass 2**63
    columns = [
        starts[first],
        rows[first, 1],
        rows[last, 2],
        np.maximum.reduceat(rows[:, 3], first),
        np.minimum.reduceat(rows[:, 4], first),
        np.add.reduceat(rows[:, 5], first),
        np.add.reduceat(turnover, first),
    ]
    return np.stack(columns, axis=1)


def _traded(rows: Rows, starts: NDArray[np.int64]) -> Rows:
    """Leave out bars without volume where another of the same longer bar has some: their price was not traded."""
    first = np.flatnonzero(np.concatenate([[True], starts[1:] != starts[:-1]]))
    traded = np.repeat(np.add.reduceat(rows[:, 5], first) > 0, np.diff(np.append(first, len(rows))))
    return rows[(rows[:, 5] > 0) | ~traded]
