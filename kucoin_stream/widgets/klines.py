"""Candles with volume.

Theory of operation: the path text of closed candles is made once. Its coordinates are whole steps of an *origin* price
and a *unit* that are fixed when the text is made; a picture with another price range only changes the ``viewBox`` of the
SVG, which is stretched over the plot (``preserveAspectRatio="none"``, strokes that do not scale). Words are HTML beside
and over the SVG, placed in per cent, so they never stretch.
"""

from __future__ import annotations

import math
from time import gmtime, strftime
from typing import Any, Protocol

import numpy as np
from msgspec import Struct

from kucoin_stream.errors import UsageError
from kucoin_stream.widgets import html, text
from kucoin_stream.widgets.picture import Caption, Painter, Scale, Subject, scale_for

STEP = 10  # SVG units from bar to bar
BODY = 7  # SVG units, width of a body
VOLUME_SHARE = 0.2  # of the plot's height
TIMES_PX = 16
LABEL_PX = 16  # labels of the price axis keep this distance
RESOLUTION = 5000  # steps in the price range for which a path is made


class Bars(Protocol):
    """Bars as numpy arrays, oldest first; the last one is not closed yet."""

    start_s: Any
    open: Any
    high: Any
    low: Any
    close: Any
    volume: Any


class KlinesSubject(Subject, Protocol):
    """Live candles."""

    @property
    def price_decimals(self) -> int:
        """Digits after the point in a price."""

    @property
    def interval(self) -> str:
        """``"1min"``."""

    @property
    def interval_seconds(self) -> int:
        """Length of a bar, in seconds."""

    def bars(self, count: int) -> Bars:
        """Return the newest ``count`` bars; may block for a few ms."""


class Mark(Struct, frozen=True):
    """A label of an axis; ``percent`` from the top of the price plot, or from its left edge."""

    percent: float
    label: str


class KlinesPicture(Struct, frozen=True):
    """All that one drawing of candles shows. The six columns are of equal length, oldest first."""

    caption: Caption
    count: int
    interval: str
    price_decimals: int
    start_s: tuple[int, ...]
    open: tuple[float, ...]
    high: tuple[float, ...]
    low: tuple[float, ...]
    close: tuple[float, ...]
    volume: tuple[float, ...]
    top: float  # price at the upper edge
    bottom: float
    change: float | None  # of the last bar against the close before it, as a fraction
    prices: tuple[Mark, ...]
    times: tuple[Mark, ...]
    last: Mark | None
    volume_scale: Scale


def picture(
    bars: Bars, caption: Caption, *, count: int, interval: str, interval_seconds: int, price_decimals: int, height: int
) -> KlinesPicture:
    """Take a picture of the newest ``count`` bars for a price plot ``height`` px high. Bars with a hole are left out."""
    table = np.array([bars.open, bars.high, bars.low, bars.close, bars.volume], dtype=float)[:, -count:]
    start = np.asarray(bars.start_s)[-count:]
    known = np.isfinite(table).all(axis=0)
    if not known.all():
        table, start = table[:, known], start[known]
    opened, high, low, close, volume = (tuple(row) for row in table.tolist())
    starts = tuple(start.tolist())
    top, bottom = _range(high, low, close)
    last = close[-1] if close else None
    before = close[-2] if len(close) > 1 else opened[-1] if opened else None
    largest = max(volume, default=0.0)
    at = (top - last) / (top - bottom) * 100 if last is not None else None
    return KlinesPicture(
        caption=caption,
        count=count,
        interval=interval,
        price_decimals=price_decimals,
        start_s=starts,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        top=top,
        bottom=bottom,
        change=last / before - 1 if last is not None and before else None,
        prices=_price_marks(top, bottom, price_decimals, at, height) if close else (),
        times=_time_marks(starts, count, interval_seconds),
        last=None if last is None or at is None else Mark(at, html.number(last, price_decimals)),
        volume_scale=scale_for(largest, last or 0.0, 8),
    )


