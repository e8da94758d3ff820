"""Candles and volumes as the path text of an SVG, and as block characters.

Theory of operation: the text of closed bars is made once. Its coordinates are whole steps of a *unit* below an *origin*
price, both fixed when the text is made; a picture with another price range only changes the ``viewBox`` of the SVG,
which is stretched over the plot (``preserveAspectRatio="none"``, strokes that do not scale).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kucoin_stream.widgets.candles.curves import GLYPHS, LOOKS, Curves, svg_markers
from kucoin_stream.widgets.drawing import html
from kucoin_stream.widgets.drawing.text import LEVELS, fit

if TYPE_CHECKING:
    from kucoin_stream.widgets.candles.painter import KlinesPicture

STEP = 10  # SVG units from bar to bar
BODY = 7  # SVG units, width of a body
RESOLUTION = 5000  # units in the price range for which a path is made


class Plot:
    """Path text of candles and volumes; keeps that of closed bars. One thread at a time."""

    def __init__(self) -> None:
        self._closed: tuple[Any, ...] | None = None
        self._origin = self._unit = self._volume_unit = 1.0
        self._paths: tuple[str, str, str, str] = ("", "", "", "")
        self._drawn: tuple[Any, tuple[str, str, str, str]] = (None, self._paths)
        self._curves = Curves()
        self.made = 0  # how often the closed bars were made anew

    def price_svg(self, p: KlinesPicture, ink: str, attributes: str, markers_px: int = 0) -> str:
        """Return the candles, the grid in ``ink``, the last price and the overlays, as an ``<svg>``.

        ``markers_px``: the height of the plot, where it is to hold the markers too.
        """
        up, down, _, _ = self._paths_of(p)
        top, bottom, width = self._y(p.top), self._y(p.bottom), p.count * STEP
        height = bottom - top
        grid = "".join([f"M0,{top + m.percent / 100 * height:.1f}H{width}" for m in p.prices])
        grid += "".join([f"M{m.percent / 100 * width:.1f},{top:.1f}V{bottom:.1f}" for m in p.times])
        thin = 'vector-effect="non-scaling-stroke"'
        last = ""
        if p.last:
            y = top + p.last.percent / 100 * height
            colour = html.UP if p.close[-1] >= p.open[-1] else html.DOWN
            last = f'<path d="M0,{y:.1f}H{width}" stroke="{colour}" stroke-dasharray="2 3" fill="none" {thin}/>'
        lines = self._curves.svg(p.lines, p.count, self._origin, self._unit, STEP)
        markers = svg_markers(p, STEP, self._y, height / markers_px) if markers_px else ""
        return (
            f'<svg {attributes} viewBox="0 {top:.1f} {width} {height:.1f}" preserveAspectRatio="none">'
            f'<path d="{grid}" stroke="{ink}" stroke-opacity=".13" fill="none" {thin}/>{last}'
            f'<path d="{up}" fill="{html.UP}" stroke="{html.UP}" {thin}/>'
            f'<path d="{down}" fill="{html.DOWN}" stroke="{html.DOWN}" {thin}/>{lines}{markers}</svg>'
        )

    def volume_svg(self, p: KlinesPicture, attributes: str) -> str:
        """Return the volumes as an ``<svg>``."""
        _, _, up, down = self._paths_of(p)
        height = max(max(p.volume, default=0.0) / self._volume_unit, 1e-6) * 1.04
        return (
            f'<svg {attributes} viewBox="0 {-height:.6g} {p.count * STEP} {height:.6g}" preserveAspectRatio="none">'
            f'<path d="{up}" fill="{html.UP}" fill-opacity=".5"/>'
            f'<path d="{down}" fill="{html.DOWN}" fill-opacity=".5"/></svg>'
        )

    def _paths_of(self, p: KlinesPicture) -> tuple[str, str, str, str]:
        if p is not self._drawn[0]:
            self._prepare(p)
            self._drawn = p, self._with_last(p)
        return self._drawn[1]

    def _prepare(self, p: KlinesPicture) -> None:
        closed = (p.count, p.start_s[:-1], p.open[:-1], p.high[:-1], p.low[:-1], p.close[:-1], p.volume[:-1])
        if closed == self._closed:
            return
        self._closed = closed
        self._origin, self._unit = p.top, (p.top - p.bottom) / RESOLUTION
        self._volume_unit = max(max(p.volume, default=0.0) / RESOLUTION, 1e-12)
        self._paths = self._make(p, 0, len(p.close) - 1)
        self._curves.forget()
        self.made += 1

    def _with_last(self, p: KlinesPicture) -> tuple[str, str, str, str]:
        if not p.close:
            return "", "", "", ""
        n = len(p.close)
        a, b, c, d = self._paths
        e, f, g, h = self._make(p, n - 1, n)
        return a + e, b + f, c + g, d + h

    def _y(self, price: float) -> float:
        return (self._origin - price) / self._unit

    def _make(self, p: KlinesPicture, begin: int, end: int) -> tuple[str, str, str, str]:
        """Return rising, falling candles and rising, falling volumes of the bars from ``begin`` to before ``end``."""
        candles: tuple[list[str], list[str]] = ([], [])
        volumes: tuple[list[str], list[str]] = ([], [])
        origin, unit, volume_unit = self._origin, self._unit, self._volume_unit
        x = (p.count - len(p.close) + begin) * STEP + (STEP - BODY) / 2
        for i in range(begin, end):
            opened, close = p.open[i], p.close[i]
            falling = close < opened
            upper, lower = (opened, close) if falling else (close, opened)
            y = round((origin - upper) / unit)
            candles[falling].append(
                f"M{x + BODY / 2:g},{(origin - p.high[i]) / unit:.0f}V{(origin - p.low[i]) / unit:.0f}"
                f"M{x:g},{y}h{BODY}v{round((origin - lower) / unit) - y}h-{BODY}z"
            )
            volumes[falling].append(f"M{x:g},0v{-p.volume[i] / volume_unit:.0f}h{BODY}V0z")
            x += STEP
        return "".join(candles[0]), "".join(candles[1]), "".join(volumes[0]), "".join(volumes[1])


TEXT_ROWS = 12
TEXT_VOLUME_ROWS = 2


def text_plot(p: KlinesPicture, columns: int, axis: int) -> list[str]:
    """Return the rows of the price plot with their axis, ``axis`` cells wide, then those of the volume."""
    grid = [[" "] * columns for _ in range(TEXT_ROWS + TEXT_VOLUME_ROWS)]
    labels = [""] * len(grid)
    for mark in (*p.prices, p.last):
        if mark:
            labels[_text_row(mark.percent / 100)] = mark.label
    largest = max(p.volume, default=0.0) or 1.0
    span, first = p.top - p.bottom, columns - len(p.close)
    for x, (opened, high, low, close, volume) in enumerate(
        zip(p.open, p.high, p.low, p.close, p.volume, strict=True), first
    ):
        a, b, c, d = (_text_row((p.top - price) / span) for price in (high, low, opened, close))
        for y in range(a, b + 1):
            grid[y][x] = "│"
        for y in range(min(c, d), max(c, d) + 1):
            grid[y][x] = "█" if close >= opened else "▒"
        eighths = round(volume / largest * TEXT_VOLUME_ROWS * 8)
        for r in range(TEXT_VOLUME_ROWS):
            grid[-1 - r][x] = LEVELS[min(8, max(0, eighths - 8 * r))]
    _overlay(p, grid, first)
    return ["".join(line) + fit(label, axis, ">") for line, label in zip(grid, labels, strict=True)]


def _overlay(p: KlinesPicture, grid: list[list[str]], first: int) -> None:
    """Put lines where nothing else is, and markers over everything."""
    for line in p.lines:
        for x, value in enumerate(line.values, first):
            if value is not None and p.bottom <= value <= p.top:
                y = _text_row((p.top - value) / (p.top - p.bottom))
                if grid[y][x] == " ":
                    grid[y][x] = LOOKS[line.look].glyph
    for marker in p.markers:
        if p.bottom <= marker.price <= p.top:
            y = _text_row((p.top - marker.price) / (p.top - p.bottom))
            grid[y][first + marker.bar] = GLYPHS[marker.side]


def _text_row(share: float) -> int:
    return min(TEXT_ROWS - 1, max(0, int(share * TEXT_ROWS)))
