"""Numbers that users give, checked in the call that is given them: each error names it and says what to write."""

from __future__ import annotations

import math
from contextlib import suppress
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from kucoin_stream.errors import UsageError

MOST_ROWS = 1_000_000_000
"""Rows of a frame that no memory holds: what is above was meant otherwise."""

_LONGEST = 1e8  # seconds; what operating systems wait for ends somewhere


def whole(name: str, given: Any, least: int = 1, most: int = MOST_ROWS) -> int:
    """Return a whole number from ``least`` to ``most``; a numpy integer is one, a truth value is none."""
    if isinstance(given, Integral) and not isinstance(given, bool) and least <= int(given) <= most:
        return int(given)
    raise UsageError(f"{name}={shown(given)}: a whole number from {least} to {most:,}")


def levels(given: Any, name: str = "levels") -> int | None:
    """Return how many levels a side are meant; ``None`` are all of them."""
    return None if given is None else whole(name, given)


def number(name: str, given: Any, hint: str = "a number") -> float:
    """Return a finite number as float; a text or a truth value is none."""
    if math.isfinite(value := _real(given)):
        return value
    raise UsageError(f"{name}={shown(given)}: {hint}")


def above(name: str, given: Any, hint: str = "a number above 0") -> float:
    """Return a finite number above 0."""
    if (value := number(name, given, hint)) > 0:
        return value
    raise UsageError(f"{name}={shown(given)}: {hint}")


def multiplier(given: Any) -> float | None:
    """Return the multiplier of a contract: below 0 of an inverse one, ``None`` of spot."""
    hint = "base coins of a lot, as client.contract(symbol).multiplier tells; of spot leave it out"
    if given is None:
        return None
    if value := number("multiplier", given, hint):
        return value
    raise UsageError(f"multiplier={shown(given)}: {hint}")


def patience(given: Any) -> float:
    """Return seconds to wait: 0 looks once, infinity is years."""
    if (value := _real(given)) >= 0:
        return min(value, _LONGEST)
    raise UsageError(f"timeout={shown(given)}: a number of seconds, such as 10.0")


def _real(given: Any) -> float:
    """Return a number as float, NaN for what is none or too large for one."""
    if isinstance(given, Real | Decimal) and not isinstance(given, bool):
        with suppress(ValueError, OverflowError):
            return float(given)
    return math.nan


def shown(given: Any) -> str:
    """Return what was given as a message has room for it."""
    return repr(given)[:50]
