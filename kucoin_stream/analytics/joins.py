"""As-of joins: at each moment the newest row of every frame that was known then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from kucoin_stream.analytics.columns import NO_TIME, Ints, in_order, is_klines, labels, time_column, times, utc_ns
from kucoin_stream.analytics.intervals import Interval, check_rows, length_ns, moment_ns
from kucoin_stream.errors import UsageError


def asof(
    frames: Mapping[str, pd.DataFrame],
    every: Interval | None = None,
    tolerance: Interval | None = None,
    *,
    start: Any = None,
    end: Any = None,
) -> pd.DataFrame:
    """Join frames on their times; the columns of each get its name before theirs: ``trades_price``.

    A row for each multiple of ``every`` from the first time of any frame to the last one, the multiple after it; or,
    without ``every``, for each row of the first frame. The index is ``time`` (UTC). In it stands of each frame the
    last row whose time is not later: nothing is known before it happened. So the times of klines (``open high low
    close``) count as begins, and a bar stands only from the begin of the next on; the last one, which may not be over,
    is left out. What is more than ``tolerance`` old is missing, and so is what comes before a frame's first row.

    ``start``, ``end``: no rows before and after, both ends included; what was known at ``start`` counts. A datetime,
    ISO text (UTC where it says nothing else), Unix seconds, or the name of a frame: its first or its last time.

    Of rows of one time the last one counts. A frame of several symbols becomes one of each: ``trades_BTC-USDT_price``.
    ``attrs`` are those that all frames share, and every badge.
    Raises :class:`UsageError` for a frame without times, for a start after the end, and where ``every`` would make more
    than 10,000,000 rows.
    """
    oldest = None if tolerance is None else length_ns(tolerance)
    step = None if every is None else length_ns(every)
    parts = [(name, *_known(name, part)) for title, frame in frames.items() for name, part in _by_symbol(title, frame)]
    if not parts:
        return pd.DataFrame(index=utc_ns(np.empty(0, dtype=np.int64)).rename("time"))
    first, last = _edge("start", start, frames), _edge("end", end, frames)
    if first is not None and last is not None and first > last:
        raise UsageError(f"start={start!r} is after end={end!r}")
    if step is None:
        moments = _within(times(in_order(next(iter(frames.values())))), first, last)
    else:
        moments = _grid([known for _, known, _ in parts], step, first, last)
    columns: dict[str, Any] = {}
    for name, known, rows in parts:
        at = np.searchsorted(known, moments, side="right") - 1
        if oldest is not None and len(known):
            at = np.where(moments - known[at] > oldest, -1, at)
        for column in rows.columns:
            columns[f"{name}_{column}"] = rows[column].array.take(at, allow_fill=True)
    joined = pd.DataFrame(columns, index=utc_ns(moments).rename("time"))
    joined.attrs = labels(frames.values())
    return joined


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
    there = known != NO_TIME
    rows = frame if isinstance(frame.index, pd.DatetimeIndex) else frame.drop(columns=str(time_column(frame)))
    return known[there], rows[there]


def _edge(name: str, given: Any, frames: Mapping[str, pd.DataFrame]) -> int | None:
    """Return an end of the rows in Unix ns: a time, or the first or last one of the frame that is called so."""
    if given is None or not (isinstance(given, str) and given in frames):
        return None if given is None else moment_ns(name, given)
    known = times(frames[given])
    known = known[known != NO_TIME]
    if not len(known):
        return None
    return int(known.min() if name == "start" else known.max())


def _within(moments: Ints, first: int | None, last: int | None) -> Ints:
    begin = 0 if first is None else int(np.searchsorted(moments, first))
    return moments[begin : None if last is None else int(np.searchsorted(moments, last, side="right"))]


def _grid(known: list[Ints], step: int, start: int | None, end: int | None) -> Ints:
    """Return the multiples of ``step`` from ``start`` to ``end``, else from the first time to that after the last."""
    edges = [(int(each[0]), int(each[-1])) for each in known if len(each)]
    if not edges:
        return np.empty(0, dtype=np.int64)
    first = -(-(min(first for first, _ in edges) if start is None else start) // step)
    last = -(-max(last for _, last in edges) // step) if end is None else end // step
    check_rows(last - first + 1, f"{step / 1e9:g}s")
    return np.arange(first, last + 1, dtype=np.int64) * step
