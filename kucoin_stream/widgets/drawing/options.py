"""Values of a picture's options, checked; whole numbers are checked by :mod:`kucoin_stream.given`."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from kucoin_stream import given
from kucoin_stream.errors import UsageError


def amount(name: str, value: object, least: float, most: float, unit: str) -> float:
    """Return a number from ``least`` to ``most``; raises :class:`UsageError`."""
    hint = f"a number of {unit} from {least:g} to {most:,g}"
    if least <= (known := given.number(name, value, hint)) <= most:
        return known
    raise UsageError(f"{name}={given.shown(value)}: {hint}")


def choice(name: str, value: object, known: Sequence[str]) -> str:
    """Return one of the ``known`` words; raises :class:`UsageError`, which names the nearest."""
    if isinstance(value, str) and value in known:
        return value
    near = get_close_matches(str(value), known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"write one of {', '.join(known)}"
    raise UsageError(f"{name}={given.shown(value)}: {hint}")
