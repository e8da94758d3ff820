"""Messages by symbol and period of time: which belong together, and when a period has ended. Pure: time is passed in.

A period ends with the first message of its symbol after it, or with one of another symbol that is a second after its
end: messages of several connections are not in order to the millisecond. What comes for a period that has ended is
late: counted, and left out. A time a minute back is that of a tape wound back: the symbol begins anew.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from kucoin_stream.protocol.topics import INTERVALS

T = TypeVar("T")

GRACE_NS = 10**9
BACK_NS = 60 * 10**9  # so much is not late
_SECOND = 10**9

Bounds = Callable[[int], tuple[int, int]]
"""Begin and end (not included) of the period that a time is in, all in Unix ns."""


class Period(Generic[T]):
    """What one symbol has in one period."""

    __slots__ = ("content", "end_ns", "first", "start_ns", "symbol")

    def __init__(self, symbol: Any, start_ns: int, end_ns: int, first: bool) -> None:
        self.symbol = symbol
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.first = first  # of its symbol: what came before the first message is not known
        self.content: T | None = None


class Periods(Generic[T]):
    """The open period of each symbol."""

    def __init__(self, bounds: Bounds) -> None:
        self.late = 0
        self._bounds = bounds
        self._open: dict[Any, Period[T]] = {}
        self._ended: dict[Any, int] = {}  # by symbol, the end of the last one
        self._first_end = 0  # no open period ends before

    def ends(self, time_ns: int) -> list[Period[T]]:
        """Return the periods that have ended for all symbols, now that a message has this time; forget them."""
        if not self._open or time_ns < self._first_end + GRACE_NS:
            return []
        return self.over(time_ns - GRACE_NS)

    @property
    def next_end(self) -> int | None:
        """When the first of the open periods ends; ``None`` where there is none."""
        return self._first_end if self._open else None

    def over(self, time_ns: int) -> list[Period[T]]:
        """Return the periods that end at ``time_ns`` or before, oldest first; forget them."""
        over = sorted((each for each in self._open.values() if each.end_ns <= time_ns), key=_end)
        for period in over:
            self._close(period)
        self._first_end = min((each.end_ns for each in self._open.values()), default=0)
        return over

    def of(self, symbol: Any, time_ns: int) -> tuple[Period[T] | None, Period[T] | None]:
        """Return the period that a message belongs to, ``None`` if it is late, and the one that it ends, if any."""
        period = self._open.get(symbol)
        if period is not None and period.start_ns <= time_ns < period.end_ns:
            return period, None
        over = self._ended.get(symbol, 0) if period is None else period.start_ns
        if over - BACK_NS < time_ns < over:
            self.late += 1
            return None, None
        if time_ns < over:
            self.forget(symbol)
            period = None
        if period is not None:
            self._close(period)
        start, end = self._bounds(time_ns)
        new: Period[T] = Period(symbol, start, end, symbol not in self._ended)
        self._open[symbol] = new
        self._first_end = min(each.end_ns for each in self._open.values()) if len(self._open) > 1 else end
        return new, period

    @property
    def symbols(self) -> set[Any]:
        """The symbols that it has seen."""
        return self._open.keys() | self._ended.keys()

    def forget(self, symbol: Any) -> None:
        """Drop its open period, and take the next one for its first: messages are missing between them."""
        self._open.pop(symbol, None)
        self._ended.pop(symbol, None)

    def _close(self, period: Period[T]) -> None:
        del self._open[period.symbol]
        self._ended[period.symbol] = period.end_ns


def _end(period: Period[Any]) -> int:
    return period.end_ns


def lengths(length_ns: int) -> Bounds:
    """Return the periods of one length, from the Unix epoch on: those of a minute begin with the minute."""

    def bounds(time_ns: int) -> tuple[int, int]:
        start = time_ns - time_ns % length_ns
        return start, start + length_ns

    return bounds


def intervals(interval: str) -> Bounds:
    """Return the periods of a kline interval. A month is one of the calendar, in UTC.

    Where KuCoin's weeks begin is not documented (protocol.md 10): here on a Thursday, counted from the epoch like all
    the others.
    """
    return _months if interval == "1month" else lengths(INTERVALS[interval] * _SECOND)


def _months(time_ns: int) -> tuple[int, int]:
    day = datetime.fromtimestamp(time_ns // _SECOND, UTC)
    start = datetime(day.year, day.month, 1, tzinfo=UTC)
    end = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    return int(start.timestamp()) * _SECOND, int(end.timestamp()) * _SECOND
