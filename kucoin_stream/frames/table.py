"""The live frame of a feed: its last messages as rows, or the latest by symbol."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd

from kucoin_stream import given
from kucoin_stream.analytics.columns import DIGITS
from kucoin_stream.analytics.studies import TradeStudies
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import LiveFrame, utc
from kucoin_stream.frames.book import decimals
from kucoin_stream.frames.columns import Rows
from kucoin_stream.frames.maps import entries, entry_of
from kucoin_stream.frames.newest import Values, of_messages
from kucoin_stream.frames.quotes import QuoteColumns, quote_columns
from kucoin_stream.market.ring import Ring
from kucoin_stream.protocol.events import News
from kucoin_stream.protocol.messages import futures, pro, spot
from kucoin_stream.protocol.topic import FUTURES, Topic
from kucoin_stream.streams.feed import Feed, brief
from kucoin_stream.streams.source import LiveSource

_TRADES = (spot.Trade, futures.Trade, pro.Trade)
LATEST = 200  # messages kept as they are, for pictures

Opened = Callable[[list[Any]], list[Any]]
"""Returns the rows that are in messages."""

Copied = tuple[dict[str, Any], list[list[str]]]
"""Columns and categories."""


class RowTable:
    """A row per message, the last ``maxlen`` of them. Lives on the loop thread. ``opened`` makes several of one."""

    def __init__(self, rows: Rows, maxlen: int, opened: Opened | None = None) -> None:
        self._rows = rows
        self._opened = opened
        self._ring = Ring(rows.codes, maxlen)
        self._parts: tuple[dict[str, Any], ...] = ()  # rows that moments of a tape share
        self._parted = 0  # rows written until the last of these moments
        self.recent: deque[Any] = deque(maxlen=LATEST)
        self.since_ns: int | None = None  # where it begins, if in the midst of a tape

    def __len__(self) -> int:
        return len(self._ring)

    @property
    def written(self) -> int:
        """A number that grows with every message."""
        return self._ring.written

    @property
    def memory(self) -> int:
        """Bytes that the rows take."""
        return self._ring.memory

    def take(self, messages: list[Any]) -> None:
        """Keep the messages of one socket read."""
        if self._opened is not None:
            messages = self._opened(messages)
        append, row = self._ring.append, self._rows.row
        self.recent.extend(messages)
        for message in messages:
            append(row(message))

    def tell(self, news: News) -> None:
        """A table of past messages stays what it is."""

    def remember(self) -> Any:
        """Return what brings it back to this moment of a tape; costs the rows since the last such moment."""
        ring = self._ring
        if fresh := min(ring.written - self._parted, len(ring)):
            self._parts = _last([*self._parts, ring.arrays(fresh)], ring.maxlen)
        self._parted = ring.written
        return self._parts, self._rows.categories(), list(self.recent), self.since_ns

    def recall(self, state: Any) -> None:
        """Be as at the moment of ``state``."""
        self._begin(state[0])
        self._rows.recall(state[1])
        self.recent = deque(state[2], maxlen=LATEST)
        self.since_ns = state[3]

    def forget(self, since_ns: int | None) -> None:
        """Be empty, and begin at ``since_ns`` (Unix ns), where that is in the midst of a tape."""
        self._begin(())
        self._rows.recall([[] for _ in self._rows.columns])
        self.recent = deque(maxlen=LATEST)
        self.since_ns = since_ns

    def _begin(self, parts: tuple[dict[str, Any], ...]) -> None:
        ring = Ring(self._rows.codes, self._ring.maxlen)
        for part in parts:
            for row in zip(*(column.tolist() for column in part.values()), strict=True):
                ring.append(row)
        ring.written = self._parted = self._ring.written + 1  # it has changed
        self._ring, self._parts = ring, parts

    def copy(self, count: int | None) -> Copied:
        """Return copies of the newest ``count`` rows."""
        return self._ring.arrays(count), self._rows.categories()


class LatestTable:
    """A row per value of ``key``: its latest message. Rows are made when asked for. Lives on the loop thread."""

    def __init__(self, rows: Rows, key: str, opened: Opened | None = None) -> None:
        self.written = 0
        self._opened = opened
        self._rows = rows
        self._key = attrgetter(key)
        self._latest: dict[Any, Any] = {}  # never loses a key: its order is that of the rows
        self._shown: list[Any] = []  # what stands in each row
        self._ring = Ring(rows.codes, 2**62)
        self.since_ns: int | None = None  # where it begins, if in the midst of a tape

    def __len__(self) -> int:
        return len(self._latest)

    @property
    def recent(self) -> list[Any]:
        """The latest messages themselves."""
        return list(self._latest.values())

    @property
    def memory(self) -> int:
        """Bytes that the rows take, as far as they were asked for."""
        return self._ring.memory

    def take(self, messages: list[Any]) -> None:
        """Keep the messages of one socket read: the last one of each key counts."""
        if self._opened is not None:
            messages = self._opened(messages)
        self._latest.update(zip(map(self._key, messages), messages, strict=True))
        self.written += len(messages)

    def tell(self, news: News) -> None:
        """What was the latest stays the latest."""

    def remember(self) -> Any:
        """Return what brings it back to this moment of a tape."""
        return dict(self._latest), self.since_ns

    def recall(self, state: Any) -> None:
        """Be as at the moment of ``state``."""
        self.forget(state[1])
        self._latest = dict(state[0])

    def forget(self, since_ns: int | None) -> None:
        """Be empty, and begin at ``since_ns`` (Unix ns), where that is in the midst of a tape."""
        self._latest, self._shown = {}, []
        self._ring = Ring(self._rows.codes, self._ring.maxlen)
        self._rows.recall([[] for _ in self._rows.columns])
        self.written += 1
        self.since_ns = since_ns

    def copy(self, count: int | None) -> Copied:
        """Return copies of the last ``count`` rows, in the order in which the keys came first."""
        shown, ring = self._shown, self._ring
        for at, message in enumerate(self._latest.values()):
            if at == len(shown):
                ring.append(self._rows.row(message))
                shown.append(message)
            elif shown[at] is not message:
                ring.replace(at, self._rows.row(message))
                shown[at] = message
        return ring.arrays(count), self._rows.categories()


def _kinds(row: Topic, latest: str | None) -> tuple[str, ...]:
    """Return the pictures that there are of messages beside their table, by what they say."""
    if latest is None:
        return ("tape",) if row.payload in _TRADES else ()
    return ("wall",) if latest == "symbol" and not row.private and quote_columns(row.payload) else ()


def _last(parts: list[dict[str, Any]], count: int) -> tuple[dict[str, Any], ...]:
    """Return the parts that hold the last ``count`` rows."""
    sizes = [len(next(iter(part.values()))) for part in parts]
    first = next(at for at in reversed(range(len(parts))) if not at or sum(sizes[at:]) >= count)
    return tuple(parts[first:])


class FeedFrame(TradeStudies, LiveFrame):
    """The messages of a feed as a DataFrame. Made by :meth:`Feed.frame`. Safe from any thread.

    One row per message, oldest first; or, with ``latest="symbol"``, one row per symbol, which is the index. Prices and
    sizes are float64 (with ``exact=True`` Decimals), times UTC, symbols and sides categorical. ``vwap``, ``ohlcv`` and
    what else trades give is for frames of trades.
    """

    def __init__(
        self, feed: Feed[Any], maxlen: int = 10_000, latest: str | None = None, *, exact: bool = False
    ) -> None:
        maxlen = given.whole("maxlen", maxlen)
        entry = entry_of(feed.row.payload)
        self.feed = feed
        self.title = f"{brief(feed.arguments)} {feed.row.name.partition('.')[2]}".strip()
        self.maxlen = maxlen
        self.latest = latest
        self.kinds = (*_kinds(feed.row, latest), *self.kinds)
        self.exact = exact
        self._long = 0  # numbers of the last DataFrame that may not be exact
        self._payload = entry or feed.row.payload
        self._rows = Rows(self._payload)
        names = [column.name for column in self._rows.columns if column.names]
        if latest is not None and latest not in names:
            there = ", ".join(names) or "nothing"
            raise UsageError(f"latest={given.shown(latest)}: {feed.row.name} can have a row for each of: {there}")
        opened = entries if entry else None
        self._table: RowTable | LatestTable = (
            RowTable(self._rows, maxlen, opened) if latest is None else LatestTable(self._rows, latest, opened)
        )
        engine, inlet = feed._engine, feed._inlet
        engine.call(inlet.grow, self._table)
        self._finalizer = weakref.finalize(self, engine.post, inlet.prune, self._table)
        super().__init__(engine)  # last: one that raises above is nothing that could be ended

    @property
    def version(self) -> object:
        """Something that changes with every message."""
        return self._table.written, self.status

    def __len__(self) -> int:
        return len(self._table)

    @property
    def memory(self) -> int:
        """Bytes that its rows take; one that is full has room for twice ``maxlen``."""
        return self._read(lambda: self._table.memory)

    @property
    def received(self) -> int:
        """Messages that were written to it."""
        return self._table.written

    @property
    def note(self) -> str:
        """Since when there are rows, where a tape was wound to that time; which are not exact; else nothing."""
        since_ns = self._table.since_ns
        wound = "" if since_ns is None else f"the tape was wound: rows since {utc(np.array([since_ns]), 'ns')[0]}"
        long = f"{self._long} numbers have more than {DIGITS} digits: the last ones may differ" if self._long else ""
        return "; ".join(filter(None, (wound, long)))

    @property
    def stream(self) -> LiveSource[Any]:
        """The feed itself: the rows are its messages."""
        return self.feed

    @property
    def _fed_by(self) -> str:
        return self.feed.title

    def _status(self) -> str:
        return self.feed.status

    @property
    def _over(self) -> bool:
        return super()._over or self.feed.stopped

    def _ready(self) -> bool:
        return len(self) > 0

    def _build(self) -> pd.DataFrame:
        return self.rows()

    def tail(self, n: int = 5, timeout: float = 10.0) -> pd.DataFrame:
        """Return the last ``n`` rows, after waiting for something to show; costs only these rows."""
        n = given.whole("n", n, least=0)
        self.wait(timeout)
        return self.rows(n)

    def rows(self, count: int | None = None) -> pd.DataFrame:
        """Return the newest ``count`` rows of now, without waiting."""
        frame = self._rows.frame(*self._read(self._table.copy, count), exact=self.exact)
        if self.exact:
            self._long = sum(
                isinstance(each, Decimal) and len(each.as_tuple().digits) > DIGITS
                for column in self._rows.columns
                if column.code == "d"
                for each in frame[column.name]
            )
        if self.latest is None:
            return frame
        frame.index = pd.Index(frame.pop(self.latest).astype(object), name=self.latest)
        return frame

    def newest(self, count: int) -> list[Values]:
        """Return the columns of the newest ``count`` rows of now, at most 200, as plain values: for pictures."""
        return of_messages(self._payload, self.recent(count), self.latest or "", exact=self.exact)

    def recent(self, count: int) -> list[Any]:
        """Return the last ``count`` messages themselves, newest last; at most 200."""
        return list(self._table.recent)[-count:]

    def decimals(self, symbol: str) -> tuple[int, int]:
        """Return the decimals of price and size of ``symbol``."""
        info = self._engine.symbols.get(symbol) or self._engine.contracts.get(symbol)
        return (decimals(info.price_increment), decimals(info.base_increment)) if info else (8, 8)

    @property
    def size_unit(self) -> str:
        """``lots`` where sizes are lots of contracts; nothing where they are in the base currency."""
        return "lots" if self.feed.row.connection in FUTURES else ""

    @property
    def quotes(self) -> QuoteColumns | None:
        """Which fields of a message say what its symbol is worth."""
        return quote_columns(self.feed.row.payload)

    @property
    def expected(self) -> int:
        """How many symbols there will be; 0 where that is not known."""
        return len(self.feed.arguments) if self.feed.row.by_symbol else 0

    def multiplier(self, symbol: str) -> float | None:
        """Return the base coins of a lot of ``symbol``: below 0 of an inverse contract, ``None`` of spot."""
        info = self._engine.contracts.get(symbol)
        return None if info is None or info.multiplier is None else float(info.multiplier)

    def _release(self) -> None:
        self._finalizer()
