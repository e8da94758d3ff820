"""As-of joins: at each moment the newest row of every frame that was known then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from kucoin_stream.analytics.columns import Ints, in_order, is_klines, time_column, times, utc_ns
from kucoin_stream.analytics.intervals import Interval, check_rows, length_ns
from kucoin_stream.errors import UsageError


def asof(
    frames: Mapping[str, pd.DataFrame], every: Interval | None = None, tolerance: Interval | None = None
) -> pd.DataFrame:
    """Join frames on their times; the columns of each get its name before theirs: ``trades_price``.

    A row for each multiple of ``every`` from the first time of any frame to the last one, the multiple after it; or,
    without ``every``, for each row of the first frame. The index is ``time`` (UTC). In it stands of each frame the
    last row whose time is not later: nothing is known before it happened. So the times of klines (``open high low
    close``) count as begins, and a bar stands only from the begin of the next on; the last one, which may not be over,
    is left out. What is more than ``tolerance`` old is missing, and so is what comes before a frame's first row.

    Of rows of one time the last one counts. A frame of several symbols becomes one of each: ``trades_BTC-USDT_price``.
    Raises :class:`UsageError` for a frame without times, and where ``every`` would make more than 10,000,000 rows.
    """
    oldest = None if tolerance is None else length_ns(tolerance)
    step = None if every is None else length_ns(every)
    parts = [(name, *_known(name, part)) for title, frame in frames.items() for name, part in _by_symbol(title, frame)]
    if not parts:
        return pd.DataFrame(index=utc_ns(np.empty(0, dtype=np.int64)).rename("time"))
    if step is None:
        moments = times(in_order(next(iter(frames.values()))))
    else:
        moments = _grid([known for _, known, _ in parts], step)
    columns: dict[str, Any] = {}
    for name, known, rows in parts:
        at = np.searchsorted(known, moments, side="right") - 1
        if oldest is not None and len(known):
            at = np.where(moments - known[at] > oldest, -1, at)
        for column in rows.columns:
            columns[f"{name}_{column}"] = rows[column].array.take(at, allow_fill=True)
    return pd.DataFrame(columns, index=utc_ns(moments).rename("time"))


def _by_symbol(title: str, frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    if "symbol" not in frame.columns or frame["symbol"].nunique() < 2:
        yield title, frame
        return
    for symbol, part in frame.groupby("symbol", observed=True):
        yield f"{title}_{symbol}", part.drop(columns="symbol")


def _known(name: str, frame: pd.DataFrame) -> tuple[Ints, pd.DataFrame]:
    """Return since when each row is known, in Unix ns, and the rows without that column."""
    if not len(frame.columns) or (not isinstance(frame.index, pd.DatetimeIndex) and time_column(frame) is None):
        raise UsageError(f"{name}: a frame to be joined needs a column or an index of times")
    frame = in_order(frame)
    known = times(frame)
    if is_klines(frame):
        return known[1:], frame.iloc[:-1]
    there = known != np.iinfo(np.int64).min  # NaT
    rows = frame if isinstance(frame.index, pd.DatetimeIndex) else frame.drop(columns=str(time_column(frame)))
    return known[there], rows[there]


def _grid(known: list[Ints], step: int) -> Ints:
    """Return the multiples of ``step`` from the first time to the one after the last, that one included."""
    edges = [(int(each[0]), int(each[-1])) for each in known if len(each)]
    if not edges:
        return np.empty(0, dtype=np.int64)
    first = -(-min(first for first, _ in edges) // step)
    last = -(-max(last for _, last in edges) // step)
    check_rows(last - first + 1, f"{step / 1e9:g}s")
    return np.arange(first, last + 1, dtype=np.int64) * step
