"""Values of a picture's options, checked; whole numbers are checked by :mod:`kucoin_stream.given`."""

from __future__ import annotations

from collections.abc import Sequence

from kucoin_stream import given
from kucoin_stream.errors import UsageError, hint


def amount(name: str, value: object, least: float, most: float, unit: str) -> float:
    """Return a number from ``least`` to ``most``; raises :class:`UsageError`."""
    wanted = f"a number of {unit} from {least:g} to {most:,g}"
    if least <= (known := given.number(name, value, wanted)) <= most:
        return known
    raise UsageError(f"{name}={given.shown(value)}: {wanted}")


def choice(name: str, value: object, known: Sequence[str]) -> str:
    """Return one of the ``known`` words; raises :class:`UsageError`, which names the nearest."""
    if isinstance(value, str) and value in known:
        return value
    raise UsageError(f"{name}={given.shown(value)}; {hint(value, known)}")
