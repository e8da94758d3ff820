"""The live order book: kept on the loop thread, read from any."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from kucoin_stream import given
from kucoin_stream.analytics import book as analytics
from kucoin_stream.errors import StoppedError, UsageError
from kucoin_stream.frames.audit import Audit, check_auditable
from kucoin_stream.frames.base import numbers
from kucoin_stream.frames.bookkeeper import RIGHT, BookKeeper
from kucoin_stream.frames.gaps import gaps_frame
from kucoin_stream.frames.kept import KeptFrame
from kucoin_stream.market.book import Levels, Top, imbalance, levels
from kucoin_stream.protocol.bookfeeds import BookFeed
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.transport.engine import Engine

if TYPE_CHECKING:
    from kucoin_stream.frames.tops import LiveTops

_NAN = float("nan")


class LiveBook(KeptFrame[BookKeeper, Top]):
    """An L2 order book kept from increments. Made by :meth:`Client.book`. Safe from any thread.

    ``status``: ``syncing``, ``live``, ``partial`` (right as far as it goes: seeded from the public best 100 levels),
    ``stale`` (disconnected), ``resyncing``, ``refused``, ``stopped``, each perhaps with a reason. In states other
    than ``live`` and ``partial`` the scalars are NaN and the frames empty: a stale book is not served as current.
    ``.stream`` carries a :class:`Top` after every single change. Prices and sizes are float64, which keep 15 digits;
    ``book.df.kucoin.exact()`` has them as Decimals.

    Sources: KuCoin API docs, "Level2 - Market Data", "How to build a local order book"; protocol.md 5.
    """

    kinds = ("ladder", "depth", "lines")

    def __init__(
        self,
        engine: Engine,
        info: SymbolInfo | ContractInfo,
        feed: BookFeed,
        instead: BookFeed | None = None,
        note: str = "",
    ) -> None:
        symbol = info.symbol
        super().__init__(engine, symbol, *place(engine, symbol, feed, instead, note))
        self._wants = object()  # who wants audits: a name that does not keep the frame alive
        self._end_audits = weakref.finalize(self, engine.post, self._keeper.auditor.every, self._wants, None)
        self.symbol = symbol
        self.price_increment = info.price_increment
        self.price_decimals = decimals(info.price_increment)
        self.size_decimals = decimals(info.base_increment)
        self.multiplier = info.multiplier if isinstance(info, ContractInfo) else None
        self._tops: LiveTops | None = None

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
    def microprice(self) -> float:
        """The mid weighted by the other side's size; see :func:`.analytics.book.microprice`."""
        top = self._top()
        best = [_number(each) for each in (top.bid, top.bid_size, top.ask, top.ask_size)]
        return cast(float, analytics.microprice(*best))

    @property
    def spread_bps(self) -> float:
        """10,000 spread / mid."""
        top = self._top()
        return cast(float, analytics.spread_bps(_number(top.bid), _number(top.ask)))

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
        return gaps_frame(self._read(self._keeper.holes))

    def audit(self, timeout: float = 30.0) -> Audit:
        """Compare the book with a REST snapshot of the exchange, at an equal sequence.

        Raises :class:`NotReadyError` where the book is not right or no snapshot is new enough;
        :class:`RequestError` where the snapshot needs an API key, as that of spot's Pro book does; other errors of
        REST; :class:`UsageError` for a book that is pushed whole each time; :class:`StoppedError` once it is stopped.
        """
        timeout = given.patience(timeout)
        self._check_auditable()
        return self._engine.call(self._keeper.auditor.now, timeout=timeout)

    def audit_every(self, seconds: float | None) -> None:
        """Audit it every so many seconds (at least 1), and begin anew where it is wrong; ``None``: no more.

        :attr:`audited` tells what came of it, failures too. Where several frames show one book, the shortest time that
        any of them wants holds for it. Raises at once what :meth:`audit` would always raise.
        """
        if seconds is None:
            self._engine.post(self._keeper.auditor.every, self._wants, None)
            return
        hint = "a number of seconds, at least 1, or None"
        if (seconds := given.number("audit_every", seconds, hint)) < 1:
            raise UsageError(f"audit_every={seconds!r}: {hint}")
        self._check_auditable()
        self._engine.post(self._keeper.auditor.every, self._wants, seconds)

    def _check_auditable(self) -> None:
        if self._over:
            raise StoppedError(f"the book of {self.symbol}: {self.status}")
        check_auditable(self._keeper.feed, signed=self._engine.signed)

    @property
    def audited(self) -> Audit | None:
        """The last audit, if there was one; of :meth:`audit_every` also one that ``failed``, and why."""
        return self._keeper.auditor.last

    def _release(self) -> None:
        self._end_audits()
        super()._release()

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
        """Return the ``depth`` best levels a side as numpy arrays, best first; the last known ones of a stale book.

        ``None``: all levels. Raises :class:`UsageError` for another depth than a number from 1 on.
        """
        return levels(self._read(self._keeper.copy, given.levels(depth, "depth")))

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

    def imbalance(self, levels: int | None = 10) -> float:
        """(bids - asks) / (bids + asks) of the sizes of the best ``levels``: -1 to 1; NaN without any.

        ``None``: of all levels.
        """
        known = self._right_levels(given.levels(levels))
        return imbalance(known.bid_sizes, known.ask_sizes)

    # -- analytics: base and quote amounts of futures by the contract's multiplier ---------------------------------

    @property
    def _whole(self) -> bool:
        return self.status == "live" and self._keeper.feed.levels is None

    def depth(self, bps: float | Iterable[float] = 10.0) -> pd.DataFrame:
        """Return what stands within ``bps`` of the mid, a row for each; see :func:`.analytics.book.depth`."""
        return analytics.depth(self._right_levels(), bps, self.multiplier, whole=self._whole)

    def sweep(
        self, side: Literal["buy", "sell"], *, size: float | None = None, funds: float | None = None
    ) -> analytics.Sweep:
        """Return what a market order of ``size`` (of futures in lots) or ``funds`` (quote currency) would get.

        See :class:`.analytics.book.Sweep`, which says where the book is too thin, or not known that far.
        """
        return analytics.sweep(self._right_levels(), side, size, funds, self.multiplier, whole=self._whole)

    def grouped(self, tick: float) -> pd.DataFrame:
        """Return the ladder at multiples of ``tick``: bids down, asks up; see :func:`.analytics.book.grouped`."""
        return analytics.grouped(self._right_levels(), tick)

    def weighted(self, levels: int | None = 10) -> analytics.Sides:
        """Return the mean price of each side's best ``levels``, by size: in the quote currency; ``None``: of all."""
        return analytics.weighted(self._right_levels(given.levels(levels)), levels)

    def notional(self, levels: int | None = None) -> analytics.Sides:
        """Return the sum of price * size of each side's best ``levels``, in the quote currency; ``None``: of all."""
        return analytics.notional(self._right_levels(given.levels(levels)), levels, self.multiplier)

    def tops(self, maxlen: int = 100_000) -> LiveTops:
        """Return the best bid and ask after each change from now on, the last ``maxlen``: the book's history.

        It is one live frame, made when it is first asked for, and again for another ``maxlen`` or after its stop.
        """
        from kucoin_stream.frames.tops import LiveTops

        maxlen = given.whole("maxlen", maxlen)
        if self._tops is None or self._tops.maxlen != maxlen or self._tops.status.startswith("stopped"):
            self._tops = LiveTops(self._engine, self, self._keeper, maxlen)
        return self._tops

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

    @property
    def _fed_by(self) -> str:
        return f"{self.source} {self.symbol}"

    def _status(self) -> str:
        return self._keeper.state.status

    def _ready(self) -> bool:
        return self.status in RIGHT


def place(
    engine: Engine, symbol: str, feed: BookFeed, instead: BookFeed | None = None, note: str = ""
) -> tuple[object, Callable[[], BookKeeper]]:
    """Return under which key a book is kept, and what makes its keeper."""
    key = ("book", feed.topic, symbol, instead is None)
    return key, lambda: BookKeeper(engine, symbol, feed, instead, note)


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
