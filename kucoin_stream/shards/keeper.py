"""What a notebook has of one book that a shard keeps: the last row and levels that were reported."""

from __future__ import annotations

import time
from collections.abc import Callable

from kucoin_stream.errors import NotReadyError
from kucoin_stream.frames.audit import Audit
from kucoin_stream.frames.bookkeeper import RIGHT, BookState
from kucoin_stream.frames.kept import Kept
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.bookfeeds import FEEDS, BookFeed, Market
from kucoin_stream.protocol.events import Disconnected, News, Restarted
from kucoin_stream.shards.words import Copied, Row
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.gaps import Hole

LOOKING = 10.0
"""Seconds for which levels are reported after a picture asked for some."""


class Audits:
    """Who wants a book audited how often; the collector does it. ``last`` is what it found."""

    def __init__(self) -> None:
        self.last: Audit | None = None
        self._wanted: dict[object, float] = {}  # seconds, by who wants it

    def __repr__(self) -> str:
        return f"<Audits every {self.period} s>"

    @property
    def period(self) -> float | None:
        """Seconds between two."""
        return min(self._wanted.values(), default=None)

    def every(self, who: object, seconds: float | None) -> None:
        """Want one every so many ``seconds``, ``None``: no more."""
        self._wanted.pop(who, None)
        if seconds is not None:
            self._wanted[who] = seconds


class ShardKeeper(Kept):
    """Keeps what is reported of one book, as :class:`BookKeeper` keeps a book. Lives on the loop thread.

    ``state``, ``note``, ``feed`` and :meth:`look` are for any thread.
    """

    def __init__(
        self, engine: Engine, symbol: str, market: Market, holes: Callable[[], list[Hole]], close: Callable[[], object]
    ) -> None:
        super().__init__(engine, ())
        self.symbol = symbol
        self.state = BookState("syncing")
        self.note = ""
        self.feed: BookFeed = FEEDS[f"{market}.level2"]
        self.wire = ""  # the topic that the collector reads
        self.auditor = Audits()
        self.holes = holes
        self.gaps = 0
        self.depth: int | None = 0
        self._close = close
        self._row: Row | None = None
        self._right: bool | None = None  # None: not yet
        self._looked = float("-inf")
        self._levels: tuple[int | None, Copied] | None = None

    def close(self) -> None:
        """Be told nothing more."""
        self._close()

    @property
    def whole(self) -> Row:
        """The last row, which knows when the last change was; raises :class:`NotReadyError` where it is not right."""
        if self._row is None or self._row.status not in RIGHT:
            raise NotReadyError(f"the book of {self.symbol} is not right: {self.state.status}")
        return self._row

    @property
    def watched(self) -> bool:
        """Whether somebody looks at its levels."""
        return time.monotonic() - self._looked < LOOKING

    @property
    def reported(self) -> Copied | None:
        """The last levels that were reported."""
        return self._levels[1] if self._levels is not None else None

    def look(self, depth: int | None) -> Copied | None:
        """Return the best ``depth`` levels that were reported; ``None`` where so many were not: from now they are."""
        fresh, self._looked = self.watched, time.monotonic()
        if not fresh or not _reaches(self.depth, depth):
            self.depth = depth
        reported = self._levels
        if reported is None or not _reaches(reported[0], depth):
            return None
        if not fresh and self.state.status in RIGHT:  # they are of long ago
            return None
        sequence, sides = reported[1]
        return sequence, sides if depth is None else [side[-depth:] for side in sides]

    def take(self, row: Row, updates: int, levels: tuple[int | None, Copied] | None = None) -> None:
        """Take a row, and levels of the same report; readers of the changes hear of it in order."""
        if levels is not None:
            self._levels = levels
        self._row = row
        self.note, self.auditor.last = row.note, row.audited
        if row.source:
            self.feed, self.wire = FEEDS[row.source], topics.find(row.source).wire(self.symbol)
        right = row.status in RIGHT
        if self._right is not None and right is not self._right:
            self.news(Restarted(self.wire) if right else Disconnected(self.wire, row.status))
        if right or self._right is not None:
            self._right = right
        changed = row.top != self.state.top
        self.state = BookState(row.status, row.top, updates)
        if right and changed and self.inlet.wanted:
            self.inlet.pending.append(row.top)
        self.inlet.flush()

    def news(self, news: News, /) -> None:
        """Hand on what happened."""
        self.inlet.news(news)

    def flush(self) -> None:
        """Do nothing: reports come whole."""

    def remember(self) -> None:
        """Return nothing: no tape is played."""

    def recall(self, state: object) -> None:
        """Do nothing: no tape is played."""

    def forget(self) -> None:
        """Do nothing: no tape is played."""


def _reaches(told: int | None, asked: int | None) -> bool:
    return told is None or (asked is not None and told >= asked)
