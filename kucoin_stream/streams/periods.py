"""Messages by symbol and period of time: which belong together, and when a period has ended. Pure: time is passed in.

A period ends with the first message of its symbol after it, or with one of another symbol that is a second after its
end: messages of several connections are not in order to the millisecond. What comes for a period that has ended is
late: counted, and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from kucoin_stream.protocol.topics import INTERVALS

T = TypeVar("T")

GRACE_NS = 10**9
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
        self._latest = 0

    def ends(self, time_ns: int) -> Iterator[Period[T]]:
        """Yield the periods that have ended for all symbols, now that a message has this time; forget them."""
        self._latest = max(self._latest, time_ns)
        if time_ns < self._first_end + GRACE_NS or not self._open:
            return
        yield from self.over(time_ns - GRACE_NS)

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
        if time_ns < (self._ended.get(symbol, 0) if period is None else period.start_ns):
            self.late += 1
            return None, None
        if period is not None:
            self._close(period)
        start, end = self._bounds(time_ns)
        self._open[symbol] = new = Period(symbol, start, end, symbol not in self._ended)
        self._first_end = min(each.end_ns for each in self._open.values()) if len(self._open) > 1 else end
        return new, period

    def forget(self, symbols: Callable[[Any], bool]) -> None:
        """Drop the open periods of these symbols, and take the next ones for first ones: some messages are missing."""
        for symbol in [each for each in self._open if symbols(each)]:
            del self._open[symbol]
        for symbol in [each for each in self._ended if symbols(each)]:
            del self._ended[symbol]

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
    """Return the periods of a kline interval. A month is one of the calendar in UTC, a week begins on a Thursday.

    Sources are silent on where weeks begin (protocol.md 10); counted from the epoch like all others, it is there.
    """
    return _months if interval == "1month" else lengths(INTERVALS[interval] * _SECOND)


def _months(time_ns: int) -> tuple[int, int]:
    day = datetime.fromtimestamp(time_ns // _SECOND, UTC)
    start = datetime(day.year, day.month, 1, tzinfo=UTC)
    end = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    return int(start.timestamp()) * _SECOND, int(end.timestamp()) * _SECOND
