"""Small charts of lines, one below the other: SVG paths of at most two points a column, and block characters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from kucoin_stream.widgets.drawing import html
from kucoin_stream.widgets.drawing.text import LEVELS, fit, fit_number
from kucoin_stream.widgets.lines.history import COLUMNS

if TYPE_CHECKING:
    from kucoin_stream.widgets.lines.painter import Line, LinesPicture

ROW_PX = 54
TIMES_PX = 16
_PLOT_PX = 44
_LEFT_PX, _RIGHT_PX = 92, 74
_STEP, _HIGH = 10, 1000  # SVG units: a column's width, the chart's height
_RULE = "inset 0 1px 0 rgba(128,128,128,.22)"
_FAR = 100_000  # SVG units or columns from where the coordinates begin
_THIN = 'vector-effect="non-scaling-stroke"'

_Text: TypeAlias = tuple[tuple[float, float, float], str, str, str]
"""Of one column: its values, the points of the line and of a pair's other line, the band between."""


def height(rows: int) -> int:
    """Return the height of the charts in px, the times under them included."""
    return rows * ROW_PX + TIMES_PX


def words(name: str) -> str:
    """Return the name of a measure as it is read."""
    return name.removesuffix("_bps").replace("_", " ")


def value(line: Line) -> str:
    """Return the current value with its unit."""
    return fit_number(line.current, line.decimals, 12).strip() + (f" {line.unit}" if line.unit else "")


def span(seconds: float) -> str:
    """Return a time: ``60 s``, ``2.5 min``."""
    return f"{seconds / 60:g} min" if seconds >= 120 and seconds % 30 == 0 else f"{seconds:g} s"


def live(p: LinesPicture, courses: Sequence[Course]) -> str:
    """Return the rows: name and value, chart, least and most."""
    attributes = html.size("100%", _PLOT_PX)
    rows = "".join(
        f'<div style="display:flex;align-items:center;height:{ROW_PX}px;box-shadow:{_RULE}">'
        f'<div style="flex:none;width:{_LEFT_PX}px;overflow:hidden;white-space:nowrap"><span style="{html.MUTED}">'
        f'{words(each.name)}</span><br><b style="font-size:13px">{value(each)}</b></div>'
        f'<div style="flex:1 1 0;min-width:0">{course.svg(each, p.first, "currentColor", attributes)}</div>'
        f'<div style="flex:none;width:{_RIGHT_PX}px;overflow:hidden;white-space:nowrap;text-align:right;'
        f'font-size:10px;line-height:14px;{html.MUTED}">{_extremes(each)}</div>'
        "</div>"
        for each, course in zip(p.lines, courses, strict=True)
    )
    times = "".join(f"<span>{label}</span>" for label in _times(p))
    return (
        f'{rows}<div style="display:flex;justify-content:space-between;height:{TIMES_PX}px;margin:0 {_RIGHT_PX}px 0 '
        f'{_LEFT_PX}px;font-size:10px;line-height:{TIMES_PX}px;white-space:nowrap;{html.MUTED}">{times}</div>'
    )


def static(p: LinesPicture) -> str:
    """Return the same as a table."""
    cell = "padding:0 4px;border:none;line-height:18px;white-space:nowrap;vertical-align:middle"
    rows = ""
    for each in p.lines:
        document = f'xmlns="http://www.w3.org/2000/svg" width="600" height="{_PLOT_PX}"'
        drawn = html.image(
            Course().svg(each, p.first, html.GREY, document),
            f"width:100%;height:{_PLOT_PX}px;display:block",
            words(each.name),
        )
        rows += (
            f'<tr style="background-color:transparent"><td style="{cell};text-align:left;width:{_LEFT_PX}px">'
            f'<span style="color:{html.GREY}">{words(each.name)}</span><br><b>{value(each)}</b></td>'
            f'<td style="{cell}">{drawn}</td>'
            f'<td style="{cell};text-align:right;width:{_RIGHT_PX}px;font-size:10px;color:{html.GREY}">'
            f"{_extremes(each)}</td></tr>"
        )
    return f'<table style="width:100%;border-collapse:collapse;table-layout:fixed;margin:0">{rows}</table>'


def _times(p: LinesPicture) -> tuple[str, str, str]:
    return f"−{span(p.seconds)}", f"−{span(p.seconds / 2)}", "now"


def _extremes(line: Line) -> str:
    most, least = (fit_number(known, line.decimals, 12).strip() for known in (line.most, line.least))
    return f"↑ {most}<br>↓ {least}"


