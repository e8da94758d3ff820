"""Where bars begin."""

from __future__ import annotations

import contextlib
from datetime import date, timedelta
from numbers import Real

import numpy as np
import pandas as pd

from kucoin_stream.analytics.columns import Ints
from kucoin_stream.errors import UsageError
from kucoin_stream.given import shown
from kucoin_stream.protocol.topic import INTERVALS

Interval = str | timedelta
"""KuCoin's name (``"1min"``, ``"1week"``, protocol.md 4.8), or what pandas takes for a length of time: ``"90s"``."""

_MONTH = "1month"
_SECOND = 1_000_000_000  # ns
_MOST_ROWS = 10_000_000  # 100 ms for eleven days


def length_ns(interval: Interval) -> int:
    """Return the length of an interval in ns; a month's is nominal. Raises :class:`UsageError` for what is none."""
    if isinstance(interval, str) and interval in INTERVALS:
        return INTERVALS[interval] * _SECOND
    length = _length(interval)
    if length is None:
        names = ", ".join(INTERVALS)
        raise UsageError(f"no such interval {shown(interval)}: write {names}, or a length such as '90s'")
    if not length > pd.Timedelta(0):
        raise UsageError(f"an interval is longer than {shown(interval)}")
    return int(length.as_unit("ns").value)


def _length(interval: object) -> pd.Timedelta | None:
    """Return a length of time, ``None`` for what is none: a number without a unit would be one of nanoseconds."""
    if isinstance(interval, timedelta | np.timedelta64):
        return pd.Timedelta(interval)
    if not isinstance(interval, str) or not any(letter.isalpha() or letter == ":" for letter in interval):
        return None
    try:
        return pd.Timedelta(f"1{interval}" if interval.isalpha() else interval)
    except ValueError:
        return None


def moment_ns(name: str, given: object) -> int:
    """Return a time in Unix ns: a datetime, ISO text, or Unix seconds; UTC where it says nothing else.

    Raises :class:`UsageError` for what is none, under the ``name`` of the argument.
    """
    found = None
    with contextlib.suppress(ValueError, OverflowError):
        if isinstance(given, Real) and not isinstance(given, bool):
            found = pd.Timestamp(float(given), unit="s", tz="UTC")
        elif isinstance(given, str | date | np.datetime64):
            found = pd.Timestamp(given)
    if not isinstance(found, pd.Timestamp):  # NaT is none
        raise UsageError(f"{name}={shown(given)}: write a datetime, Unix seconds, or text such as '2026-01-31 12:00'")
    return int((found.tz_localize("UTC") if found.tz is None else found).as_unit("ns").value)


def bar_starts(times_ns: Ints, interval: Interval) -> Ints:
    """Return the begins, in Unix ns, of the bars that times fall into.

    A bar begins at a multiple of its length since 1970, in UTC, so a week on Thursday; a month of KuCoin's is the
    calendar's. (Where the exchange's weeks begin is not documented: protocol.md 11.)
    """
    if interval == _MONTH:
        months = times_ns.view("M8[ns]").astype("M8[M]")
        return months.astype("M8[ns]").view(np.int64)
    return times_ns - times_ns % length_ns(interval)


def all_starts(first_ns: int, last_ns: int, interval: Interval) -> Ints:
    """Return the begins of all bars from the one of ``first_ns`` to the one of ``last_ns``, both included."""
    first, last = bar_starts(np.array([first_ns, last_ns], dtype=np.int64), interval).tolist()
    if interval == _MONTH:
        edges = np.array([first, last]).view("M8[ns]").astype("M8[M]")
        return np.arange(edges[0], edges[1] + 1).astype("M8[ns]").view(np.int64)
    step = length_ns(interval)
    check_rows((last - first) // step + 1, interval)
    return np.arange(first, last + step, step, dtype=np.int64)


def check_rows(count: int, interval: Interval | None) -> None:
    """Raise :class:`UsageError` for more rows than memory is likely to hold."""
    if count > _MOST_ROWS:
        raise UsageError(
            f"at every {interval!r} this would make {count:,} rows: choose a longer one, or cut the frames"
        )


def skipped(begins_ns: Ints, interval: Interval | None) -> tuple[Ints, Ints]:
    """Return of each bar but the last where the one after it should begin, and how many are missing before the next.

    ``None``: bars are as long as the shortest step between two of them.
    """
    if interval == _MONTH:
        months = begins_ns.view("M8[ns]").astype("M8[M]")
        return (months[:-1] + 1).astype("M8[ns]").view(np.int64), np.diff(months).astype(np.int64) - 1
    steps = np.diff(begins_ns)
    length = int(steps.min()) if interval is None else length_ns(interval)
    return begins_ns[:-1] + length, steps // length - 1
