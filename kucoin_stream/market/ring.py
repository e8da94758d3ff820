"""Columns of the latest rows, cheap to write one by one and cheap to copy out as numpy arrays."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

_WEIGHED = 20  # objects that say how much memory one takes

Values: TypeAlias = "array[float] | array[int]"  # array is not subscriptable before Python 3.12


class Ring:
    """The last ``maxlen`` rows of typed columns.

    ``columns`` maps a name to an :mod:`array` type code (``d`` float64, ``q`` int64, ``i`` int32) or to ``O`` for
    any object. A column has up to twice ``maxlen`` places: rows are appended, and the older half is cut off in one
    go when it is full, so that a row costs an append per column and a copy is one slice.
    """

    def __init__(self, columns: Mapping[str, str], maxlen: int) -> None:
        self.names = tuple(columns)
        self.maxlen = maxlen
        self.written = 0  # rows ever appended
        self._columns: list[Any] = [[] if code == "O" else array(code) for code in columns.values()]
        self._appends = [column.append for column in self._columns]

    def __len__(self) -> int:
        return min(len(self._columns[0]), self.maxlen)

    @property
    def memory(self) -> int:
        """Bytes that its columns take; of objects the newest say what each takes."""
        return sum(
            column.itemsize * len(column) if isinstance(column, array) else _weight(column) for column in self._columns
        )

    def append(self, row: Iterable[Any]) -> None:
        """Add one row; where a value does not fit its column, raise and add nothing."""
        length = len(self._columns[0])
        try:
            for append, value in zip(self._appends, row, strict=True):
                append(value)
        except (TypeError, ValueError, OverflowError):
            for column in self._columns:
                del column[length:]
            raise
        self.written += 1
        if len(self._columns[0]) >= 2 * self.maxlen:
            for column in self._columns:
                del column[: -self.maxlen]

    def replace(self, at: int, row: Iterable[Any]) -> None:
        """Overwrite a row: 0 is the oldest of a ring that was never full, -1 the newest."""
        for column, value in zip(self._columns, row, strict=True):
            column[at] = value

    def last(self) -> tuple[Any, ...]:
        """Return the newest row; raises :class:`IndexError` where there is none."""
        return tuple(column[-1] for column in self._columns)

    def below(self, value: Any) -> int:
        """Count the rows whose first column, which must be sorted, is below ``value``."""
        first = self._columns[0]
        start = len(first) - len(self)
        return bisect_left(first, value, start) - start

    def cut(self, count: int) -> list[tuple[Any, ...]]:
        """Keep the oldest ``count`` rows; return the others, oldest first."""
        gone = len(self._columns[0]) - len(self)  # rows that are there but count no more
        others = list(zip(*(column[gone + count :] for column in self._columns), strict=True))
        for column in self._columns:
            del column[gone + count :], column[:gone]
        return others

    def arrays(self, count: int | None = None) -> dict[str, np.ndarray[Any, Any]]:
        """Return copies of the newest ``count`` rows, oldest first; all of them by default."""
        count = len(self) if count is None else min(count, len(self))
        return {name: _copy(column, count) for name, column in zip(self.names, self._columns, strict=True)}


def _weight(objects: Sequence[Any]) -> int:
    """Return about how many bytes a list of objects takes, what they hold included."""
    newest = objects[-_WEIGHED:]
    return objects.__sizeof__() + len(objects) * sum(map(_bytes, newest)) // max(1, len(newest))


def _bytes(value: Any) -> int:
    size: int = value.__sizeof__()
    return size + sum(map(_bytes, value)) if isinstance(value, list | tuple) else size


def _copy(column: Values | Sequence[Any], count: int) -> np.ndarray[Any, Any]:
    newest = column[len(column) - count :]
    if isinstance(newest, array):
        return np.frombuffer(newest, dtype=newest.typecode) if count else np.empty(0, dtype=newest.typecode)
    objects = np.empty(count, dtype=object)
    objects[:] = newest
    return objects