class KlinesPainter(Painter[KlinesSubject, KlinesPicture]):
    """Draws the newest ``count`` candles, ``height`` px high."""

    def __init__(self, subject: KlinesSubject, count: int = 120, height: int = 280) -> None:
        if not 2 <= count <= 1000:
            raise UsageError(f"count is {count}: write 2 to 1000")
        if not 120 <= height <= 1200:
            raise UsageError(f"height is {height} px: write 120 to 1200")
        super().__init__(subject)
        self.count = count
        self.height = height
        self._plot = Plot()

    def picture(self, at: float) -> KlinesPicture:
        """Ask for the newest bars and take a picture of them."""
        subject = self.subject
        return picture(
            subject.bars(self.count),
            self.caption(at),
            count=self.count,
            interval=subject.interval,
            interval_seconds=subject.interval_seconds,
            price_decimals=subject.price_decimals,
            height=self._price_px,
        )

    def html(self, picture: KlinesPicture) -> str:
        """Render as stretched inline SVG with labels beside it."""
        p = picture
        axis = _axis_px(p)
        plot = self._plot
        body = (
            f'<div style="display:flex;height:{self.height - TIMES_PX}px"><div style="position:relative;flex:1 1 0;min-width:0">'
            f"{plot.price_svg(p, 'currentColor', _full(self._price_px))}"
            f"{plot.volume_svg(p, _full(self._volume_px))}</div>"
            f'<div style="position:relative;flex:none;width:{axis}px;height:{self._price_px}px">{_axis_html(p)}</div></div>'
            f'<div style="position:relative;height:{TIMES_PX}px;margin-right:{axis}px;font-size:10px;line-height:{TIMES_PX}px;'
            f'{html.MUTED}">{_times_html(p)}</div>'
        )
        return html.frame(
            p.caption,
            label=_label(p),
            facts=_facts(p, html.fact, up=html.UP_TEXT, down=html.DOWN_TEXT),
            body=body,
            height=self.height,
            foot=_shown(p),
            notice=_waiting(p),
            max_width=960,
        )

    def static_html(self, picture: KlinesPicture) -> str:
        """Render as a table of images: price, its axis, volume; times are text."""
        p, axis, plot = picture, _axis_px(picture), Plot()
        cell = "padding:0;border:none;vertical-align:top"
        price = plot.price_svg(
            p, html.GREY, f'xmlns="http://www.w3.org/2000/svg" width="960" height="{self._price_px}"'
        )
        volume = plot.volume_svg(p, f'xmlns="http://www.w3.org/2000/svg" width="960" height="{self._volume_px}"')
        body = (
            '<table style="width:100%;border-collapse:collapse;table-layout:fixed;margin:0"><tr>'
            f'<td style="{cell}">{html.image(price, f"width:100%;height:{self._price_px}px", "candles")}</td>'
            f'<td style="{cell};width:{axis}px">'
            f"{html.image(_axis_svg(p, axis, self._price_px), f'width:{axis}px;height:{self._price_px}px', 'prices')}</td></tr><tr>"
            f'<td style="{cell}">{html.image(volume, f"width:100%;height:{self._volume_px}px", "volume")}</td>'
            f'<td style="{cell};width:{axis}px"></td></tr><tr><td style="{cell}">{_times_table(p)}</td><td style="{cell}"></td>'
            "</tr></table>"
        )
        facts = _facts(p, html.static_fact, up=f"color:{html.UP}", down=f"color:{html.DOWN}")
        notice = f'<div style="padding:0 4px;font-weight:700">{html.escape(_waiting(p))}</div>' if _waiting(p) else ""
        return html.static_frame(p.caption, facts=facts, body=notice + body, foot=_shown(p), max_width=960)

    def text(self, picture: KlinesPicture, width: int = 80) -> str:
        """Render as block characters: a rising body is full, a falling one is shaded."""
        p = picture
        facts = f"close {_last(p)} {_percent(p)}   volume {_volume(p)}   {p.interval}"
        axis = min(14, max((len(mark.label) for mark in (*p.prices, p.last) if mark), default=6)) + 1
        lines = [text.head(p.caption, width), text.fit(facts, width)]
        lines += [text.fit(line, width) for line in _text_plot(p, width - axis, axis)]
        if waiting := _waiting(p):
            lines[2 + TEXT_ROWS // 2] = text.fit(f"  {waiting}", width)
        lines.append(text.foot(p.caption, _shown(p), width))
        return "\n".join(lines)

    def problem(self, caption: Caption, message: str) -> str:
        """Render an empty frame with the message."""
        return html.frame(caption, label=message, facts="", body="", height=self.height, notice=message, max_width=960)

    @property
    def _volume_px(self) -> int:
        return round((self.height - TIMES_PX) * VOLUME_SHARE)

    @property
    def _price_px(self) -> int:
        return self.height - TIMES_PX - self._volume_px


class Plot:
    """Path text of candles and volumes; keeps that of closed bars. One thread at a time."""

    def __init__(self) -> None:
        self._closed: tuple[Any, ...] | None = None
        self._origin = self._unit = self._volume_unit = 1.0
        self._paths: tuple[str, str, str, str] = ("", "", "", "")
        self.made = 0  # how often the closed bars were made anew

    def price_svg(self, p: KlinesPicture, ink: str, attributes: str) -> str:
        """Return the candles, the grid in ``ink`` and the last price, as an ``<svg>``."""
        self._prepare(p)
        up, down, _, _ = self._with_last(p)
        top, bottom, width = self._y(p.top), self._y(p.bottom), p.count * STEP
        height = bottom - top
        grid = "".join([f"M0,{top + m.percent / 100 * height:.1f}H{width}" for m in p.prices])
        grid += "".join([f"M{m.percent / 100 * width:.1f},{top:.1f}V{bottom:.1f}" for m in p.times])
        last = ""
        if p.last:
            colour = html.UP if p.close[-1] >= p.open[-1] else html.DOWN
            last = (
                f'<path d="M0,{top + p.last.percent / 100 * height:.1f}H{width}" stroke="{colour}" stroke-dasharray="2 3" '
                'vector-effect="non-scaling-stroke" fill="none"/>'
            )
        return (
            f'<svg {attributes} viewBox="0 {top:.1f} {width} {height:.1f}" preserveAspectRatio="none">'
            f'<path d="{grid}" stroke="{ink}" stroke-opacity=".13" vector-effect="non-scaling-stroke" fill="none"/>{last}'
            f'<path d="{up}" fill="{html.UP}" stroke="{html.UP}" vector-effect="non-scaling-stroke"/>'
            f'<path d="{down}" fill="{html.DOWN}" stroke="{html.DOWN}" vector-effect="non-scaling-stroke"/></svg>'
        )

    def volume_svg(self, p: KlinesPicture, attributes: str) -> str:
        """Return the volumes as an ``<svg>``."""
        self._prepare(p)
        _, _, up, down = self._with_last(p)
        height = max(max(p.volume, default=0.0) / self._volume_unit, 1e-6) * 1.04
        return (
            f'<svg {attributes} viewBox="0 {-height:.6g} {p.count * STEP} {height:.6g}" preserveAspectRatio="none">'
            f'<path d="{up}" fill="{html.UP}" fill-opacity=".5"/><path d="{down}" fill="{html.DOWN}" fill-opacity=".5"/></svg>'
        )

    def _prepare(self, p: KlinesPicture) -> None:
        closed = (p.count, p.start_s[:-1], p.open[:-1], p.high[:-1], p.low[:-1], p.close[:-1], p.volume[:-1])
        if closed == self._closed:
            return
        self._closed = closed
        self._origin, self._unit = p.top, (p.top - p.bottom) / RESOLUTION
        self._volume_unit = max(max(p.volume, default=0.0) / RESOLUTION, 1e-12)
        self._paths = self._make(p, 0, len(p.close) - 1)
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
        """Return rising and falling candles, rising and falling volumes, for bars ``begin`` to ``end``, not included."""
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


def _range(high: tuple[float, ...], low: tuple[float, ...], close: tuple[float, ...]) -> tuple[float, float]:
    if not close:
        return 1.0, 0.0
    top, bottom = max(max(high), max(close)), min(min(low), min(close))
    room = (top - bottom) * 0.05 or abs(top) * 1e-4 or 1.0
    return top + room, bottom - room


def _price_marks(top: float, bottom: float, decimals: int, last: float | None, height: int) -> tuple[Mark, ...]:
    """Choose round prices, about one in 45 px, that leave the label of the last price free."""
    rough = (top - bottom) / max(2, height // 45)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    shown = min(decimals, max(0, -math.floor(math.log10(step) + 1e-9) + (1 if abs(step / power - 2.5) < 0.01 else 0)))
    free = LABEL_PX / height * 100
    edge = LABEL_PX / 2 / height * 100
    marks = []
    for k in range(math.ceil(bottom / step), math.floor(top / step) + 1):
        percent = (top - k * step) / (top - bottom) * 100
        if edge <= percent <= 100 - edge and (last is None or abs(percent - last) >= free):
            marks.append(Mark(percent, html.number(k * step, shown)))
    return tuple(marks[:20])


_TIME_STEPS_S = tuple(
    m * 60 for m in (1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 2880, 10080, 20160, 43200, 129600)
)


def _time_marks(starts: tuple[int, ...], count: int, interval_seconds: int) -> tuple[Mark, ...]:
    """Mark the first bar of each round time step, four to five in a full picture."""
    if not starts:
        return ()
    span = max(starts[-1] - starts[0], count * interval_seconds)
    step = next((s for s in _TIME_STEPS_S if span / s <= 5), span // 4)
    form = "%H:%M" if step < 86400 else "%d %b" if step < 43200 * 60 else "%b %Y"
    marks = []
    first = count - len(starts)
    for i in range(1, len(starts)):
        if starts[i] // step != starts[i - 1] // step:
            midnight = step < 86400 and starts[i] // 86400 != starts[i - 1] // 86400
            percent = (first + i + 0.5) / count * 100
            marks.append(Mark(percent, strftime("%d %b" if midnight else form, gmtime(starts[i]))))
    return tuple(mark for mark in marks[-8:] if 4 <= mark.percent <= 96)


def _waiting(p: KlinesPicture) -> str:
    return "" if p.close else f"waiting for candles · {p.caption.status}"


def _shown(p: KlinesPicture) -> str:
    return f"{len(p.close)} bars of {html.escape(p.interval)} · UTC"


def _last(p: KlinesPicture) -> str:
    return html.number(p.close[-1] if p.close else None, p.price_decimals)


def _percent(p: KlinesPicture) -> str:
    return "–" if p.change is None else f"{p.change * 100:+.2f} %"


def _volume(p: KlinesPicture) -> str:
    scale = p.volume_scale
    return html.number(p.volume[-1] / scale.divisor if p.volume else None, scale.decimals) + scale.unit


def _label(p: KlinesPicture) -> str:
    return f"{p.caption.badge} candles {p.caption.title}: close {_last(p)}, {_percent(p)}, {p.caption.status}".strip()


def _facts(p: KlinesPicture, fact: Any, up: str, down: str) -> str:
    if not p.close:
        made: str = fact("close", "–")
        return made
    d = p.price_decimals
    style = up if p.close[-1] >= p.open[-1] else down
    made = fact("close", f'<b>{_last(p)}</b> <span style="{style}">{_percent(p)}</span>')
    made += fact("volume", _volume(p))
    for name, column in (("open", p.open), ("high", p.high), ("low", p.low)):
        made += fact(name, html.number(column[-1], d))
    return made


def _axis_px(p: KlinesPicture) -> int:
    return max(44, max((len(mark.label) for mark in (*p.prices, p.last) if mark), default=6) * 7 + 10)


def _full(height: int) -> str:
    return f'width="100%" height="{height}" style="display:block" aria-hidden="true"'


def _axis_html(p: KlinesPicture) -> str:
    made = "".join(
        [
            f'<span style="position:absolute;left:5px;top:{m.percent:.2f}%;margin-top:-8px;font-size:11px;line-height:16px;'
            f'{html.MUTED}">{m.label}</span>'
            for m in p.prices
        ]
    )
    if p.last:
        colour = html.UP if p.close[-1] >= p.open[-1] else html.DOWN
        made += (
            f'<span style="position:absolute;left:1px;top:{p.last.percent:.2f}%;margin-top:-8px;padding:0 4px;font-size:11px;'
            f'line-height:16px;border-radius:2px;background:{colour};color:#fff;font-weight:600">{p.last.label}</span>'
        )
    return made


def _axis_svg(p: KlinesPicture, width: int, height: int) -> str:
    made = [
        f'<text x="5" y="{m.percent / 100 * height + 4:.1f}" fill="{html.GREY}">{html.escape(m.label)}</text>'
        for m in p.prices
    ]
    if p.last:
        y = p.last.percent / 100 * height
        colour = html.UP if p.close[-1] >= p.open[-1] else html.DOWN
        made.append(
            f'<rect x="1" y="{y - 8:.1f}" width="{width - 2}" height="16" rx="2" fill="{colour}"/>'
            f'<text x="5" y="{y + 4:.1f}" fill="#fff" font-weight="700">{p.last.label}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="{html.SAFE_FONT}" '
        f'font-size="11">{"".join(made)}</svg>'
    )


def _times_html(p: KlinesPicture) -> str:
    return "".join(
        [
            f'<span style="position:absolute;left:{m.percent:.2f}%;transform:translateX(-50%);white-space:nowrap">{m.label}</span>'
            for m in p.times
        ]
    )


def _times_table(p: KlinesPicture) -> str:
    cell = f"padding:0;border:none;text-align:left;font-size:10px;white-space:nowrap;color:{html.GREY}"
    edges = [*[m.percent for m in p.times], 100.0]
    made = f'<td style="{cell};width:{edges[0]:.1f}%">&nbsp;</td>'
    for mark, end in zip(p.times, edges[1:], strict=True):
        made += f'<td style="{cell};width:{end - mark.percent:.1f}%">{mark.label}</td>'
    return f'<table style="width:100%;border-collapse:collapse;table-layout:fixed;margin:0"><tr>{made}</tr></table>'


TEXT_ROWS = 12
TEXT_VOLUME_ROWS = 2


def _text_plot(p: KlinesPicture, columns: int, axis: int) -> list[str]:
    """Return the rows of the price plot with their axis, then those of the volume."""
    n = min(columns, len(p.close))
    grid = [[" "] * columns for _ in range(TEXT_ROWS + TEXT_VOLUME_ROWS)]
    labels = [""] * len(grid)
    if n:
        span = p.top - p.bottom
        row = [lambda price: min(TEXT_ROWS - 1, max(0, int((p.top - price) / span * TEXT_ROWS)))][0]
        for mark in (*p.prices, p.last):
            if mark:
                labels[min(TEXT_ROWS - 1, int(mark.percent / 100 * TEXT_ROWS))] = mark.label
        largest = max(p.volume[-n:]) or 1.0
        for k in range(n):
            i, x = len(p.close) - n + k, columns - n + k
            for y in range(row(p.high[i]), row(p.low[i]) + 1):
                grid[y][x] = "│"
            body = sorted((row(p.open[i]), row(p.close[i])))
            for y in range(body[0], body[1] + 1):
                grid[y][x] = "█" if p.close[i] >= p.open[i] else "▒"
            eighths = round(p.volume[i] / largest * TEXT_VOLUME_ROWS * 8)
            for r in range(TEXT_VOLUME_ROWS):
                grid[-1 - r][x] = text.LEVELS[min(8, max(0, eighths - 8 * r))]
    return ["".join(line) + text.fit(label, axis, ">") for line, label in zip(grid, labels, strict=True)]
