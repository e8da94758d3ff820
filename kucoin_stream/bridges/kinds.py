"""What a frame shows, told by its columns, for those that draw it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd

from kucoin_stream.errors import UsageError

Kind = Literal["ladder", "klines", "trades", "best prices", "rows"]

BEST = (("bid", "ask"), ("best_bid", "best_ask"), ("best_bid_price", "best_ask_price"))
"""Best bid and ask, as books, tickers of spot and tickers of futures call them."""


def kind(frame: pd.DataFrame) -> Kind:
    """Return what the rows are: levels of a book, bars, matches, best prices by time, or anything else."""
    names, timed = set(frame.columns), time_of(frame) is not None
    if {"open", "high", "low", "close"} <= names and timed:
        return "klines"
    if {"bid_size", "bid", "ask", "ask_size"} <= names and not timed:
        return "ladder"
    if {"price", "size", "side"} <= names and timed:
        return "trades"
    if best(frame) and timed:
        return "best prices"
    return "rows"


def floats(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with numbers in place of the Decimals of ``exact=True``, which cannot be drawn."""
    objects = frame.loc[:, [dtype.kind == "O" for dtype in frame.dtypes]]
    exact = [name for name, values in objects.items() if any(isinstance(each, Decimal) for each in values)]
    return frame.astype(dict.fromkeys(exact, "float64"))


def best(frame: pd.DataFrame) -> tuple[str, str] | None:
    """Return the names of the columns of best bid and best ask, if there are such."""
    return next((pair for pair in BEST if set(pair) <= set(frame.columns)), None)


def time_of(frame: pd.DataFrame) -> pd.DatetimeIndex | None:
    """Return the times of the rows, if each has its own: the index, or else the first column of times.

    Rows by symbol have times too, but are no course of time: there are none then.
    """
    if isinstance(frame.index, pd.DatetimeIndex):
        return frame.index
    if not isinstance(frame.index, pd.RangeIndex):
        return None
    name = next((name for name, dtype in frame.dtypes.items() if dtype.kind == "M"), None)
    return None if name is None else pd.DatetimeIndex(frame[name])


def sides(frame: pd.DataFrame) -> dict[str, tuple[Any, Any]]:
    """Return the levels of a ladder by side, best first: prices, and the running sums of the sizes."""
    found = {}
    for side in ("bid", "ask"):
        prices, sizes = (frame[name].to_numpy("float64") for name in (side, f"{side}_size"))
        there = ~np.isnan(prices)
        found[side] = prices[there], np.cumsum(sizes[there])
    return found


def title(frame: pd.DataFrame) -> str:
    """Return what stands over a picture: the name, ``SIMULATED`` where that is so, and the status if it is not live."""
    attrs = frame.attrs
    status = str(attrs.get("status", ""))
    words = [attrs.get("feed", ""), attrs.get("badge", ""), "" if status == "live" else status]
    return " · ".join(str(word) for word in words if word)


def missing(library: str, install: str) -> UsageError:
    """Return the error where a library is not installed."""
    return UsageError(f"this needs {library}: pip install {install}")
