"""Overlays: the studies of one picture, named by the user, and their values bar by bar.

Theory of operation: the values of closed bars are computed once; a picture adds those of the newest bar, from as few
bars as they need. Only a function is called for each picture, since nobody knows what its values depend on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import pandas as pd
from msgspec import Struct

from kucoin_stream.errors import UsageError, hint
from kucoin_stream.widgets.candles.studies import Bollinger, Column, Ema, Function, Given, Known, Made, Sma, Study, Vwap
from kucoin_stream.widgets.drawing.html import clean

MOST = 6  # overlays in one picture
LONGEST = 1000  # bars of a window
PRICES = ("open", "high", "low", "close")

Overlay: TypeAlias = "str | pd.Series[float] | Function"


class Line(Struct, frozen=True):
    """A value for each bar shown, or ``None``; the lines of one overlay have the same ``look``."""

    name: str
    look: int
    values: tuple[float | None, ...]
    low: float | None  # of the values
    high: float | None

    @classmethod
    def through(cls, name: str, look: int, values: tuple[float | None, ...]) -> Line:
        """Return the line with these values."""
        known = [value for value in values if value is not None]
        return cls(name, look, values, min(known, default=None), max(known, default=None))

    def going_on(self, value: float | None, name: str) -> Line:
        """Return this line with one more value."""
        if value is None:
            return Line(name, self.look, (*self.values, None), self.low, self.high)
        low = value if self.low is None or value < self.low else self.low
        high = value if self.high is None or value > self.high else self.high
        return Line(name, self.look, (*self.values, value), low, high)


class Overlays:
    """The overlays of one picture, with what they said of closed bars. One thread at a time."""

    def __init__(self, wanted: Sequence[Overlay] | Overlay, interval_seconds: int) -> None:
        """Raise :class:`UsageError` for an overlay that is none."""
        several = isinstance(wanted, Sequence) and not isinstance(wanted, str)
        each: Any = wanted if several else (wanted,)
        if len(each) > MOST:
            raise UsageError(f"{len(each)} overlays: {MOST} in one picture; draw the others in another widget")
        self.studies = [study(overlay, interval_seconds) for overlay in each]
        self.lead = max((each.lead for each in self.studies), default=0)
        self._closed: object = None
        self._kept: list[tuple[Line, ...]] = []
        self.computed = 0  # how often the closed bars were

    def lines(self, bars: Known, count: int) -> tuple[tuple[Line, ...], tuple[str, ...]]:
        """Return the lines for the newest ``count`` bars, and what went wrong with functions."""
        if not self.studies or not len(bars):
            return (), ()
        closed = (count, bars.start_s[:-1].tobytes(), bars.columns[:, :-1].tobytes())
        if closed != self._closed:
            before = bars[:-1]
            self._kept = [() if each.each_time else _lines(each, look, before, count - 1) for look, each in self._each]
            self._closed = closed
            self.computed += 1
        lines: list[Line] = []
        problems: list[str] = []
        for (look, each), kept in zip(self._each, self._kept, strict=True):
            try:
                lines += _lines(each, look, bars, count) if each.each_time else _going_on(each, kept, bars)
            except Exception as exc:  # noqa: BLE001  the user's function: its error is shown in the picture
                problems.append(clean(f"{each.name}: {type(exc).__name__}: {exc}", 120))
        return tuple(lines), tuple(problems)

    @property
    def _each(self) -> Iterable[tuple[int, Study]]:
        return enumerate(self.studies)


def _lines(each: Study, look: int, bars: Known, count: int) -> tuple[Line, ...]:
    return tuple(
        Line.through(each.name, look, tuple([_real(value) for value in curve[-count:].tolist()]))
        for curve in each.curves(bars)
    )


def _going_on(each: Study, kept: Sequence[Line], bars: Known) -> Iterable[Line]:
    """Return lines with the values of the newest bar."""
    before = [math.nan if not line.values or (last := line.values[-1]) is None else last for line in kept]
    name = each.label(bars)
    return [line.going_on(_real(value), name) for line, value in zip(kept, each.newest(bars, before), strict=True)]


def study(overlay: Overlay, interval_seconds: int) -> Study:
    """Return the study that an overlay names: ``"sma 20"``, a function, a Series. Raises :class:`UsageError`."""
    if isinstance(overlay, pd.Series):
        return Given(overlay)
    if callable(overlay):
        return Made(overlay)
    if not isinstance(overlay, str):
        raise UsageError(f"overlay {overlay!r}: write 'sma 20', or pass a function of the DataFrame, or a Series")
    spaced = re.sub(r"^([a-z]+)(?=\d)|[(),]", r"\1 ", overlay.lower().strip())  # "sma20" and "sma(20)" are "sma 20"
    name, *rest = spaced.split() or [""]
    known = ("sma", "ema", "bollinger", "vwap", *PRICES)
    if name not in known:
        raise UsageError(f"no overlay {overlay!r}; {hint(name, known)}")
    if name == "bollinger":
        length, width = _parameters(overlay, rest, ("20", "2"))
        return Bollinger(_length(overlay, length, 2), _width(overlay, width))
    if name in ("sma", "ema"):
        (length,) = _parameters(overlay, rest, ("20",))
        return (Sma if name == "sma" else Ema)(_length(overlay, length, 1))
    _parameters(overlay, rest, ())
    return Vwap(interval_seconds) if name == "vwap" else Column(name)


def _parameters(overlay: str, given: Sequence[str], usual: Sequence[str]) -> Sequence[str]:
    if len(given) > len(usual):
        name = overlay.split()[0]
        raise UsageError(f"overlay {overlay!r}: write {' '.join([name, *usual])!r}")
    return [*given, *usual[len(given) :]]


def _length(overlay: str, text: str, least: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= LONGEST:
        raise UsageError(f"overlay {overlay!r}: {text!r} is no number of bars, write {least} to {LONGEST}")
    return int(text)


def _width(overlay: str, text: str) -> float:
    try:
        width = float(text)
    except ValueError:
        width = 0.0
    if not 0 < width <= 10:
        raise UsageError(f"overlay {overlay!r}: {text!r} is no number of deviations, write one above 0, 10 at most")
    return width


def _real(value: float) -> float | None:
    return value if abs(value) < math.inf else None
