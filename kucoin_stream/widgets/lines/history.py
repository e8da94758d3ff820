"""Measures over the last seconds: lowest, highest and last value of each column of a chart. Pure, of bounded size."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

COLUMNS = 120  # of a chart: one in about four pixels of a wide one, in one or two of a narrow one
_BACKWARDS = 1.0  # seconds by which times may go back, as clocks do; by more, it is another history

Floats = NDArray[np.float64]


class Window(Struct, frozen=True):
    """What a chart shows: a row for each measure, :data:`COLUMNS` columns, oldest first; NaN where nothing is known."""

    end_s: float  # Unix seconds, of the newest value
    first: int  # the number of the first column
    low: Floats
    high: Floats
    last: Floats


class History:
    """``measures`` over the last ``seconds``. A value holds until the next one; NaN says that none holds from then on.

    Values of the same time and the same measure may be added again: columns keep extremes, which stay the same.
    """

    def __init__(self, measures: int, seconds: float) -> None:
        self._width = seconds / COLUMNS
        self._shape = (measures, COLUMNS)
        self.clear()

    def clear(self) -> None:
        """Know nothing."""
        self.newest = -np.inf  # Unix seconds
        self._numbers = np.full(COLUMNS, -1, dtype=np.int64)  # which column since 1970 stands in each place
        self._low, self._high, self._last = (np.full(self._shape, np.nan) for _ in range(3))
        self._before = -1, np.full(self._shape[0], np.nan)  # the newest column that is no longer shown

    def add(self, times: Floats, values: Floats) -> bool:
        """Add a column of ``values`` for each of ``times``, Unix seconds, oldest first.

        Returns False, and adds nothing, where the newest time is well before what is known: a tape was wound back.
        """
        if not len(times):
            return True
        if times[-1] < self.newest - _BACKWARDS:
            return False
        times = np.maximum.accumulate(times)
        self.newest = max(self.newest, float(times[-1]))
        numbers = np.floor_divide(times, self._width).astype(np.int64)
        starts = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1]))
        last = values[:, np.append(starts[1:], len(times)) - 1]
        numbers = numbers[starts]
        first = int(np.searchsorted(numbers, self._number - COLUMNS, side="right"))
        if first:
            self._hold(int(numbers[first - 1]), last[:, first - 1])
        low, high = (extreme.reduceat(values, starts, axis=1) for extreme in (np.fmin, np.fmax))
        self._write(numbers[first:], low[:, first:], high[:, first:], last[:, first:])
        return True

    def window(self) -> Window:
        """Return the last ``seconds`` until the newest value; columns without a value have the one before."""
        numbers = np.arange(self._number - COLUMNS + 1, self._number + 1)
        places = numbers % COLUMNS
        known = self._numbers[places] == numbers
        before = np.maximum.accumulate(np.where(known, np.arange(COLUMNS), -1))
        left = int(np.where(self._numbers < numbers[0], self._numbers, -1).argmax())
        if self._numbers[left] < numbers[0]:
            self._hold(int(self._numbers[left]), self._last[:, left].copy())
        held = np.where(before >= 0, self._last[:, places[before]], self._before[1][:, np.newaxis])
        low, high = (np.where(known, kept[:, places], held) for kept in (self._low, self._high))
        return Window(self.newest, int(numbers[0]), low, high, held)

    @property
    def _number(self) -> int:
        return int(self.newest // self._width) if np.isfinite(self.newest) else COLUMNS

    def _hold(self, number: int, values: Floats) -> None:
        """Note the values of a column that is no longer kept: they may hold on."""
        if number > self._before[0]:
            self._before = number, values

    def _write(self, numbers: NDArray[np.int64], low: Floats, high: Floats, last: Floats) -> None:
        places = numbers % COLUMNS
        present = self._numbers[places]
        same = present == numbers
        if not same.all():
            left = int(present[~same].max())
            self._hold(left, self._last[:, left % COLUMNS].copy())
        self._numbers[places] = numbers
        self._low[:, places] = np.where(same, np.fmin(low, self._low[:, places]), low)
        self._high[:, places] = np.where(same, np.fmax(high, self._high[:, places]), high)
        self._last[:, places] = last
