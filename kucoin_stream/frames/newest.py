"""The newest rows as plain values, column by column: a table on the screen needs no DataFrame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, Literal, TypeAlias

import pandas as pd
from msgspec import Struct

from kucoin_stream.analytics.columns import decimals
from kucoin_stream.frames.base import NO_TIME
from kucoin_stream.frames.columns import Column, columns_of
from kucoin_stream.frames.maps import entries, entry_of

Kind: TypeAlias = Literal["time", "number", "text"]
Read: TypeAlias = Callable[[Any], Any]

_NS = {"s": 10**9, "ms": 10**6, "ns": 1}


class Values(Struct, frozen=True):
    """A column: its ``values``, oldest first; times are in Unix ns, and what is missing is ``None`` or NaN."""

    name: str
    kind: Kind
    values: list[Any]


def of_messages(payload: type[Any], messages: Sequence[Any], first: str = "", *, exact: bool = False) -> list[Values]:
    """Return the columns of messages of one type, the one called ``first`` before all others.

    Numbers with a fraction are Decimals if ``exact``.
    """
    readers = _readers(payload, exact)  # type: ignore[arg-type]  # types are hashable
    if entry_of(payload):
        messages = entries(messages)
    columns = [Values(name, kind, list(map(read, messages))) for name, kind, read in readers]
    return sorted(columns, key=lambda each: each.name != first) if first else columns


def of_frame(frame: pd.DataFrame) -> list[Values]:
    """Return the columns of a DataFrame, after its index where that has a name."""
    if frame.index.name:
        frame = frame.reset_index()
    return [_of_series(str(name), series) for name, series in frame.items()]


@cache
def _readers(payload: type[Any], exact: bool) -> list[tuple[str, Kind, Read]]:
    return [_reader(column, exact) for column in columns_of(payload)]  # type: ignore[arg-type]  # types are hashable


def _reader(column: Column, exact: bool) -> tuple[str, Kind, Read]:
    read: Read = attrgetter(column.path)
    if column.unit:
        return column.name, "time", _time(read, _NS[column.unit])
    if column.category or column.code == "O":
        return column.name, "text", read
    return column.name, "number", _decimal(read) if exact and column.code == "d" else read


def _decimal(read: Read) -> Read:
    def decimal(message: Any) -> Decimal | None:
        value = read(message)
        return None if value is None else decimals([value])[0]

    return decimal


def _time(read: Read, factor: int) -> Read:
    def time_ns(message: Any) -> int | None:
        value = read(message)
        return None if value is None else value * factor

    return time_ns


def _of_series(name: str, series: pd.Series[Any]) -> Values:
    if isinstance(series.dtype, pd.DatetimeTZDtype) or series.dtype.kind == "M":
        stamps = pd.DatetimeIndex(series).as_unit("ns").asi8.tolist()
        return Values(name, "time", [None if each == NO_TIME else each for each in stamps])
    values = [None if each is pd.NA or each is pd.NaT else each for each in series.tolist()]
    return Values(name, "number" if series.dtype.kind in "fiu" else "text", values)
