"""Values and columns of answers, as the catalogue's fields type them. What does not fit its type stays as it came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd

from kucoin_stream.frames.base import NO_TIME, utc
from kucoin_stream.protocol.endpoints.endpoint import INSTANTS, Field

_CATEGORIES = frozenset({"symbol", "side"})
_MISFITS = (ValueError, TypeError, OverflowError, InvalidOperation)
_EMPTY = (None, "")
_NEVER = 10**15  # ms: the year 33,658; ns: 12 days after 1970


def column(name: str, field: Field, values: Sequence[Any], *, exact: bool) -> Any:
    """Return a column: UTC times, float64 (Decimals if ``exact``), int64, bool, categories, else objects.

    Integers and booleans are of pandas' nullable kind where some are missing.
    """
    try:
        return _column(name, field, values, exact)
    except _MISFITS:
        return _objects(values)


def _column(name: str, field: Field, values: Sequence[Any], exact: bool) -> Any:
    if field.unit in INSTANTS:
        times = [NO_TIME if each in _EMPTY else _instant(each, field.unit) for each in values]
        return utc(np.array(times, np.int64), field.unit)
    missing = any(each is None for each in values)
    match field.type:
        case "decimal" | "number" if exact:
            return _objects([None if each in _EMPTY else Decimal(str(each)) for each in values])
        case "decimal" | "number":
            return np.array([np.nan if each in _EMPTY else float(each) for each in values], np.float64)
        case "integer" if "" in values or missing:
            return pd.array([None if each in _EMPTY else _whole(each) for each in values], "Int64")
        case "integer":
            return np.array([_whole(each) for each in values], np.int64)
        case "boolean":
            return pd.array(list(values), "boolean") if missing else np.array([_truth(each) for each in values], bool)
        case "string" if field.enum or name in _CATEGORIES:
            return pd.Categorical(list(values))
    return _objects(values)


def value(field: Field, given: Any, *, exact: bool) -> Any:
    """Return one value: a UTC timestamp, a float (a Decimal if ``exact``), an integer, else as it came."""
    if given is None:
        return None
    try:
        return _value(field, given, exact)
    except _MISFITS:
        return given


def _value(field: Field, given: Any, exact: bool) -> Any:
    if field.unit in INSTANTS:
        return pd.NaT if given == "" else utc(np.array([_instant(given, field.unit)], np.int64), field.unit)[0]
    number: Callable[[Any], Any] = (lambda each: Decimal(str(each))) if exact else float
    match field.type:
        case "decimal" | "number":
            return None if given == "" else number(given)
        case "integer":
            return None if given == "" else _whole(given)
        case "array<number>":
            return [number(each) for each in given]
    return given


def _objects(values: Sequence[Any]) -> Any:
    return pd.Series(list(values), dtype=object)


def _instant(given: Any, unit: str) -> int:
    """Return a time in ``unit``; some that should be in ms came in ns."""
    found = _whole(given)
    return found // 1_000_000 if unit == "ms" and found >= _NEVER else found


def _whole(given: Any) -> int:
    """Return an integer; raise :class:`ValueError` for what would lose its fraction."""
    if isinstance(given, bool) or int(given) != (Decimal(given) if isinstance(given, str) else given):
        raise ValueError(given)
    return int(given)


def _truth(given: Any) -> bool:
    if not isinstance(given, bool):
        raise TypeError(given)
    return given
