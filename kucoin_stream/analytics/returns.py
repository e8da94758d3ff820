"""Returns, and what is estimated from them: realised volatility, effective spread, illiquidity."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from kucoin_stream.analytics.columns import Floats, Ints, floats, in_order, is_klines, ratio, times, tops
from kucoin_stream.analytics.intervals import Interval, check_rows, length_ns
from kucoin_stream.errors import UsageError

Kind = Literal["log", "simple"]

YEAR_S = 365 * 86_400
"""Seconds of a year: this market never closes."""

_NAN = float("nan")


def price(frame: pd.DataFrame) -> pd.Series[float]:
    """Return the price of each row: the close of klines, the price of trades, the mid of best bids and asks."""
    names = tops(frame)
    if is_klines(frame) or "price" in frame.columns or names is None:
        values = floats(frame, "close" if is_klines(frame) else "price")
    else:
        values = (floats(frame, names[0]) + floats(frame, names[2])) / 2
    return pd.Series(values, index=frame.index, name="price", dtype="float64")


def returns(prices: pd.Series[float], kind: Kind = "log") -> pd.Series[float]:
    """ln(p / p before) or, ``"simple"``, p / p before - 1, a pure number; the first is NaN. Same index as ``prices``.

    A price that is not above 0 has no return. Raises :class:`UsageError` for another kind.
    """
    if kind not in ("log", "simple"):
        raise UsageError(f"kind={kind!r}: write 'log' or 'simple'")
    growth = _growth(np.asarray(prices, dtype=np.float64))
    values = np.concatenate([[_NAN], np.log(growth) if kind == "log" else growth - 1])[: len(prices)]
    return pd.Series(values, index=prices.index, name="return", dtype="float64")


def _growth(prices: Floats) -> Floats:
    positive = np.where(prices > 0, prices, np.nan)
    growth: Floats = positive[1:] / positive[:-1]
    return growth


def realised_volatility(frame: pd.DataFrame, every: Interval | None = None, *, annual: bool = False) -> float:
    """sqrt(sum of squared log returns) of the prices, a pure number, over the time that they span.

    ``every``: of the last price at each of these times only, so that the bounce between bid and ask does not count as
    movement (5 minutes are usual); all prices by default, as is right for klines. ``annual``: times sqrt(year / span),
    a year of 365 days. NaN of fewer than two prices, or annual without a span. Raises :class:`UsageError` where
    ``every`` would make more than 10,000,000 of them.
    Source: Andersen, Bollerslev, "Answering the skeptics", International Economic Review 39 (1998).
    """
    step = None if every is None else length_ns(every)
    frame = in_order(frame)
    prices, known = np.asarray(price(frame), dtype=np.float64), times(frame)
    there = prices > 0
    prices, known = prices[there], known[there]
    if step is not None:
        prices, known = _sampled(prices, known, step)
    if len(prices) < 2:
        return _NAN
    volatility = float(np.sqrt(np.square(np.diff(np.log(prices))).sum()))
    span = float(known[-1] - known[0]) / 1e9
    if not annual:
        return volatility
    return volatility * float(np.sqrt(YEAR_S / span)) if span else _NAN


def _sampled(prices: Floats, known: Ints, step: int) -> tuple[Floats, Ints]:
    """Return the last price at each multiple of ``step`` within the time of the prices."""
    if not len(known):
        return prices, known
    check_rows(int(known[-1] - known[0]) // step + 1, f"{step / 1e9:g}s")
    grid = np.arange(-(-known[0] // step) * step, known[-1] + 1, step, dtype=np.int64)
    return prices[np.searchsorted(known, grid, side="right") - 1], grid


def roll_spread(prices: pd.Series[float]) -> float:
    """2 sqrt(-c), c the covariance of each price change with the one before: the effective spread, quote currency.

    NaN where c is above 0 or there are fewer than two pairs of changes. Source: Roll, "A simple implicit measure of
    the effective bid-ask spread in an efficient market", Journal of Finance 39 (1984).
    """
    changes = np.diff(prices.to_numpy("float64"))
    later, before = changes[1:], changes[:-1]
    there = ~np.isnan(later) & ~np.isnan(before)
    if np.count_nonzero(there) < 2:
        return _NAN
    covariance = float(np.cov(later[there], before[there])[0, 1])
    return 2 * float(np.sqrt(-covariance)) if covariance <= 0 else _NAN


def amihud(klines: pd.DataFrame) -> float:
    """Mean of abs(simple return) / turnover over the bars that have both: per unit of the quote currency.

    NaN of none. Source: Amihud, "Illiquidity and stock returns", Journal of Financial Markets 5 (2002).
    """
    moves = np.abs(returns(price(klines), "simple").to_numpy())
    each = ratio(moves, floats(klines, "turnover"))
    each = each[~np.isnan(each)]
    return float(each.mean()) if len(each) else _NAN
