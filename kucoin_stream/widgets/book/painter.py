"""The order book's picture: the best levels of both sides, or the book drawn at a wider price step."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
from msgspec import Struct

from kucoin_stream import given
from kucoin_stream.analytics.book import joined
from kucoin_stream.errors import UsageError
from kucoin_stream.widgets.book import ladder
from kucoin_stream.widgets.book.marks import LastTrade, LastTrades, Own, OwnOrders
from kucoin_stream.widgets.drawing import html
from kucoin_stream.widgets.drawing.picture import Caption, Painter, Scale, Subject, scale_for

_FIRST_TRY = 16  # levels read for one step of a wider ladder
Column = tuple[float, ...]


class Levels(Protocol):
    """Both sides of a book as float64 arrays, best first."""

    bid_prices: Any
    bid_sizes: Any
    ask_prices: Any
    ask_sizes: Any
    sequence: int | None


class BookSubject(Subject, Protocol):
    """A live order book. ``price_increment``, if it has one, is the step of its prices.

    ``multiplier``, if it has one: base coins a lot, as :func:`.analytics.columns.amounts`.
    """

    @property
    def symbol(self) -> str:
        """The symbol: whose trades and orders may be marked; of spot it tells the currencies."""

    @property
    def price_decimals(self) -> int:
        """Digits after the point in a price."""

    @property
    def size_decimals(self) -> int:
        """Digits after the point in a size."""

    def levels(self, depth: int | None) -> Levels:
        """Return the best ``depth`` levels a side, or all; may block for a few ms."""


class Side(Struct, frozen=True):
    """One side, best first, columns of equal length.

    ``totals`` are cumulative sums of ``sizes``; ``bars`` are per cent of the larger side; ``own``: what remains of the
    account's orders there, 0 where there are none. ``last``: at which row the last trade was, if at one of these.
    """

    prices: Column
    sizes: Column
    totals: Column
    bars: Column
    own: Column
    last: int | None = None


class BookPicture(Struct, frozen=True):
    """All that one drawing of a book shows. Mid and spread are those of the book itself, at any ``step``."""

    caption: Caption
    depth: int
    bids: Side
    asks: Side
    mid: float | None
    spread: float | None
    spread_bps: float | None  # hundredths of a per cent of mid
    sequence: int | None
    price_decimals: int
    scale: Scale
    step: float | None  # of the levels' prices; None: as they are
    level_decimals: int  # of the levels' prices
    last: LastTrade | None
    own: Own | None  # None: not asked for


def picture(
    levels: Levels,
    caption: Caption,
    *,
    depth: int,
    price_decimals: int,
    size_decimals: int,
    at_least: int = 0,
    step: Decimal | None = None,
    last: LastTrade | None = None,
    own: Own | None = None,
) -> BookPicture:
    """Take a picture of the best ``depth`` levels. ``at_least`` decimals are shown in sizes (see ``scale_for``).

    With a ``step`` sizes are summed by multiples of it: bids under the next one below, asks under the next above.
    """
    bids = _Half(levels.bid_prices, levels.bid_sizes, depth, step, np.floor)
    asks = _Half(levels.ask_prices, levels.ask_sizes, depth, step, np.ceil)
    largest = max(bids.total, asks.total)
    mid = spread = bps = None
    if bids.best is not None and asks.best is not None:
        mid = (bids.best + asks.best) / 2
        spread = asks.best - bids.best
        bps = spread / mid * 1e4 if mid else None
    bid_row, ask_row = (each.row(last) for each in (bids, asks))
    if last and bid_row is not None and ask_row is not None:  # between two steps: where the taker found it
        bid_row, ask_row = (None, ask_row) if last.side == "buy" else (bid_row, None)
    return BookPicture(
        caption=caption,
        depth=depth,
        bids=bids.side(largest, own.bids if own else (), bid_row),
        asks=asks.side(largest, own.asks if own else (), ask_row),
        mid=mid,
        spread=spread,
        spread_bps=bps,
        sequence=levels.sequence,
        price_decimals=price_decimals,
        scale=scale_for(largest, bids.best or asks.best or 0.0, size_decimals, at_least),
        step=None if step is None else float(step),
        level_decimals=price_decimals if step is None else _decimals(step),
        last=last,
        own=own,
    )


class BookPainter(Painter[BookSubject, BookPicture]):
    """Draws an order book, ``depth`` levels a side (1 to 100).

    ``grouping``: a price step, a multiple of the symbol's own; the book is drawn at that step. ``trades``: a live frame
    or feed of the symbol's trades, whose last one is marked. ``orders``: ``client.account.orders()``, whose open orders
    of the symbol are marked with what remains of them. Raises :class:`UsageError`.
    """

    def __init__(
        self, subject: BookSubject, depth: int = 15, grouping: Any = None, trades: Any = None, orders: Any = None
    ) -> None:
        super().__init__(subject)
        self.depth = given.whole("depth", depth, 1, 100)
        self.step = None if grouping is None else _step(grouping, subject)
        self._trades = None if trades is None else LastTrades(trades, subject.symbol)
        self._orders = None if orders is None else OwnOrders(orders, subject.symbol)
        self._decimals = 0

    @property
    def version(self) -> object:
        """Changes whenever there is something new to draw: in the book, its trades, or the account's orders."""
        beside = (each.version for each in (self._trades, self._orders) if each is not None)
        return super().version, *beside

    def picture(self, at: float) -> BookPicture:
        """Ask for the levels, the last trade and the own orders, and take a picture of them."""
        subject = self.subject
        taken = picture(
            subject.levels(self.depth if self.step is None else None),
            self.caption(at),
            depth=self.depth,
            price_decimals=subject.price_decimals,
            size_decimals=subject.size_decimals,
            at_least=self._decimals,
            step=self.step,
            last=None if self._trades is None else self._trades.read(),
            own=None if self._orders is None else self._orders.read(),
        )
        if taken.scale.divisor == 1 and (taken.bids.prices or taken.asks.prices):
            self._decimals = taken.scale.decimals
        return taken

    def html(self, picture: BookPicture) -> str:
        """Render the ladder as two sides of text columns over one depth path each."""
        return ladder.live(picture)

    def static_html(self, picture: BookPicture) -> str:
        """Render the ladder as a table; the depth is one image a side."""
        return ladder.static(picture)

    def text(self, picture: BookPicture, width: int = 80) -> str:
        """Render the ladder side by side, with as many columns as fit."""
        return ladder.plain(picture, width)

    def narrowest(self, picture: BookPicture) -> int:
        """Return from how many cells on the prices are whole."""
        return ladder.narrowest(picture)

    def problem(self, caption: Caption, message: str) -> str:
        """Render an empty frame with the message."""
        return html.frame(caption, label=message, facts="", body="", height=self.height, notice=message)

    @property
    def height(self) -> int:
        """The height of the plot in px."""
        return ladder.height(self.depth)


