"""What trades and klines give as methods: the same of a live frame and of ``df.kucoin``, symbol by symbol."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kucoin_stream.analytics import bars, trades
from kucoin_stream.analytics import returns as prices
from kucoin_stream.analytics.columns import is_klines, labels, tops
from kucoin_stream.analytics.intervals import Interval
from kucoin_stream.analytics.trades import Window
from kucoin_stream.errors import UsageError


def by_symbol(frame: pd.DataFrame, function: Callable[[pd.DataFrame], Any]) -> Any:
    """Return what ``function`` makes of a frame; of one with several symbols it is made of each, under its name."""
    if not _several(frame):
        return function(frame)
    parts = {symbol: function(part) for symbol, part in frame.groupby("symbol", observed=True)}
    symbols = pd.Index(list(parts), dtype=frame["symbol"].dtype, name="symbol")
    if isinstance(next(iter(parts.values())), float):
        return pd.Series(list(parts.values()), index=symbols, dtype="float64")
    return pd.concat(list(parts.values()), keys=symbols, names=["symbol"])


def along(frame: pd.DataFrame, function: Callable[[pd.DataFrame], pd.Series[float]]) -> pd.Series[float]:
    """Return a value for each row of a frame, made of the rows of its symbol."""
    if not _several(frame):
        return function(frame)
    values = np.full(len(frame), np.nan)
    name = ""
    for positions in frame.groupby("symbol", observed=True).indices.values():
        part = function(frame.iloc[positions])
        values[positions], name = part, str(part.name)
    return pd.Series(values, index=frame.index, name=name)


def _check_trades(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of trades; raise :class:`UsageError` for one of best prices: tickers repeat their last trade."""
    if tops(frame) is not None:
        raise UsageError(
            "these are best prices, which count a trade as often as they repeat it: take a frame of trades"
        )
    return frame


def _several(frame: pd.DataFrame) -> bool:
    return "symbol" in frame.columns and frame["symbol"].nunique() > 1


class PriceStudies:
    """What anything with prices gives. Numbers of a frame with several symbols are a Series, frames are stacked."""

    if TYPE_CHECKING:

        @property
        def df(self) -> pd.DataFrame:
            """The frame."""

    def returns(self, kind: prices.Kind = "log") -> pd.Series[float]:
        """ln(p / p before), or ``"simple"``: p / p before - 1, of each row; see :func:`.analytics.returns.returns`."""
        return along(self.df, lambda frame: prices.returns(prices.price(frame), kind))

    def realised_volatility(self, every: Interval | None = None, *, annual: bool = False) -> Any:
        """sqrt(sum of squared log returns), of the price at ``every`` so often; a year's where ``annual``.

        See :func:`.analytics.returns.realised_volatility`.
        """
        return by_symbol(self.df, lambda frame: prices.realised_volatility(frame, every, annual=annual))

    def roll_spread(self) -> Any:
        """2 sqrt(-cov(price change, the one before)); see :func:`.analytics.returns.roll_spread`."""
        return by_symbol(self.df, lambda frame: prices.roll_spread(prices.price(frame)))

    def vwap(self, window: Window | None = None, *, multiplier: float | None = None) -> Any:
        """Sum of price * size / sum of size: of all, or at each trade of those within ``window`` (``100``, ``"30s"``).

        Of klines: turnover / volume of each bar. ``multiplier``: base coins of a lot, of futures; of spot leave it out.
        See :func:`.analytics.trades.vwap`, :func:`.analytics.bars.bar_vwap`.
        """
        frame = self.df
        if is_klines(frame):
            if window is not None:
                raise UsageError("of klines each bar has its own: leave window out")
            return bars.bar_vwap(frame, multiplier)
        _check_trades(frame)
        if window is None:
            return by_symbol(frame, lambda part: trades.vwap(part, multiplier))
        return along(frame, lambda part: trades.rolling_vwap(part, window, multiplier))


class TradeStudies(PriceStudies):
    """What trades give."""

    def ohlcv(self, interval: Interval, *, multiplier: float | None = None, fill: bool = True) -> pd.DataFrame:
        """Klines of any interval: ``"1min"``, ``"1week"``, ``"90s"``; see :func:`.analytics.bars.ohlcv`."""
        return self._made(lambda frame: bars.ohlcv(frame, interval, multiplier=multiplier, fill=fill))

    def tick_bars(self, count: int, *, multiplier: float | None = None) -> pd.DataFrame:
        """A bar for each ``count`` trades; see :func:`.analytics.bars.tick_bars`."""
        return self._made(lambda frame: bars.tick_bars(frame, count, multiplier=multiplier))

    def volume_bars(self, volume: float, *, multiplier: float | None = None) -> pd.DataFrame:
        """A bar for each ``volume`` traded, in the unit of ``size``; see :func:`.analytics.bars.volume_bars`."""
        return self._made(lambda frame: bars.volume_bars(frame, volume, multiplier=multiplier))

    def dollar_bars(self, funds: float, *, multiplier: float | None = None) -> pd.DataFrame:
        """A bar for each ``funds`` of the quote currency traded; see :func:`.analytics.bars.dollar_bars`."""
        return self._made(lambda frame: bars.dollar_bars(frame, funds, multiplier=multiplier))

    def signed_volume(self) -> pd.Series[float]:
        """The size of each trade, below 0 where the taker sold."""
        return trades.signed_volume(_check_trades(self.df))

    def trade_imbalance(self, window: Window | None = None) -> Any:
        """(bought - sold) / (bought + sold), -1 to 1: of all, or at each trade of those within ``window``.

        See :func:`.analytics.trades.trade_imbalance`.
        """
        frame = _check_trades(self.df)
        if window is None:
            return by_symbol(frame, trades.trade_imbalance)
        return along(frame, lambda frame: trades.rolling_imbalance(frame, window))

    def _made(self, function: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
        frame = _check_trades(self.df)
        made: pd.DataFrame = by_symbol(frame, function)
        made.attrs = labels([frame])
        return made


class KlineStudies(PriceStudies):
    """What klines give."""

    def missing_bars(self, interval: Interval | None = None) -> pd.DataFrame:
        """Where bars are missing: ``from``, ``to``, ``bars``; see :func:`.analytics.bars.bar_gaps`."""
        return bars.bar_gaps(self.df, interval)

    def amihud(self) -> float:
        """Mean of abs(simple return) / turnover; see :func:`.analytics.returns.amihud`."""
        return prices.amihud(self.df)