class Course:
    """The path texts of one line; keeps those of the columns that stay as they are. One thread at a time.

    Coordinates are columns since a *base* and units below an *origin*, both fixed when the first text is made; as time
    goes on, and the values' range changes, only the ``viewBox`` does. All is made anew where that becomes too coarse.
    """

    def __init__(self) -> None:
        self._base = 0
        self._origin, self._unit = 0.0, 0.0
        self._texts: dict[int, _Text] = {}

    def svg(self, line: Line, first: int, ink: str, attributes: str) -> str:
        """Return the chart as an ``<svg>``; ``first`` is the number of its first column."""
        self._fit(line, first)
        texts = self._columns(line, first)
        band = "".join([each[3] for each in texts])
        left, top = (first - self._base) * _STEP, self._y(line.top)
        wide, high_units = COLUMNS * _STEP, self._y(line.bottom) - top
        parts = ""
        if line.fixed:
            parts = f'<path d="M{left},{top + high_units / 2:g}h{wide}" stroke="{ink}" stroke-opacity=".2" {_THIN}/>'
        if band:
            parts += f'<path d="{band}" fill="{ink}" fill-opacity=".2"/>'
        if line.pair:
            parts += _path(
                _joined(line.at, [each[2] for each in texts]), ink, 'stroke-opacity=".6" stroke-dasharray="3 2"'
            )
        parts += _path(_joined(line.at, [each[1] for each in texts]), ink, 'stroke-opacity=".9"')
        return f'<svg {attributes} viewBox="{left} {top} {wide} {high_units}" preserveAspectRatio="none">{parts}</svg>'

    def _fit(self, line: Line, first: int) -> None:
        span = line.top - line.bottom
        coarse = not span / 4 <= self._unit * _HIGH <= span * 4
        if coarse or abs(self._y(line.top)) > _FAR or not 0 <= first - self._base <= _FAR:
            self._base, self._origin, self._unit = first, line.top, span / _HIGH
            self._texts.clear()

    def _y(self, value: float) -> int:
        return round((self._origin - value) / self._unit)

    def _columns(self, line: Line, first: int) -> list[_Text]:
        known, fresh = self._texts, {}
        for at, values in zip(line.at, zip(line.low, line.high, line.last, strict=True), strict=True):
            number = first + at
            text = known.get(number)
            fresh[number] = self._made(number, values, line) if text is None or text[0] != values else text
        self._texts = fresh
        return list(fresh.values())

    def _made(self, number: int, values: tuple[float, float, float], line: Line) -> _Text:
        low, high, last = (self._y(value) for value in values)
        x = (number - self._base) * _STEP
        if line.pair:
            centre = x + _STEP // 2
            return values, f"{centre},{low}", f"{centre},{high}", ""
        band = f"M{x},{low}V{high}h{_STEP}V{low}z" if low != high else ""
        return values, f"{x},{last}h{_STEP}", "", band


def _joined(at: Sequence[int], points: Sequence[str]) -> str:
    """Return a path that goes on from column to column, and begins anew after those that are not known."""
    if not at:
        return ""
    if at[-1] - at[0] == len(at) - 1:
        return "M" + "L".join(points)
    begins = [True, *(b - a > 1 for a, b in pairwise(at))]
    return "".join([("M" if begin else "L") + point for begin, point in zip(begins, points, strict=True)])


def _path(d: str, ink: str, look: str) -> str:
    return f'<path d="{d}" fill="none" stroke="{ink}" {look} {_THIN}/>' if d else ""


def plain(p: LinesPicture, width: int) -> list[str]:
    """Return a line of text for each: name, value, the course, least and most."""
    room = width - 14 - 13 - 24
    columns = max(8, room)
    return [
        f"{fit(words(each.name), 13)} {fit_number(each.current, each.decimals, 12)} {_course(each, columns)} "
        f"{fit_number(each.least, each.decimals, 11)} {fit_number(each.most, each.decimals, 11)}"
        for each in p.lines
    ]


def _course(line: Line, columns: int) -> str:
    cells = [" "] * columns
    for at, low, high in zip(line.at, line.low, line.high, strict=True):
        share = ((low if line.pair else (low + high) / 2) - line.bottom) / (line.top - line.bottom)
        cells[at * columns // COLUMNS] = LEVELS[1 + min(7, max(0, int(share * 8)))]
    return "".join(cells)