class _Half:
    """The visible rows of one side, before it is known how large the other is."""

    def __init__(
        self, prices: Any, sizes: Any, depth: int, step: Decimal | None, towards: Callable[[Any], Any]
    ) -> None:
        self._step, self._towards = None if step is None else float(step), towards
        price, size = (np.asarray(column, dtype=float) for column in (prices, sizes))
        if step is None:
            price, size = price[:depth], size[:depth]
        known = np.isfinite(price) & np.isfinite(size)
        if not known.all():
            price, size = price[known], size[known]
        self.best: float | None = float(price[0]) if len(price) else None
        if step is not None:
            price, size = self._grouped(price, size, depth)
        self._prices, self._sizes = tuple(price.tolist()), tuple(size.tolist())
        self._totals = tuple(accumulate(self._sizes))
        self.total = self._totals[-1] if self._totals else 0.0

    def _grouped(self, price: Any, size: Any, depth: int) -> tuple[Any, Any]:
        count = depth * _FIRST_TRY
        while True:
            groups, sums = self._joined(price[:count], size[:count])
            if len(groups) > depth or count >= len(price):  # the last group may go on in what was not read
                return groups[:depth], sums[:depth]
            count *= 4

    def _joined(self, price: Any, size: Any) -> tuple[Any, Any]:
        with np.errstate(over="ignore", invalid="ignore"):  # a price beyond all reason is at no row
            return joined(price, size, self._step, self._towards)  # type: ignore[arg-type]

    def _at(self, orders: tuple[tuple[float, float], ...]) -> dict[float, float]:
        """Return sizes by the prices that the rows have."""
        if self._step is None or not orders:
            return dict(orders)
        price, size = self._joined(*np.array(orders).T)
        return dict(zip(price.tolist(), size.tolist(), strict=True))

    def row(self, last: LastTrade | None) -> int | None:
        """Return at which row a trade was, if at one of these."""
        price = next(iter(self._at(((last.price, 1.0),))), None) if last else None
        return self._prices.index(price) if price in self._prices else None

    def side(self, largest: float, orders: tuple[tuple[float, float], ...], last: int | None) -> Side:
        prices, own = self._prices, self._at(orders)
        bars = [min(100.0, max(0.0, total / largest * 100)) if largest > 0 else 0.0 for total in self._totals]
        mine = tuple([own.get(price, 0.0) for price in prices]) if own else (0.0,) * len(prices)
        return Side(prices, self._sizes, self._totals, tuple(bars), mine, last)


def _step(grouping: Any, subject: BookSubject) -> Decimal:
    """Return a price step as an exact number; raises :class:`UsageError` where it is no multiple of the tick."""
    tick = getattr(subject, "price_increment", None) or Decimal(1).scaleb(-subject.price_decimals)
    problem = UsageError(
        f"grouping={given.shown(grouping)}: write a multiple of the tick of {subject.symbol}, {tick:f}"
    )
    if isinstance(grouping, bool | str):
        raise problem
    try:
        step = Decimal(str(grouping))
        if not step.is_finite() or step <= 0 or step % tick:
            raise problem
    except InvalidOperation:
        raise problem from None
    return step


def _decimals(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))
