"""Money and sizes of the account: exact decimals, read from what clients send, written as KuCoin writes them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

from kucoin_stream.simulator.ladder import units
from kucoin_stream.simulator.market import RestError

ZERO = Decimal(0)
CENT = Decimal("1e-8")  # the smallest part of an inverse contract's money
_LONGEST = 40  # characters of a number

Number = str | int | float | None
"""A number as a client sends it; empty text and nothing are the same."""


def written(value: Decimal) -> str:
    """Return plain digits, without zeros at the end."""
    text = f"{value + 0:f}"  # + 0: no negative zero
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimal(given: Number, name: str, refuse: Callable[[str], RestError]) -> Decimal:
    """Return a number above 0; 0 where none is given. ``refuse`` makes the error."""
    text = "" if given is None else str(given)
    if not text:
        return ZERO
    try:
        value = Decimal(text) if len(text) <= _LONGEST else Decimal("nan")
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or not 0 <= value < 10**16:
        raise refuse(f"{name} is invalid")
    return value


def steps(given: Number, scale: int, name: str, refuse: Callable[[str], RestError]) -> int:
    """Return a number above 0 in steps of ``10**-scale``; 0 where none is given."""
    value = decimal(given, name, refuse)
    try:
        return units(str(value), scale)
    except ValueError:
        raise refuse(f"Order {name} increment invalid.") from None


def floor(value: Decimal, step: Decimal = CENT) -> Decimal:
    """Return a value without what is smaller than ``step``."""
    return value.quantize(step, ROUND_DOWN)


def number(value: Decimal) -> Any:
    """Return a value as a JSON number."""
    return int(value) if value == value.to_integral_value() else float(value)
