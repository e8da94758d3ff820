"""What a message says of itself: its symbol and its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache, partial
from numbers import Real
from typing import Any

from msgspec import Struct

from kucoin_stream.errors import UsageError

_TIMES = {  # of the message itself, the best first; nanoseconds in one of the unit
    "time_ns": 1,
    "ts_ns": 1,
    "updated_ns": 1,
    "time_ms": 10**6,
    "timestamp_ms": 10**6,
    "ts_ms": 10**6,
    "current_timestamp_ms": 10**6,
}


def symbol_of(message: Any) -> Any:
    """Return the symbol of a message or of a dict; ``None`` where it has none."""
    if isinstance(message, dict):
        return message.get("symbol")
    return getattr(message, "symbol", None)


@cache
def time_field(kind: type[Any]) -> str | None:
    """Return the field of a message type that says when it was, the exchange's time; ``None`` where none does."""
    fields = getattr(kind, "__struct_fields__", ())
    return next((name for name in _TIMES if name in fields), None)


def time_ns_of(message: Any) -> int:
    """Return the exchange's time of a message, Unix ns; the time of now where it says none.

    What a user made of a message is read by the same names, of a dict or of any object, or by ``time``, a datetime.
    """
    if isinstance(message, Struct):
        name = time_field(type(message))
        value = None if name is None else getattr(message, name)
    else:
        name, value = _told(message)
    return time.time_ns() if name is None or value is None else int(value * _TIMES[name])


def _told(message: Any) -> tuple[str | None, Any]:
    """Return the name and the value of the time that something says."""
    told = message.get if isinstance(message, dict) else partial(_field, message)
    for name in _TIMES:
        if (value := told(name)) is not None:
            return name, value
    moment = told("time")
    if not isinstance(moment, datetime):
        return None, None
    from pandas import Timestamp

    stamp = Timestamp(moment)
    return "time_ns", (stamp if stamp.tz is not None else stamp.tz_localize("UTC")).as_unit("ns").value


def _field(message: Any, name: str) -> Any:
    return getattr(message, name, None)


def seconds(every: float | str | timedelta) -> float:
    """Return a length of time in seconds: a number of them, a timedelta, or what pandas reads, such as ``"100ms"``.

    Raises :class:`UsageError` where it is none, or not above zero.
    """
    length = 0.0
    if isinstance(every, str) and not every.strip().isdecimal():  # pandas takes "5" for nanoseconds
        from pandas import Timedelta

        with suppress(ValueError):
            length = Timedelta(every).total_seconds()
    elif isinstance(every, timedelta):
        length = every.total_seconds()
    elif isinstance(every, Real) and not isinstance(every, bool):
        length = float(every)
    if not 0 < length < float("inf"):
        raise UsageError(f"every={every!r} is no length of time above zero, such as 0.5 (seconds) or '100ms'")
    return length


def reader(key: str | Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what reads ``key`` from a message: the name of a field, or a function."""
    if callable(key):
        return key

    def read(message: Any) -> Any:
        return message[key] if isinstance(message, dict) else getattr(message, key)

    return read
