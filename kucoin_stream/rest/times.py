"""Times of arguments, as users write them, in the unit that a call wants."""

from __future__ import annotations

import datetime
from typing import Any

import pandas as pd

from kucoin_stream.errors import UsageError

Time = datetime.datetime | datetime.date | pd.Timestamp | str | int | float
"""What stands for a time: without a zone it is UTC; text is ISO; a number is in the unit of the call."""

_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "ns": 1}
_BETWEEN = 10**11  # a number below is in s (until the year 5138), one above in ms (since 1973)


def instant(given: Any, unit: str) -> int:
    """Return a Unix time in ``unit``; raise :class:`UsageError` with what to write."""
    if isinstance(given, str) and given.strip().isdecimal():
        given = int(given)
    if isinstance(given, (int, float)) and not isinstance(given, bool) and given == given:
        return _number(given, unit)
    return timestamp(given).value // _NANOSECONDS[unit]


def day(given: Any) -> str:
    """Return a day as ``yyyymmdd``."""
    text = str(given)
    return text if text.isdecimal() and len(text) == len("yyyymmdd") else f"{timestamp(given):%Y%m%d}"


def timestamp(given: Any) -> pd.Timestamp:
    """Return a time as a UTC timestamp."""
    try:
        found = None if isinstance(given, (bool, int, float)) else pd.Timestamp(given).as_unit("ns")
    except (ValueError, TypeError, OverflowError):
        found = None
    if not isinstance(found, pd.Timestamp):  # NaT is none
        raise UsageError(f"not a time: {str(given)[:50]!r}; write a datetime, or text such as '2026-01-31 12:00'")
    return found.tz_localize("UTC") if found.tz is None else found.tz_convert("UTC")


def _number(given: float, unit: str) -> int:
    whole = int(given)
    if whole and (whole > _BETWEEN) != (unit != "s") and unit != "ns":
        raise UsageError(f"not a time in {unit}: {whole}; this call takes Unix {unit}, a datetime, or ISO text")
    return whole
