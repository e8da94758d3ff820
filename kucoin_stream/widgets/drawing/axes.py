"""Axes: round prices and round times, and where their labels go. Pure."""

from __future__ import annotations

import math
from functools import lru_cache
from time import gmtime, strftime

from msgspec import Struct

from kucoin_stream.widgets.drawing.html import number

LABEL_PX = 16  # a label of the price axis needs this much
GRID_PX, DENSE_PX = 50, 24  # about one label in so many px, and where that makes few
FEW = 4
DAY_S = 86_400
TIME_STEPS_S = tuple(
    60 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 2880, 10080, 20160, 43200, 129600)
)


class Mark(Struct, frozen=True):
    """A label of an axis; ``percent`` from the top of the price plot, or from its left edge."""

    percent: float
    label: str


def price_marks(top: float, bottom: float, decimals: int, last: float | None, height: int) -> tuple[Mark, ...]:
    """Choose round prices for a plot ``height`` px high, clear of the last price's label at ``last`` per cent."""
    needed = LABEL_PX / height * 100
    least = max(2, height // GRID_PX)
    edge = (top - bottom) / height * LABEL_PX / 2
    for count in range(least, max(least, height // DENSE_PX) + 1):
        step, step_decimals = round_step((top - bottom) / count)
        steps = range(math.ceil((bottom + edge) / step), math.floor((top - edge) / step) + 1)
        if len(steps) >= FEW or step < 2 * 10.0**-decimals:
            break
    marks = []
    for k in steps:
        percent = (top - k * step) / (top - bottom) * 100
        if last is None or abs(percent - last) >= needed:
            marks.append(Mark(percent, number(k * step, min(decimals, step_decimals))))
    return tuple(marks[:20])


def round_step(wanted: float) -> tuple[float, int]:
    """Return the round number nearest to ``wanted`` (1, 2, 2.5 or 5 times a power of ten) and its decimals."""
    exponent = math.floor(math.log10(wanted))
    power = 10.0**exponent
    factor = min((1, 2, 2.5, 5, 10), key=lambda m: abs(math.log(m * power / wanted)))
    decimals = -exponent + (1 if factor == 2.5 else -1 if factor == 10 else 0)
    return factor * power, max(0, decimals)


@lru_cache(maxsize=64)  # a bar's length of pictures have the same
def time_marks(starts: tuple[int, ...], count: int, interval_seconds: int) -> tuple[Mark, ...]:
    """Mark the first bar of each round time step, four or five in a full picture; the newest bar is at the right."""
    if not starts:
        return ()
    span = max(starts[-1] - starts[0], count * interval_seconds)
    step = next((s for s in TIME_STEPS_S if span / s <= 5), max(1, span // 4))
    form = "%H:%M" if step < DAY_S else "%d %b" if step < 30 * DAY_S else "%b %Y"
    first = count - len(starts)
    marks = []
    for i in range(1, len(starts)):
        if starts[i] // step != starts[i - 1] // step:
            midnight = step < DAY_S and starts[i] // DAY_S != starts[i - 1] // DAY_S
            label = strftime("%d %b" if midnight else form, gmtime(starts[i]))
            marks.append(Mark((first + i + 0.5) / count * 100, label))
    return tuple(mark for mark in marks[-8:] if 4 <= mark.percent <= 96)
