"""How long lists are asked for, piece by piece: by page, by cursor, or along time. Pure.

A pager says what to ask for next and is told what came; ``None`` is the end. The styles are those of the catalogue's
column ``paging``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from kucoin_stream.protocol.endpoints.endpoint import Endpoint
from kucoin_stream.protocol.topic import INTERVALS

_PAGE = ("currentPage", "pageNum", "pageNumber", "pageId", "page")
_SIZE = ("pageSize", "limit", "maxCount", "size")
_FROM, _TO = ("startAt", "from"), ("endAt", "to")
_ROW_CURSORS = {"lastId": ("lastId", "id"), "offset": ("offset", "id", "timePoint")}
_TIMES = ("timepoint", "timePoint", "ts")
_UNIT = {"s": 1, "ms": 1000}  # of a second
_PER_STEP = {"granularity": 60}  # seconds; of spot the intervals have names
_DAY = 86_400  # seconds

Row = Any
"""A mapping by KuCoin's names, or a list whose first column is the time."""


class Pager(ABC):
    """What is asked for next, and the ``rows`` that came. ``done`` of ``total``, 0 where nobody knows, is over."""

    done: float = 0
    total: float = 0

    def __init__(self) -> None:
        self.ask: dict[str, Any] | None = {}
        self.rows: list[Row] = []

    def _take(self, rows: Sequence[Row]) -> bool:
        """Keep what came; return whether it is new: a call that does not know a page answers the same again."""
        new = bool(rows) and list(rows) != self.rows[-len(rows) :]
        self.rows += rows if new else ()
        return new

    @abstractmethod
    def receive(self, rows: Sequence[Row], beside: Mapping[str, Any], /) -> None:
        """Take the rows of an answer, and what stands beside them; :attr:`ask` is then the next question."""

    def found(self) -> list[Row]:
        """Return the rows in the order of the list."""
        return self.rows


class Pages(Pager):
    """Pages by number, from 1."""

    def __init__(self, name: str, size: int | None) -> None:
        super().__init__()
        self._name = name
        self._size = size
        self.ask = {name: 1}

    def receive(self, rows: Sequence[Row], beside: Mapping[str, Any], /) -> None:
        """Take a page. Where nobody says how many there are, one that is not full, or came before, is the last."""
        assert self.ask is not None  # noqa: S101  asked for just now
        number = self.ask[self._name]
        self.total, self.done = int(beside.get("totalPage") or 0), number
        full = number < self.total if self.total else self._size is None or len(rows) >= self._size
        self.ask = {self._name: number + 1} if self._take(rows) and full else None


class Cursor(Pager):
    """From the last row on. ``name`` is that of the parameter: ``lastId`` or ``offset``."""

    def __init__(self, name: str, size: int | None) -> None:
        super().__init__()
        self._name = name
        self._size = size

    def receive(self, rows: Sequence[Row], beside: Mapping[str, Any], /) -> None:
        """Take rows; a cursor that stays where it was ends it, too."""
        more = beside.get("hasMore")
        if more is None:
            more = self._size is None or len(rows) >= self._size
        cursor = _cursor(self._name, rows[-1], beside) if self._take(rows) and more else None
        self.done = len(self.rows)
        self.ask = {self._name: cursor} if cursor and {self._name: cursor} != self.ask else None


def _cursor(name: str, row: Row, beside: Mapping[str, Any]) -> Any:
    known = [beside.get(name), *(row.get(each) for each in _ROW_CURSORS[name])]
    return next((each for each in known if each), None)


