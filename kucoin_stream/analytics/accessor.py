"""``df.kucoin``: what a frame of a book, of best prices, of trades or of klines gives.

Importing this module makes pandas know it: whatever makes frames imports it, and so does ``import kucoin_stream``
where pandas was imported before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import pandas as pd

from kucoin_stream import given
from kucoin_stream.analytics import book
from kucoin_stream.analytics.book import Sides, Sweep
from kucoin_stream.analytics.columns import decimals, ratio, tops
from kucoin_stream.analytics.studies import KlineStudies, TradeStudies
from kucoin_stream.bridges import Bridged
from kucoin_stream.market.book import imbalance


@pd.api.extensions.register_dataframe_accessor("kucoin")
class Kucoin(TradeStudies, KlineStudies, Bridged):
    """Analytics of a frame, chosen by its columns; made by nobody: write ``df.kucoin``.

    A ladder is ``book.df`` (or ``book.bids``, ``book.asks``): its scalars are numbers. Best prices are a row for each
    moment (``book.tops().df``, a ticker's frame): the same scalars are Series. Trades and klines give what their live
    frames give. ``multiplier`` is that of a contract, whose sizes are lots; ``whole`` says that a ladder holds all
    levels of its book, which a frame alone does not know. Raises :class:`UsageError` where a column is missing.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    @property
    def df(self) -> pd.DataFrame:
        """The frame itself."""
        return self._frame

    def exact(self) -> pd.DataFrame:
        """The frame with Decimals in place of its floats, ``None`` of NaN: ``book.df.kucoin.exact()``.

        They are the numbers that the exchange sent as far as these had at most 15 digits, as prices and sizes mostly
        have; of longer ones, of sums and of means the last digits are those of the float.
        """
        frame = self._frame.copy()
        for name in frame.columns[[dtype.kind == "f" for dtype in frame.dtypes]]:
            frame[name] = pd.Series(decimals(frame[name].tolist()), index=frame.index, dtype=object)
        return frame

    def _best(self) -> tuple[Any, Any, Any, Any]:
        names = tops(self._frame)
        if names is None:
            return book.best(book.ladder(self._frame))
        bid, bid_size, ask, ask_size = (self._frame[name].astype("float64") for name in names)
        return bid, bid_size, ask, ask_size

    @property
    def mid(self) -> Any:
        """(best bid + best ask) / 2, in the quote currency."""
        bid, _, ask, _ = self._best()
        return book.mid(bid, ask)

    @property
    def microprice(self) -> Any:
        """The mid weighted by the other side's size; see :func:`.analytics.book.microprice`."""
        return book.microprice(*self._best())

    @property
    def spread(self) -> Any:
        """Best ask - best bid, in the quote currency."""
        bid, _, ask, _ = self._best()
        return ask - bid

    @property
    def spread_bps(self) -> Any:
        """10,000 spread / mid."""
        bid, _, ask, _ = self._best()
        return book.spread_bps(bid, ask)

    def imbalance(self, levels: int | None = 10) -> Any:
        """(bids - asks) / (bids + asks) of the sizes of the best ``levels``, -1 to 1; of best prices, of that one.

        ``None``: of all levels.
        """
        levels = given.levels(levels)
        if tops(self._frame) is not None:
            _, bid_size, _, ask_size = self._best()
            return ratio(bid_size - ask_size, bid_size + ask_size)
        known = book.ladder(self._frame)
        return imbalance(known.bid_sizes[:levels], known.ask_sizes[:levels])

    def depth(
        self, bps: float | Iterable[float] = 10.0, *, multiplier: float | None = None, whole: bool = False
    ) -> pd.DataFrame:
        """What stands within ``bps`` of the mid; see :func:`.analytics.book.depth`."""
        return book.depth(book.ladder(self._frame), bps, multiplier, whole=whole)

    def sweep(
        self,
        side: Literal["buy", "sell"],
        *,
        size: float | None = None,
        funds: float | None = None,
        multiplier: float | None = None,
        whole: bool = False,
    ) -> Sweep:
        """What a market order would get; see :func:`.analytics.book.sweep`."""
        return book.sweep(book.ladder(self._frame), side, size, funds, multiplier, whole=whole)

    def grouped(self, tick: float) -> pd.DataFrame:
        """The ladder at multiples of ``tick``; see :func:`.analytics.book.grouped`."""
        return book.grouped(book.ladder(self._frame), tick)

    def weighted(self, levels: int | None = 10) -> Sides:
        """The mean price of each side's best ``levels``, by size."""
        return book.weighted(book.ladder(self._frame), levels)

    def notional(self, levels: int | None = None, *, multiplier: float | None = None) -> Sides:
        """Sum of price * size of each side's best ``levels``, in the quote currency."""
        return book.notional(book.ladder(self._frame), levels, multiplier)
