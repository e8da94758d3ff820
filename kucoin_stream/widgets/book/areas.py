"""The areas of a depth chart as the paths of an SVG, and as block characters."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kucoin_stream.widgets.drawing import html
from kucoin_stream.widgets.drawing.text import LEVELS, fit

if TYPE_CHECKING:
    from kucoin_stream.widgets.book.depth import Area, DepthPicture

PRICES_PX = 16
TEXT_ROWS = 10
_WIDE, _HIGH = 4000, 1000  # SVG units
_THIN = 'vector-effect="non-scaling-stroke"'


def plot_px(height: int) -> int:
    """Return the height of the plot in a picture ``height`` px high."""
    return height - PRICES_PX


def live(p: DepthPicture) -> str:
    """Return plot, totals beside it and prices under it."""
    axis, high = _axis_px(p), plot_px(p.height)
    plot = _svg(p, "currentColor", html.size("100%", high))
    place = "position:absolute;top:{:.2f}%;margin-top:-8px;left:5px;font-size:11px;line-height:16px;".format
    totals = "".join([f'<span style="{place(m.percent)}{html.MUTED}">{m.label}</span>' for m in p.totals])
    look = "position:absolute;left:{:.2f}%;transform:translateX(-50%);white-space:nowrap".format
    prices = "".join([f'<span style="{look(m.percent)}">{m.label}</span>' for m in p.prices])
    prices += _between(p)
    return (
        f'<div style="display:flex;height:{high}px"><div style="flex:1 1 0;min-width:0">{plot}</div>'
        f'<div style="position:relative;flex:none;width:{axis}px;height:{high}px">{totals}</div></div>'
        f'<div style="position:relative;height:{PRICES_PX}px;margin-right:{axis}px;font-size:10px;'
        f'line-height:{PRICES_PX}px;{html.MUTED}">{prices}</div>'
    )


def _between(p: DepthPicture) -> str:
    """Return the prices half-way: each in a box as wide as is free there, which it wraps out of where it is wider."""
    if not p.prices or not p.between:
        return ""
    room = min(abs(a.percent - b.percent) for a in p.prices for b in p.between)
    look = f"height:{PRICES_PX}px;overflow:hidden;text-align:center;white-space:normal"
    strut = f'<span style="display:inline-block;vertical-align:top;width:12px;height:{PRICES_PX}px"></span>'
    return "".join(
        f'<span style="position:absolute;left:{m.percent - room / 2:.2f}%;width:{room:.2f}%;{look}">{strut}'
        f'<span style="display:inline-block;vertical-align:top;margin-right:12px">{m.label}</span></span>'
        for m in p.between
    )


def static(p: DepthPicture) -> str:
    """Return a table of two images, and the prices as text."""
    axis, high = _axis_px(p), plot_px(p.height)
    plot = _svg(p, html.GREY, f'xmlns="http://www.w3.org/2000/svg" width="760" height="{high}"')
    labels = "".join(
        f'<text x="5" y="{m.percent / 100 * high + 4:.1f}">{html.escape(m.label)}</text>' for m in p.totals
    )
    totals = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{axis}" height="{high}" font-family="{html.SAFE_FONT}" '
        f'font-size="11" fill="{html.GREY}">{labels}</svg>'
    )
    cell = "padding:0;border:none;vertical-align:top"
    drawn = html.image(plot, f"width:100%;height:{high}px", "cumulative depth")
    beside = html.image(totals, f"width:{axis}px;height:{high}px", "totals")
    plain_row = "background-color:transparent"  # notebooks colour every other row
    return (
        '<table style="width:100%;border-collapse:collapse;table-layout:fixed;margin:0">'
        f'<tr style="{plain_row}"><td style="{cell}">{drawn}</td><td style="{cell};width:{axis}px">{beside}</td></tr>'
        f'<tr style="{plain_row}"><td style="{cell}">{_prices_table(p)}</td><td style="{cell}"></td></tr></table>'
    )


def _prices_table(p: DepthPicture) -> str:
    """Return the prices in cells that begin half-way between them, so that each is centred under its line."""
    cell = f"padding:0;border:none;text-align:center;font-size:10px;white-space:nowrap;color:{html.GREY}"
    at = [m.percent for m in p.prices]
    half = min(at[0], 100 - at[-1], *((b - a) / 2 for a, b in pairwise(at))) if at else 50.0
    edges, made = 0.0, ""
    for mark in p.prices:
        made += f'<td style="{cell};width:{mark.percent - half - edges:.1f}%"></td>'
        made += f'<td style="{cell};width:{2 * half:.1f}%">{mark.label}</td>'
        edges = mark.percent + half
    made += f'<td style="{cell};width:{100 - edges:.1f}%">&nbsp;</td>'
    return f'<table style="width:100%;border-collapse:collapse;table-layout:fixed;margin:0"><tr>{made}</tr></table>'


def _axis_px(p: DepthPicture) -> int:
    return max(40, max((len(mark.label) for mark in p.totals), default=4) * 7 + 10)


def _svg(p: DepthPicture, ink: str, attributes: str) -> str:
    grid = "".join([f"M0,{m.percent * _HIGH / 100:.0f}H{_WIDE}" for m in p.totals])
    grid += "".join([f"M{m.percent * _WIDE / 100:.0f},0V{_HIGH}" for m in (*p.prices, *p.between)])
    mid = f"M{_WIDE // 2},0V{_HIGH}" if p.mid is not None else ""
    areas = "".join(
        f'<path d="{line}V{_HIGH}Z" fill="{colour}" fill-opacity=".22"/>'
        f'<path d="{line}" fill="none" stroke="{colour}" stroke-width="1.5" {_THIN}/>'
        for colour, line in ((html.UP, _line(p, p.bids)), (html.DOWN, _line(p, p.asks)))
        if line
    )
    return (
        f'<svg {attributes} viewBox="0 0 {_WIDE} {_HIGH}" preserveAspectRatio="none">'
        f'<path d="{grid}" stroke="{ink}" stroke-opacity=".13" fill="none" {_THIN}/>{areas}'
        f'<path d="{mid}" stroke="{ink}" stroke-opacity=".6" stroke-dasharray="2 3" fill="none" {_THIN}/></svg>'
    )


def _line(p: DepthPicture, area: Area) -> str:
    """Return the steps of a side from its best price on: ints, and one format for all, which is quickest to write."""
    if not area.prices:
        return ""
    across, up = _WIDE / (p.high - p.low), _HIGH / p.top
    steps = (np.array((area.prices, area.totals)).T - (p.low, p.top)) * (across, -up)
    drawn = steps.astype(int).ravel().tolist()
    return f"M{drawn[0]},{_HIGH}{'H%dV%d' * len(steps) % tuple(drawn)}H{int((area.end - p.low) * across)}"


def plain(p: DepthPicture, width: int) -> list[str]:
    """Return the rows of the chart, each with its total at the right, and the line of prices."""
    axis = max(8, max((len(mark.label) for mark in p.totals), default=0) + 1)
    columns = max(10, width - axis)
    heights = _heights(p, columns)
    labels = {int(mark.percent / 100 * TEXT_ROWS): mark.label for mark in p.totals}
    lines = []
    for row in range(TEXT_ROWS):
        floor = (TEXT_ROWS - 1 - row) * 8
        cells = [_cell(eighths - floor, bid=i < columns // 2) for i, eighths in enumerate(heights)]
        lines.append("".join(cells) + fit(labels.get(row, ""), axis, ">"))
    return [*lines, _prices_line(p, columns, width)]


def _cell(eighths: int, *, bid: bool) -> str:
    if bid:
        return LEVELS[min(8, max(0, eighths))]
    return "▒" if eighths >= 4 else " "


def _heights(p: DepthPicture, columns: int) -> list[int]:
    """Return the eighths of a row that each column is high, measured at the price in its middle."""
    step = (p.high - p.low) / columns
    heights = []
    for i in range(columns):
        price = p.low + (i + 0.5) * step
        area, sign = (p.bids, -1) if i < columns // 2 else (p.asks, 1)
        reached = bisect_right(area.prices, price * sign, key=lambda known, sign=sign: known * sign)  # type: ignore[misc]
        inside = (area.end - price) * sign >= 0
        total = area.totals[reached - 1] if reached and inside else 0.0
        heights.append(max(1, round(total / p.top * TEXT_ROWS * 8)) if total > 0 else 0)
    return heights


def _prices_line(p: DepthPicture, columns: int, width: int) -> str:
    line = [" "] * width
    for mark in p.prices:
        start = round(mark.percent / 100 * columns) - len(mark.label) // 2
        if (
            start >= 0
            and start + len(mark.label) <= columns
            and "".join(line[max(0, start - 1) : start + len(mark.label)]).isspace()
        ):
            line[start : start + len(mark.label)] = mark.label
    return "".join(line)
