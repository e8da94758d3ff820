"""Text shared by the pictures: cells of a terminal, numbers that fit, bars of block characters."""

from __future__ import annotations

import unicodedata

from kucoin_stream.widgets.drawing.html import clean, clock, is_narrow
from kucoin_stream.widgets.drawing.picture import Caption

_EIGHTHS = " ▏▎▍▌▋▊▉█"
LEVELS = " ▁▂▃▄▅▆▇█"


def cells(text: str) -> int:
    """Count the terminal cells of a clean line; wide characters take two."""
    if is_narrow(text):
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fit(text: object, width: int, align: str = "<") -> str:
    """Return foreign text cut or padded to exactly ``width`` cells."""
    line = clean(text)
    if cells(line) > width:
        while line and cells(line) > width - 1:
            line = line[:-1]
        line = line + "…" if width > 0 else ""
    space = " " * max(0, width - cells(line))
    return space + line if align == ">" else line + space


def fit_number(value: float | None, decimals: int, width: int) -> str:
    """Return ``value`` in ``width`` cells, right-aligned, with fewer decimals or an exponent where it must."""
    if value is None:
        return "–".rjust(width)
    for text in (f"{value:,.{decimals}f}", f"{value:.{decimals}f}", f"{value:.{max(0, width - 6)}e}", f"{value:.0e}"):
        if len(text) <= width:
            return text.rjust(width)
    return "#" * width


def bar(percent: float, width: int, align: str = "<") -> str:
    """Return a bar of ``width`` cells, filled to ``percent``; ``">"`` grows to the left, in half cells."""
    if align == ">":
        halves = round(percent / 100 * width * 2)
        return ("▐" * (halves % 2) + "█" * (halves // 2)).rjust(width)[:width]
    eighths = round(percent / 100 * width * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()).ljust(width)[:width]


def both(left: str, right: str, width: int) -> str:
    """Return a line with ``left`` and ``right`` at its ends; ``right`` gives way last."""
    right = clean(right)
    room = width - cells(right) - 1
    if room < 8:
        return fit(right, width)
    return f"{fit(left, room)} {right}"


def head(caption: Caption, width: int) -> str:
    """Return the line with title, badge and status; the badge is never cut off."""
    mark = f"[{clean(caption.badge, 20)}]" if caption.badge else ""
    room = width - cells(mark) - 2
    status = fit("● " + clean(caption.status), min(cells("● " + clean(caption.status)), max(8, room * 3 // 5)))
    title = clean(caption.title)
    title = fit(title, min(cells(title), max(4, room - cells(status) - 1)))
    return both(f"{title} {mark}".rstrip(), status, width)


def foot(caption: Caption, left: str, width: int) -> str:
    """Return the last line, with the time of the picture."""
    return both(left, f"updated {clock(caption.at)} UTC", width)
