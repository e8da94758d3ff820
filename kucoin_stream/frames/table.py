"""The live frame of a feed: its last messages as rows."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pandas as pd
from msgspec import inspect

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import NO_TIME, LiveFrame, utc
from kucoin_stream.frames.book import decimals
from kucoin_stream.market.ring import Ring
from kucoin_stream.protocol.events import News
from kucoin_stream.protocol.messages.spot import Candle
from kucoin_stream.streams.feed import Feed
from kucoin_stream.streams.source import LiveSource

LATEST = 200  # messages kept as they are, for pictures
_CATEGORIES = frozenset({"symbol", "side", "interval"})
_UNITS = {"_ns": "ns", "_ms": "ms", "_s": "s"}


class Column:
    """One column: where its value comes from, how it is stored, how it is shown."""

    def __init__(self, path: str, kind: inspect.Type) -> None:
        self.path = path
        name = path.rpartition(".")[2]
        self.unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), None)
        self.name = name.removesuffix(f"_{self.unit}") if self.unit else name
        self.category = name in _CATEGORIES
        alternatives = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
        optional = len(alternatives) > 1
        self.code, self.missing = "O", None
        match alternatives[0]:
            case _ if self.category:
                self.code = "i"
            case inspect.FloatType():
                self.code, self.missing = "d", float("nan") if optional else None
            case inspect.IntType():
                self.code, self.missing = "q", NO_TIME if optional else None


def columns_of(payload: type[Any]) -> list[Column]:
    """Return the columns for a message type; a candle's fields stand beside the message's own."""
    columns = []
    for field in _fields(payload):
        if isinstance(field.type, inspect.StructType) and field.type.cls is Candle:
            columns += [Column(f"{field.name}.{inner.name}", inner.type) for inner in _fields(Candle)]
        else:
            columns.append(Column(field.name, field.type))
    order = {"time": 0, "start": 0, "timestamp": 0, "symbol": 1, "interval": 2}
    columns.sort(key=lambda column: order.get(column.name, 3))
    return columns


def _fields(payload: type[Any]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(payload)
    assert isinstance(info, inspect.StructType)  # noqa: S101  every payload of the catalogue is
    return info.fields


class RowTable:
    """Rows of messages in ring columns. Lives on the loop thread."""

    def __init__(self, columns: list[Column], maxlen: int) -> None:
        self.columns = columns
        self.ring = Ring({column.path: column.code for column in columns}, maxlen)
        self.categories: list[dict[str, int]] = [{} for _ in columns]
        self.latest: deque[Any] = deque(maxlen=LATEST)
        self._get: Callable[[Any], Any] = attrgetter(*(column.path for column in columns))
        self._fix = [
            (at, column.missing, self.categories[at] if column.category else None)
            for at, column in enumerate(columns)
            if column.category or column.missing is not None
        ]

    def take(self, messages: list[Any]) -> None:
        """Keep the messages of one socket read."""
        append = self.ring.append
        self.latest.extend(messages)
        for message in messages:
            row = [*self._get(message)]
            for at, missing, codes in self._fix:
                value = row[at]
                if codes is None:
                    if value is None:
                        row[at] = missing
                elif (code := codes.get(value)) is not None:
                    row[at] = code
                else:
                    row[at] = codes.setdefault(value, len(codes))
            append(row)

    def tell(self, news: News) -> None:
        """A table of past messages stays what it is."""

    def copy(self, count: int | None) -> tuple[dict[str, Any], list[list[str]]]:
        """Return copies of the columns and of the categories."""
        return self.ring.arrays(count), [list(codes) for codes in self.categories]


class FeedFrame(LiveFrame):
    """The last messages of a feed as a DataFrame. Made by :meth:`Feed.frame`. Safe from any thread.

    One row per message, oldest first; prices and sizes are float64, times UTC, symbols and sides categorical.
    """

    def __init__(self, feed: Feed[Any], maxlen: int = 10_000) -> None:
        if maxlen < 1:
            raise UsageError(f"maxlen={maxlen}: a frame holds at least one row")
        super().__init__(feed._engine)
        self.feed = feed
        self.title = " ".join((", ".join(feed.arguments), feed.row.name.partition(".")[2])).strip()
        self.maxlen = maxlen
        self._known: dict[int, pd.CategoricalDtype] = {}
        self._table = RowTable(columns_of(feed.row.payload), maxlen)
        inlet = feed._inlet
        self._engine.call(inlet.grow, self._table)
        self._finalizer = weakref.finalize(self, self._engine.post, inlet.prune, self._table)

    @property
    def version(self) -> object:
        """A number that grows with every row."""
        return self._table.ring.written, self.status

    def __len__(self) -> int:
        return len(self._table.ring)

    @property
    def stream(self) -> LiveSource[Any]:
        """The feed itself: the rows are its messages."""
        return self.feed

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
        self.wait(timeout)
        return self.rows(n)

    def rows(self, count: int | None = None) -> pd.DataFrame:
        """Return the newest ``count`` rows of now, without waiting."""
        arrays, categories = self._read(self._table.copy, count)
        columns: dict[str, Any] = {}
        index = pd.RangeIndex(len(arrays[self._table.columns[0].path]))
        for at, column in enumerate(self._table.columns):
            values = arrays[column.path]
            if column.category:
                known = self._known.get(at)
                if known is None or len(known.categories) != len(categories[at]):
                    known = self._known[at] = pd.CategoricalDtype(categories[at])
                columns[column.name] = pd.Categorical.from_codes(values, dtype=known, validate=False)
            elif column.unit:
                columns[column.name] = utc(values, column.unit)
            elif column.code == "O":  # as it is: guessing what the objects are costs more than all the rest
                columns[column.name] = pd.Series(values, index=index, dtype=object, copy=False)
            else:
                columns[column.name] = values
        return pd.DataFrame(columns, index=index, copy=False)

    def recent(self, count: int) -> list[Any]:
        """Return the last ``count`` messages themselves, newest last; at most 200."""
        return list(self._table.latest)[-count:]

    def decimals(self, symbol: str) -> tuple[int, int]:
        """Return the decimals of price and size of ``symbol``."""
        info = self._engine.symbols.get(symbol)
        return (decimals(info.price_increment), decimals(info.base_increment)) if info else (8, 8)

    def _release(self) -> None:
        self._finalizer()

    def _make_view(self, **options: Any) -> Any:
        from kucoin_stream.widgets import view

        kind: Any = view.TapeView if self.feed.row.name == "spot.trades" else view.TableView
        return kind(self, **options)
