"""The live order book: kept on the loop thread, read from any."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.audit import Audit
from kucoin_stream.frames.base import numbers
from kucoin_stream.frames.bookkeeper import RIGHT, BookKeeper
from kucoin_stream.frames.gaps import gaps_frame
from kucoin_stream.frames.kept import KeptFrame
from kucoin_stream.market.book import Levels, Top, imbalance, levels
from kucoin_stream.protocol.bookfeeds import BookFeed
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.transport.engine import Engine

_NAN = float("nan")


class LiveBook(KeptFrame[BookKeeper, Top]):
    """An L2 order book kept from increments. Made by :meth:`Client.book`. Safe from any thread.

    ``status``: ``syncing``, ``live``, ``partial`` (right as far as it goes: seeded from the public best 100 levels),
    ``stale`` (disconnected), ``resyncing``, ``refused``, ``stopped``, each perhaps with a reason. In states other
    than ``live`` and ``partial`` the scalars are NaN and the frames empty: a stale book is not served as current.
    ``.stream`` carries a :class:`Top` after every single change.

    Sources: KuCoin API docs, "Level2 - Market Data", "How to build a local order book"; protocol.md 5.
    """

    def __init__(
        self,
        engine: Engine,
        info: SymbolInfo | ContractInfo,
        feed: BookFeed,
        instead: BookFeed | None = None,
        note: str = "",
    ) -> None:
        symbol = info.symbol
        key = ("book", feed.topic, symbol, instead is None)
        super().__init__(engine, symbol, key, lambda: BookKeeper(engine, symbol, feed, instead, note))
        self.symbol = symbol
        self.price_decimals = decimals(info.price_increment)
        self.size_decimals = decimals(info.base_increment)

    def __repr__(self) -> str:
        top = self._top()
        badge = f" {self.badge}" if self.badge else ""
        return (
            f"<LiveBook {self.symbol}{badge} | {self.status} | bid {top.bid} ask {top.ask} | sequence {top.sequence}"
            f"{' | ' + self.note if self.note else ''}>"
        )

    @property
    def source(self) -> str:
        """The feed that the book is kept from: ``"spot.level2"``, ``"pro_spot.level2"``, ..."""
        return self._keeper.feed.topic

    @property
    def note(self) -> str:
        """Which kind of book it is, and why, where that was not the user's word; else nothing."""
        return self._keeper.note

    # -- scalars: one published value, no call -------------------------------------------------------------------

    def _top(self) -> Top:
        state = self._keeper.state
        return state.top if state.status in RIGHT and not self._stopped and not self._engine.ended else Top()

    @property
    def best_bid(self) -> float:
        """Highest bid price, in the quote currency; NaN where there is none."""
        return _number(self._top().bid)

    @property
    def best_ask(self) -> float:
        """Lowest ask price, in the quote currency; NaN where there is none."""
        return _number(self._top().ask)

    @property
    def mid(self) -> float:
        """(best bid + best ask) / 2, in the quote currency."""
        top = self._top()
        return (_number(top.bid) + _number(top.ask)) / 2

    @property
    def spread(self) -> float:
        """Best ask - best bid, in the quote currency."""
        top = self._top()
        return _number(top.ask) - _number(top.bid)

    @property
    def sequence(self) -> int | None:
        """Sequence of the last change applied; ``None`` while the book is not right."""
        return self._top().sequence

    @property
    def version(self) -> object:
        """The published state; a new one after each change."""
        return self._keeper.state, self._stopped, self._engine.ended

    @property
    def gap_count(self) -> int:
        """How many times changes were found missing."""
        return self._keeper.gaps

    def gaps(self) -> pd.DataFrame:
        """Return when the book was not followed change by change, one row each; columns as :meth:`Client.gaps`."""
        return gaps_frame(self._read(self._engine.pool.gaps.rows, self._keeper.topic, "book"))

    def audit(self, timeout: float = 30.0) -> Audit:
        """Compare the book with a REST snapshot of the exchange, at an equal sequence.

        Raises :class:`NotReadyError` where the book is not right or no snapshot is new enough;
        :class:`RequestError` where the snapshot needs an API key, as that of spot's Pro book does; other errors of
        REST; :class:`UsageError` for a book that is pushed whole each time.
        """
        if self._keeper.feed.snapshots == "each":
            raise UsageError(f"{self.source} is pushed whole each time: there is nothing to compare")
        return self._engine.call(self._keeper.audit, timeout=timeout)

    def audit_every(self, seconds: float) -> None:
        """Audit it every so many seconds (at least 1), and begin anew where it is wrong; see :attr:`audited`."""
        if not seconds >= 1:
            raise UsageError(f"audit_every={seconds!r}: at least 1 second")
        self._engine.post(self._keeper.audit_every, seconds)

    @property
    def audited(self) -> Audit | None:
        """The last audit, if there was one."""
        return self._keeper.audited

    @property
    def received(self) -> int:
        """Messages that changed it."""
        return self.updates

    @property
    def updates(self) -> int:
        """How many changes and snapshots were applied."""
        return self._keeper.state.updates

    # -- levels: one call ----------------------------------------------------------------------------------------

    def levels(self, depth: int | None = None) -> Levels:
        """Return the ``depth`` best levels a side as numpy arrays, best first; the last known ones of a stale book."""
        return levels(self._read(self._keeper.copy, depth))

    def _right_levels(self, depth: int | None = None) -> Levels:
        copied = self._read(self._keeper.copy, depth) if self.status in RIGHT else None
        if copied is None or self._keeper.state.status not in RIGHT:
            empty = np.empty(0)
            return Levels(None, empty, empty, empty, empty)
        return levels(copied)

    @property
    def bids(self) -> pd.DataFrame:
        """Bids, best first: ``price``, ``size``, ``total`` (running sum of size)."""
        known = self._right_levels()
        return side(known.bid_prices, known.bid_sizes)

    @property
    def asks(self) -> pd.DataFrame:
        """Asks, best first: ``price``, ``size``, ``total`` (running sum of size)."""
        known = self._right_levels()
        return side(known.ask_prices, known.ask_sizes)

    def at(self, time: Any) -> Any:
        """Return the book as it was at ``time`` (UTC) of the tape that is played: ``bids``, ``asks``, ``df``.

        The position of the replay stays where it is. Raises :class:`UsageError` where no tape is played.
        """
        deck = self._engine.deck
        if deck is None or deck.past is None:
            raise UsageError("only a tape has a past; ks.connect('day.kcs') plays one")
        return deck.past(self, time)

    def imbalance(self, levels: int = 10) -> float:
        """(bids - asks) / (bids + asks) of the sizes of the best ``levels``: -1 to 1; NaN without any."""
        known = self._right_levels(levels)
        return imbalance(known.bid_sizes, known.ask_sizes)

    def _build(self) -> pd.DataFrame:
        known = self._right_levels()
        rows = max(len(known.bid_prices), len(known.ask_prices))
        columns = {
            "bid_size": known.bid_sizes,
            "bid": known.bid_prices,
            "ask": known.ask_prices,
            "ask_size": known.ask_sizes,
        }
        return numbers({name: padded(column, rows) for name, column in columns.items()})

    # -- what all live frames give -------------------------------------------------------------------------------

    def _status(self) -> str:
        return self._keeper.state.status

    def _ready(self) -> bool:
        return self.status in RIGHT

    def _make_view(self, **options: Any) -> Any:
        from kucoin_stream.widgets import view

        return view.BookView(cast(Any, self), **options)


_MOST_DECIMALS = 20  # KuCoin's smallest steps have 12 or so; each one is a character wherever there is a price


def decimals(increment: Any) -> int:
    """Return how many decimals a price or size step has; of one that is none, or beyond all reason, 8."""
    if not increment or not increment.is_finite() or not -_MOST_DECIMALS <= increment.adjusted() <= _MOST_DECIMALS:
        return 8
    return min(max(0, -int(increment.normalize().as_tuple().exponent)), _MOST_DECIMALS)


def _number(value: float | None) -> float:
    return _NAN if value is None else value


def side(prices: Any, sizes: Any) -> pd.DataFrame:
    """Return one side of a book as a frame."""
    return numbers({"price": prices, "size": sizes, "total": np.cumsum(sizes)})


def padded(column: Any, rows: int) -> Any:
    """Return a column made as long as the other side's."""
    if len(column) == rows:
        return column
    padded = np.full(rows, _NAN)
    padded[: len(column)] = column
    return padded
