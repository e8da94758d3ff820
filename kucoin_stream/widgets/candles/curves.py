"""Overlays and markers as SVG and HTML: the path text of lines, kept for closed bars; arrows; the legend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kucoin_stream.widgets.candles.markers import Marker
from kucoin_stream.widgets.candles.overlays import Line
from kucoin_stream.widgets.drawing import html

if TYPE_CHECKING:
    from kucoin_stream.widgets.candles.painter import KlinesPicture

_FARTHEST = 1e7  # SVG units: what is farther out is out of sight anyway
_ARROW_PX = 12


class Look(Struct, frozen=True):
    """How the lines of one overlay are drawn; ``glyph`` in a terminal."""

    colour: str
    dash: str
    glyph: str


LOOKS = (
    Look(html.AMBER, "none", "·"),
    Look(html.SKY, "7 3", "∘"),
    Look("#cc79a7", "2 3", "×"),
    Look("#7b8cff", "9 3 2 3", "+"),
    Look("#999933", "5 2 1 2 1 2", "*"),
    Look(html.GREY, "12 4", "~"),
)
GLYPHS = {"buy": "▲", "sell": "▼", "": "◆"}
COLOURS = {"buy": html.UP, "sell": html.DOWN, "": html.AMBER}


class Curves:
    """Path text of lines; keeps that of closed bars. One thread at a time."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Any, str]] = {}  # by place among the lines: values and path
        self.made = 0  # how often the path of a line's closed bars was

    def forget(self) -> None:
        """Make all paths anew: the scale is another."""
        self._kept.clear()

    def svg(self, lines: Sequence[Line], count: int, origin: float, unit: float, step: int) -> str:
        """Return a ``<path>`` for each overlay, with steps of ``unit`` below the price ``origin``, ``step`` a bar."""
        paths: dict[int, str] = {}
        for at, line in enumerate(lines):
            n = len(line.values)
            closed = line.values[:-1]
            x = (count - n) * step + step // 2
            kept = self._kept.get(at)
            if kept is None or kept[0] != (count, closed):
                kept = self._kept[at] = (count, closed), path(closed, x, None, origin, unit, step)
                self.made += 1
            newest = path(line.values[-1:], x + (n - 1) * step, closed[-1] if closed else None, origin, unit, step)
            paths[line.look] = paths.get(line.look, "") + kept[1] + newest
        return "".join(
            f'<path d="{d}" stroke="{LOOKS[look].colour}" stroke-width="1.5" stroke-dasharray="{LOOKS[look].dash}" '
            'fill="none" vector-effect="non-scaling-stroke"/>'
            for look, d in paths.items()
            if d
        )


def path(values: Sequence[float | None], x: int, before: float | None, origin: float, unit: float, step: int) -> str:
    """Return path text through ``values``, one in ``step``, with holes where there is none."""
    made, pen = [], before is not None
    for value in values:
        if value is None:
            pen = False
        else:
            y = min(max((origin - value) / unit, -_FARTHEST), _FARTHEST)
            made.append(f"{'L' if pen else 'M'}{x},{y:.0f}")
            pen = True
        x += step
    return "".join(made)


def svg_markers(p: KlinesPicture, step: int, y_of: Callable[[float], float], tall: float) -> str:
    """Return the markers as triangles, for a plot 960 px wide; ``tall`` is the height of a px in SVG units."""
    wide = p.count * step / 960
    half, high = _ARROW_PX / 2 * wide, _ARROW_PX * tall
    made = dict.fromkeys(GLYPHS, "")
    for marker in p.markers:
        x, y = (p.count - len(p.close) + marker.bar + 0.5) * step, y_of(marker.price)
        foot = y - high if marker.side == "sell" else y + high
        made[marker.side] += f"M{x:.1f},{y:.1f}L{x - half:.1f},{foot:.1f}H{x + half:.1f}z"
    thin = 'stroke="#ffffff" vector-effect="non-scaling-stroke"'
    return "".join(f'<path d="{d}" fill="{COLOURS[side]}" {thin}/>' for side, d in made.items() if d)


def marker_words(marker: Marker, decimals: int) -> str:
    """Return what a marker says: ``sell 0.25 at 66,997.1``."""
    return f"{marker.side} {marker.text} at {html.number(marker.price, decimals)}".strip()


def html_markers(p: KlinesPicture, height: int) -> str:
    """Return the markers as arrows over the price plot, ``height`` px high, whose tips are at time and price."""
    if not p.markers:
        return ""
    span, first = p.top - p.bottom, p.count - len(p.close)
    places: dict[tuple[int, str, int], list[str]] = {}
    for marker in p.markers:
        y = round((p.top - marker.price) / span * height)
        places.setdefault((marker.bar, marker.side, y), []).append(marker_words(marker, p.price_decimals))
    arrows = "".join(
        f'<span title="{html.escape(", ".join(said))}" style="position:absolute;margin-left:-6px;color:{COLOURS[side]};'
        f'left:{(first + bar + 0.5) / p.count:.2%};top:{y - _ARROW_PX * (side == "sell")}px">{GLYPHS[side]}</span>'
        for (bar, side, y), said in places.items()
    )
    shadow = "var(--jp-layout-color0,transparent)"  # what is behind the picture: arrows stand out from candles
    halo = f"1px 1px 1px {shadow},-1px -1px 1px {shadow},1px -1px 1px {shadow},-1px 1px 1px {shadow}"
    return (
        f'<div style="position:absolute;left:0;right:0;top:0;height:{height}px;overflow:hidden;'
        f'font-size:{_ARROW_PX}px;line-height:{_ARROW_PX}px;text-shadow:{halo}">{arrows}</div>'
    )


def legend(p: KlinesPicture) -> list[tuple[int, str, str]]:
    """Return look, name and present values of each overlay."""
    names: dict[int, str] = {}
    values: dict[int, list[str]] = {}
    for line in p.lines:
        names[line.look] = line.name
        values.setdefault(line.look, []).append(html.number(line.values[-1] if line.values else None, p.price_decimals))
    return [(look, name, " / ".join(values[look])) for look, name in names.items()]


def html_legend(p: KlinesPicture) -> str:
    """Return the legend, for the upper left corner of the plot: it has room there at any width."""
    if not (p.lines or p.problems):
        return ""
    entries = "".join(
        f'<span style="background:var(--jp-layout-color0,transparent)">{swatch(look)} '
        f'<span style="{html.MUTED}">{html.escape(name)}</span> {value}</span>'
        for look, name, value in legend(p)
    )
    entries += "".join(f'<span style="{html.DOWN_TEXT}">⚠ {html.escape(each)}</span>' for each in p.problems)
    return (
        '<div style="position:absolute;left:4px;right:4px;top:1px;max-height:48px;overflow:hidden;display:flex;'
        f'flex-wrap:wrap;column-gap:12px;font-size:11px;line-height:16px">{entries}</div>'
    )


def swatch(look: int) -> str:
    """Return a piece of the line, to be put before its name."""
    return (
        f'<svg {html.size("20px", 8, "display:inline")}><path d="M0,5H20" fill="none" stroke-width="2" '
        f'stroke="{LOOKS[look].colour}" stroke-dasharray="{LOOKS[look].dash}"/></svg>'
    )
