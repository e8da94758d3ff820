"""The columns of a frame as numpy arrays, by what they mean; an empty frame has them all."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kucoin_stream import given
from kucoin_stream.errors import UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LADDER = ("bid_size", "bid", "ask", "ask_size")
_TOPS = (("bid", "bid_size", "ask", "ask_size"),
         ("best_bid", "best_bid_size", "best_ask", "best_ask_size"),
         ("best_bid_price", "best_bid_size", "best_ask_price", "best_ask_size"))  # fmt: skip
"""Best bid and ask with their sizes, as book, tickers of spot and tickers of futures call them."""


def floats(frame: pd.DataFrame, name: str) -> Floats:
    """Return a column as float64. Raises :class:`UsageError` where there are rows without it."""
    if name in frame.columns:
        return frame[name].to_numpy("float64", na_value=np.nan)
    if len(frame):
        raise UsageError(f"this frame has no column {name!r}; there are: {', '.join(map(str, frame.columns))}")
    return np.empty(0)


def times(frame: pd.DataFrame) -> Ints:
    """Return the index, or else the first column that holds times, in Unix ns; without a time zone it is UTC.

    Raises :class:`UsageError` where there are rows and no times.
    """
    if isinstance(frame.index, pd.DatetimeIndex):
        return _ns(frame.index)
    name = time_column(frame)
    if name is not None:
        return _ns(pd.DatetimeIndex(frame[name]))
    if len(frame):
        raise UsageError(f"this frame has no times; its columns are: {', '.join(map(str, frame.columns))}")
    return np.empty(0, dtype=np.int64)


def time_column(frame: pd.DataFrame) -> str | None:
    """Return the name of the first column that holds times, if there is one."""
    return next((str(name) for name, dtype in frame.dtypes.items() if dtype.kind == "M"), None)


def _ns(index: pd.DatetimeIndex) -> Ints:
    values: Any = index.as_unit("ns")
    return np.asarray(values.asi8, dtype=np.int64)


def utc_ns(values: Ints) -> pd.DatetimeIndex:
    """Return Unix ns as UTC timestamps."""
    return pd.DatetimeIndex(values.view("M8[ns]"), tz="UTC")


DIGITS = 15
"""How many digits of a decimal number a float keeps whatever they are (IEEE 754, binary64)."""


def decimals(values: Iterable[float]) -> list[Decimal | None]:
    """Return the shortest decimal numbers that floats stand for; ``None`` for NaN.

    Of a text with at most :data:`DIGITS` digits that is the number of the text itself.
    """
    return [None if value != value else Decimal(repr(value)) for value in values]


NO_TIME = int(np.iinfo(np.int64).min)
"""What stands for NaT among times in ns."""


def counted(trades: pd.DataFrame) -> pd.DataFrame:
    """Return trades by time; those without a price, a size or a time are left out: they count nowhere."""
    there = ~np.isnan(floats(trades, "price")) & ~np.isnan(floats(trades, "size")) & (times(trades) != NO_TIME)
    return in_order(trades if bool(there.all()) else trades[there])


def labels(frames: Iterable[pd.DataFrame]) -> dict[Any, Any]:
    """Return the ``attrs`` that all frames share, for what is made of them; and every badge, so that it stays seen."""
    attrs = [frame.attrs for frame in frames]
    shared = {
        key: value
        for key, value in (attrs[0] if attrs else {}).items()
        if all(key in each and each[key] == value for each in attrs)
    }
    badges = dict.fromkeys(each["badge"] for each in attrs if each.get("badge"))
    return shared | ({"badge": " ".join(badges)} if badges else {})


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows by time; rows of one time stay as they are."""
    known = times(frame)
    return frame if bool(np.all(known[1:] >= known[:-1])) else frame.iloc[np.argsort(known, kind="stable")]


def has(frame: pd.DataFrame, names: Iterable[str]) -> bool:
    """Whether all these columns are there."""
    return set(names) <= set(frame.columns)


def is_klines(frame: pd.DataFrame) -> bool:
    """Whether the rows are bars."""
    return has(frame, ("open", "high", "low", "close"))


def tops(frame: pd.DataFrame) -> tuple[str, str, str, str] | None:
    """Return the names of best bid, its size, best ask and its size, of a frame with a row for each moment."""
    if not isinstance(frame.index, pd.DatetimeIndex) and time_column(frame) is None:
        return None
    return next((names for names in _TOPS if has(frame, names)), None)


def amounts(prices: Floats, sizes: Floats, multiplier: float | None = None) -> tuple[Floats, Floats]:
    """Return what sizes are in base and in quote currency.

    ``multiplier``, of a contract: base coins a lot; below 0, of an inverse contract: a lot is that many units of the
    quote currency (protocol.md 0.4, 8.3.1). Without it sizes are in the base currency. Raises :class:`UsageError` for
    a multiplier that is none.
    """
    multiplier = given.multiplier(multiplier)
    if multiplier is not None and multiplier < 0:
        quote = sizes * -multiplier
        with np.errstate(divide="ignore", invalid="ignore"):
            return quote / prices, quote
    base = sizes if multiplier is None else sizes * multiplier
    return base, base * prices


def turnover(prices: Floats, sizes: Floats, multiplier: float | None = None) -> Floats:
    """Return what sizes are in the currency that is paid: the quote currency, of an inverse contract the base's."""
    base, quote = amounts(prices, sizes, multiplier)
    return base if multiplier is not None and multiplier < 0 else quote


def ratio(above: Any, below: Any) -> Any:
    """Divide; where there is nothing to divide by the result is NaN. Of arrays, Series and numbers."""
    with np.errstate(divide="ignore", invalid="ignore"):
        divided = np.true_divide(above, below)
    if np.ndim(below):
        return divided.where(below != 0) if isinstance(divided, pd.Series) else np.where(below == 0, np.nan, divided)
    return float(divided) if below else float("nan")