class Span(Pager):
    """Windows of time, the newest first, both ends within.

    A window is as long as an answer has room for, longer behind empty ones. Which rows an exchange leaves out where
    there are too many is not documented: whatever lies beside the rows that came is asked for. Nor is whether the end
    is within: one more than that is asked for. Rows are ``step`` apart, their times multiples of ``grid``.
    """

    def __init__(
        self, names: tuple[str, str], span: tuple[int, int], *, step: int, grid: int, most: int | None, key: str
    ) -> None:
        super().__init__()
        self._names = names
        self._grid = grid
        self._most = most
        self._key = key
        start, end = span
        self._nominal = self._width = step * max((most or 0) - 1, 1) if most else max(end - start, 1)
        self._spans = [span]
        self._window = span
        self.total = max(end - start, 0)
        self._next()

    def receive(self, rows: Sequence[Row], _: Mapping[str, Any], /) -> None:
        """Take the rows of a window."""
        begin, end = self._window
        self.rows += (inside := [row for row in rows if begin <= self._time(row) <= end])
        times = [self._time(row) for row in inside]
        if rows and not inside and not any(begin < 100 * self._time(row) < 10_000 * end for row in rows):
            raise ValueError("times in another unit")
        if not times:
            self._width *= 2
        elif self._most is None or len(rows) >= self._most:
            last = (min(times) - 1) // self._grid * self._grid  # where the row before can be
            self._spans += [span for span in ((begin, last), (max(times) + 1, end)) if self._has_room(*span)]
        else:
            self._width = self._nominal
        self._next()

    def found(self) -> list[Row]:
        """Return the rows, each time once, the newest first."""
        return sorted({self._time(row): row for row in self.rows}.values(), key=self._time, reverse=True)

    def _next(self) -> None:
        self.ask = None
        while self._spans and self.ask is None:
            begin, end = self._spans.pop()
            if end < begin:
                continue
            if end - begin > self._width:
                self._spans.append((begin, end - self._width - 1))
                begin = end - self._width
            self._window = begin, end
            self.ask = dict(zip(self._names, (begin, end + 1), strict=True))
        left = [*self._spans, *([self._window] if self.ask else [])]
        self.done = self.total - sum(max(end - begin, 0) for begin, end in left)

    def _has_room(self, begin: int, end: int) -> bool:
        return end // self._grid * self._grid >= begin

    def _time(self, row: Row) -> int:
        return int(row[self._key] if isinstance(row, Mapping) else row[0])


def sized(row: Endpoint, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with the largest page there is, where none was asked for: a large one costs no more."""
    name = row.takes(*_SIZE)
    return {name: row.most, **given} if name and row.most else dict(given)


def pager(row: Endpoint, given: Mapping[str, Any], now: float) -> Pager | None:
    """Return what follows the pages of a call; ``None`` where it has one, or where one is asked for by hand.

    ``given`` are the parameters under KuCoin's names, ``now`` the exchange's clock in Unix seconds.
    """
    style, _, cursor = row.paging.partition(":")
    match style:
        case "page" if (name := row.takes(*_PAGE)) and name not in given:
            return Pages(name, _size(row, given))
        case "cursor" if cursor not in given:
            return Cursor(cursor, _size(row, given))
        case "time":
            return _span(row, given, now)
    return None


def _size(row: Endpoint, given: Mapping[str, Any]) -> int | None:
    """Return how many rows a full page has; ``None`` where that is not known."""
    name = row.takes(*_SIZE)
    default = next((param.default for param in row.params if param.name == name), None)
    size = given.get(name, default)
    return None if size is None else int(size)


def _span(row: Endpoint, given: Mapping[str, Any], now: float) -> Span | None:
    """Return the walk along time, where the begin is given and KuCoin's unit is known."""
    names = row.takes(*_FROM), row.takes(*_TO)
    unit = next((_UNIT.get(param.unit, 0) for param in row.params if param.name == names[0]), 0)
    if not unit or not given.get(names[0]):
        return None
    seconds = _step(given)
    grid = int(seconds * unit) if 0 < seconds <= _DAY else 1  # weeks and months begin elsewhere
    end = int(given.get(names[1]) or now * unit)
    key = next((name for name in _TIMES if name in row.fields), "")
    span = int(given[names[0]]), end
    return Span(names, span, step=int(seconds * unit) or 1, grid=grid, most=row.most, key=key)


def _step(given: Mapping[str, Any]) -> float:
    """Return the seconds from row to row; 0 where rows come when they come."""
    for name, seconds in _PER_STEP.items():
        if name in given:
            return float(given[name]) * seconds
    return INTERVALS.get(str(given.get("type") or given.get("interval", "")), 0)
