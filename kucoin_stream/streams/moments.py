"""What a message says of itself: its symbol and its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

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
    """Return the exchange's time of a message, Unix ns; the time of now where it says none."""
    name = time_field(type(message))  # type: ignore[arg-type]  # types are hashable
    value = None if name is None else getattr(message, name)
    return time.time_ns() if name is None or value is None else value * _TIMES[name]


def seconds(every: float | str | timedelta) -> float:
    """Return a length of time in seconds: a number of them, a timedelta, or what pandas reads, such as ``"100ms"``.

    Raises :class:`UsageError` where it is none, or not above zero.
    """
    if isinstance(every, str):
        from pandas import Timedelta

        try:
            length = Timedelta(every).total_seconds()
        except ValueError as exc:
            raise UsageError(f"every={every!r} is no length of time, such as 0.5 (seconds) or '100ms'") from exc
    else:
        length = every.total_seconds() if isinstance(every, timedelta) else float(every)
    if not 0 < length < float("inf"):
        raise UsageError(f"every={every!r}: a length of time is above zero")
    return length


def reader(key: str | Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what reads ``key`` from a message: the name of a field, or a function."""
    if callable(key):
        return key

    def read(message: Any) -> Any:
        return message[key] if isinstance(message, dict) else getattr(message, key)

    return read
