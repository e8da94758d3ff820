"""What trades say: mean price and imbalance, of all or of the last ones at each.

A trade has ``price`` (quote currency), ``size`` (base currency; of futures lots of ``multiplier`` base coins each),
``side`` (the taker's) and a time. These are trades of one symbol, in any order; one without price or size counts
nowhere.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
import pandas as pd

from kucoin_stream.analytics.columns import Floats, amounts, floats, ratio, times
from kucoin_stream.analytics.intervals import Interval, length_ns
from kucoin_stream.errors import UsageError
from kucoin_stream.given import shown, whole

Window = int | Interval
"""So many trades, or those of a length of time: ``"30s"``."""


def vwap(trades: pd.DataFrame, multiplier: float | None = None) -> float:
    """Sum of price * size / sum of size, in the quote currency; NaN of no trades.

    Of contracts: the sum in quote currency / the sum in base currency, which differs where a contract is inverse.
    Source: Berkowitz, Logue, Noser, "The total cost of transactions on the NYSE", Journal of Finance 43 (1988).
    """
    base, quote = _amounts(trades, multiplier)
    return float(ratio(np.nansum(quote), np.nansum(base)))


def rolling_vwap(trades: pd.DataFrame, window: Window, multiplier: float | None = None) -> pd.Series[float]:
    """As :func:`vwap`, at each trade of it and those before it within ``window``; the index is that of ``trades``."""
    base, quote = _amounts(trades, multiplier)
    values = ratio(rolling_sum(trades, quote, window), rolling_sum(trades, base, window))
    return pd.Series(values, index=trades.index, name="vwap", dtype="float64")


def _amounts(trades: pd.DataFrame, multiplier: float | None) -> tuple[Floats, Floats]:
    """Return what was traded in base and in quote currency, NaN of both where price or size is not told."""
    prices, sizes = floats(trades, "price"), floats(trades, "size")
    there = ~np.isnan(prices) & ~np.isnan(sizes)
    return amounts(np.where(there, prices, np.nan), np.where(there, sizes, np.nan), multiplier)


def signed_volume(trades: pd.DataFrame) -> pd.Series[float]:
    """The size of each trade, below 0 where the taker sold; NaN where the side is not told. Unit of ``size``."""
    return pd.Series(_signs(trades) * floats(trades, "size"), index=trades.index, name="signed_volume")


def trade_imbalance(trades: pd.DataFrame) -> float:
    """(bought - sold) / (bought + sold) of sizes by the taker's side: -1 to 1; NaN of no trades.

    Source: Chordia, Roll, Subrahmanyam, "Order imbalance, liquidity, and market returns", J. Financial Economics 65
    (2002): their order imbalance, scaled.
    """
    signed = signed_volume(trades).to_numpy()
    return float(ratio(np.nansum(signed), np.nansum(np.abs(signed))))


def rolling_imbalance(trades: pd.DataFrame, window: Window) -> pd.Series[float]:
    """As :func:`trade_imbalance`, at each trade of it and those before it within ``window``."""
    signed = np.nan_to_num(_signs(trades) * floats(trades, "size"))
    bought, total = rolling_sum(trades, signed, window), rolling_sum(trades, np.abs(signed), window)
    return pd.Series(ratio(bought, total), index=trades.index, name="imbalance", dtype="float64")


def _signs(trades: pd.DataFrame) -> Floats:
    if "side" not in trades.columns:
        if len(trades):
            raise UsageError(f"this frame has no column 'side'; there are: {', '.join(map(str, trades.columns))}")
        return np.empty(0)
    sides = trades["side"].astype(object).to_numpy()
    return np.select([sides == "buy", sides == "sell"], [1.0, -1.0], np.nan)


def rolling_sum(trades: pd.DataFrame, values: Floats, window: Window) -> Floats:
    """Return the sum at each row, in the order of time, over it and the rows before it within ``window``.

    A number of rows, fewer at the begin; or a time: rows that are less than it older. Raises :class:`UsageError`.
    """
    rows = _window(window)
    if not len(values):
        return values
    known = times(trades)
    order = np.argsort(known, kind="stable")
    index = pd.DatetimeIndex(known[order].view("M8[ns]"))
    ordered = pd.Series(values[order], index=index)
    sums = ordered.rolling(rows, min_periods=1).sum().to_numpy()
    result: Floats = np.empty(len(values))
    result[order] = sums
    return result


def _window(window: Window) -> int | pd.Timedelta:
    """Return a number of trades or a length of time. Raises :class:`UsageError` for what is neither."""
    try:
        if isinstance(window, Integral):
            return whole("window", window)
        return pd.Timedelta(length_ns(window), "ns")  # type: ignore[arg-type]  # no number: that is a window of rows
    except UsageError:
        raise UsageError(
            f"window={shown(window)}: a number of trades from 1 on, or a length of time such as '30s'"
        ) from None
