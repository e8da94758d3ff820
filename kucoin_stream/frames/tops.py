"""The best bid and ask of a book as they changed: its history, kept on the loop thread beside it."""

from __future__ import annotations

import contextlib
import weakref
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from msgspec import Struct

from kucoin_stream.errors import NotReadyError
from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.frames.bookkeeper import BookKeeper
from kucoin_stream.frames.columns import Rows
from kucoin_stream.frames.fetching import learn_clock
from kucoin_stream.frames.newest import Values, of_messages
from kucoin_stream.frames.table import LATEST, RowTable
from kucoin_stream.market.book import Top
from kucoin_stream.protocol.events import News
from kucoin_stream.streams.source import LiveSource
from kucoin_stream.transport.engine import Engine

if TYPE_CHECKING:
    from kucoin_stream.frames.book import LiveBook


class TimedTop(Struct, frozen=True, gc=False):
    """A :class:`Top` and when it was; without prices: the book was not right from then on."""

    time_ms: int
    sequence: int | None = None
    bid: float | None = None
    bid_size: float | None = None
    ask: float | None = None
    ask_size: float | None = None


_FIELDS = ("time_ms", "bid", "bid_size", "ask", "ask_size")
_values = attrgetter(*_FIELDS)


class TopTable(RowTable):
    """A row for each change of a book. Lives on the loop thread."""

    def __init__(self, engine: Engine, keeper: BookKeeper, maxlen: int) -> None:
        super().__init__(Rows(TimedTop), maxlen)
        self._engine = engine
        self._keeper = keeper

    def take(self, messages: list[Top]) -> None:
        """Keep the tops of one socket read."""
        now = self._now()
        super().take(
            [TimedTop(now, each.sequence, each.bid, each.bid_size, each.ask, each.ask_size) for each in messages]
        )

    def tell(self, news: News) -> None:  # noqa: ARG002
        """Leave a row without prices: nobody knows the book from here on, until its next change."""
        super().take([TimedTop(self._now())])

    def _now(self) -> int:
        """Return when the exchange made the last change, in Unix ms; its present time where it does not tell."""
        with contextlib.suppress(NotReadyError):
            if (time_ms := self._keeper.whole.time_ms) is not None:
                return time_ms
        return int(self._engine.rest.now() * 1000)


class LiveTops(LiveFrame):
    """Best bid and ask after each change of a book, oldest first. Made by :meth:`LiveBook.tops`. Safe from any thread.

    Columns ``time`` (UTC), ``sequence``, ``bid``, ``bid_size``, ``ask``, ``ask_size``. The time is the exchange's, in
    ms; changes that came in one socket read have that of the last of them; where it is not told (before 2022) it is
    that of their arrival, by the exchange's clock. A row without prices says that the book was
    not right from then on. ``df.kucoin.mid``, ``.microprice``, ``.spread_bps`` are Series.
    """

    kinds = ("table", "lines")

    def __init__(self, engine: Engine, book: LiveBook, keeper: BookKeeper, maxlen: int) -> None:
        self.book = book
        self.title = f"{book.symbol} best prices"
        self.maxlen = maxlen
        self._rows = Rows(TimedTop)
        self._table = TopTable(engine, keeper, maxlen)
        if engine.may_wait:
            engine.call(learn_clock, engine.rest)
        engine.call(keeper.inlet.grow, self._table)
        self._finalizer = weakref.finalize(self, engine.post, keeper.inlet.prune, self._table)
        super().__init__(engine)

    @property
    def version(self) -> object:
        """Something that changes with every change of the book."""
        return self._table.written, self.status

    @property
    def memory(self) -> int:
        """Bytes that its rows take."""
        return self._read(lambda: self._table.memory)

    @property
    def stream(self) -> LiveSource[Top]:
        """The changes of the book: its :attr:`LiveBook.stream`."""
        return self.book.stream

    @property
    def received(self) -> int:
        """Changes that were written to it."""
        return self._table.written

    def __len__(self) -> int:
        return len(self._table)

    def rows(self, count: int | None = None) -> pd.DataFrame:
        """Return the newest ``count`` rows of now, without waiting."""
        return self._rows.frame(*self._read(self._table.copy, count))

    def newest(self, count: int) -> list[Values]:
        """Return the columns of the newest ``count`` rows of now, at most 200, as plain values: for pictures."""
        return of_messages(TimedTop, list(self._table.recent)[-count:])

    def arrays(self, count: int | None = None) -> dict[str, Any]:
        """Return the newest ``count`` rows of now as numpy arrays: ``time_ms`` (Unix), bid, ask and their sizes."""
        if count is None or count > LATEST:
            return self._read(self._table.copy, count)[0]
        newest = [_values(each) for each in list(self._table.recent)[-count:]]  # without asking the loop thread
        columns = np.array(newest, dtype=float).reshape(-1, len(_FIELDS)).T
        return dict(zip(_FIELDS, columns, strict=True))

    def _build(self) -> pd.DataFrame:
        return self.rows()

    @property
    def _fed_by(self) -> str:
        return f"{self.book._fed_by} best prices"

    def _status(self) -> str:
        return self.book.status

    @property
    def _over(self) -> bool:
        return super()._over or self.book._over

    def _ready(self) -> bool:
        return len(self) > 0

    def _release(self) -> None:
        self._finalizer()
