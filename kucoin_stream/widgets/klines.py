"""Candles with volume: SVG stretched over the plot, words beside it as HTML placed in per cent, which never stretch."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from kucoin_stream.errors import UsageError
from kucoin_stream.widgets import html, text
from kucoin_stream.widgets.axes import LABEL_PX, Mark, price_marks, time_marks
from kucoin_stream.widgets.candles import TEXT_ROWS, Plot, text_plot
from kucoin_stream.widgets.picture import Caption, Painter, Scale, Subject, scale_for

VOLUME_SHARE = 0.2  # of the plot's height
TIMES_PX = 16


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

    @property
    def volume_unit(self) -> str:
        """What the volume is counted in: ``"BTC"``, ``"lots"``, or nothing where that is not known."""

    def bars(self, count: int) -> Bars:
        """Return the newest ``count`` bars; may block for a few ms."""


class KlinesPicture(Struct, frozen=True):
    """All that one drawing of candles shows. The six columns are of equal length, oldest first."""

    caption: Caption
    count: int
    interval: str
    price_decimals: int
    volume_unit: str
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
    bars: Bars,
    caption: Caption,
    *,
    count: int,
    interval: str,
    interval_seconds: int,
    price_decimals: int,
    volume_unit: str,
    height: int,
) -> KlinesPicture:
    """Take a picture of the newest ``count`` bars for a plot ``height`` px high; bars with a hole are left out."""
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
        volume_unit=volume_unit,
        start_s=starts,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        top=top,
        bottom=bottom,
        change=last / before - 1 if last is not None and before else None,
        prices=price_marks(top, bottom, price_decimals, at, height) if close else (),
        times=time_marks(starts, count, interval_seconds),
        last=None if last is None or at is None else Mark(at, html.number(last, price_decimals)),
        volume_scale=scale_for(largest, 0.0, 8),
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
            volume_unit=subject.volume_unit,
            height=self._price_px,
        )

    def html(self, picture: KlinesPicture) -> str:
        """Render as stretched inline SVG with labels beside it."""
        p = picture
        axis = _axis_px(p)
        plot = self._plot
        body = (
            f'<div style="display:flex;height:{self.height - TIMES_PX}px">'
            '<div style="position:relative;flex:1 1 0;min-width:0">'
            f"{plot.price_svg(p, 'currentColor', _full(self._price_px))}"
            f"{plot.volume_svg(p, _full(self._volume_px))}</div>"
            f'<div style="position:relative;flex:none;width:{axis}px;height:{self._price_px}px">{_axis_html(p)}</div>'
            f'</div><div style="position:relative;height:{TIMES_PX}px;margin-right:{axis}px;font-size:10px;'
            f'line-height:{TIMES_PX}px;{html.MUTED}">{_times_html(p)}</div>'
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
        document = 'xmlns="http://www.w3.org/2000/svg" width="960"'
        price = plot.price_svg(p, html.GREY, f'{document} height="{self._price_px}"')
        volume = plot.volume_svg(p, f'{document} height="{self._volume_px}"')
        prices = _axis_svg(p, axis, self._price_px)
        price = html.image(price, f"width:100%;height:{self._price_px}px", "candles")
        volume = html.image(volume, f"width:100%;height:{self._volume_px}px", "volume")
        prices = html.image(prices, f"width:{axis}px;height:{self._price_px}px", "prices")
        cell = "padding:0;border:none;vertical-align:top"
        plain = "background-color:transparent"  # notebooks colour every other row
        rows = "".join(
            f'<tr style="{plain}"><td style="{cell}">{left}</td><td style="{cell};width:{axis}px">{right}</td></tr>'
            for left, right in ((price, prices), (volume, ""), (_times_table(p), ""))
        )
        table = f'<table style="width:100%;border-collapse:collapse;table-layout:fixed;margin:0">{rows}</table>'
        facts = _facts(p, html.static_fact, up=f"color:{html.UP}", down=f"color:{html.DOWN}")
        return html.static_frame(p.caption, facts=facts, body=table, foot=_shown(p), notice=_waiting(p), max_width=960)

    def text(self, picture: KlinesPicture, width: int = 80) -> str:
        """Render as block characters: a rising body is full, a falling one is shaded."""
        axis = max(len(html.number(value, picture.price_decimals)) for value in (picture.top, picture.bottom))
        axis = min(16, axis) + 1
        p = _newest(picture, width - axis)
        lines = [
            text.head(p.caption, width),
            text.fit(f"close {_last(p)} {_percent(p)}   volume {_volume(p)}   {p.interval}", width),
            *[text.fit(line, width) for line in text_plot(p, width - axis, axis)],
        ]
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


def _range(high: tuple[float, ...], low: tuple[float, ...], close: tuple[float, ...]) -> tuple[float, float]:
    if not close:
        return 1.0, 0.0
    top, bottom = max(max(high), max(close)), min(min(low), min(close))
    room = (top - bottom) * 0.05 or abs(top) * 1e-4 or 1.0
    return top + room, bottom - room


def _newest(p: KlinesPicture, count: int) -> KlinesPicture:
    """Return the picture of the last ``count`` bars only, its axis in lines of text."""
    high, low, close = p.high[-count:], p.low[-count:], p.close[-count:]
    top, bottom = _range(high, low, close)
    last = Mark((top - close[-1]) / (top - bottom) * 100, html.number(close[-1], p.price_decimals)) if close else None
    height = TEXT_ROWS * LABEL_PX
    marks = price_marks(top, bottom, p.price_decimals, last.percent, height) if last else ()
    return replace(
        p,
        start_s=p.start_s[-count:],
        open=p.open[-count:],
        high=high,
        low=low,
        close=close,
        volume=p.volume[-count:],
        top=top,
        bottom=bottom,
        prices=marks,
        last=last,
    )


def _waiting(p: KlinesPicture) -> str:
    return "" if p.close else f"waiting for candles · {p.caption.status}"


def _shown(p: KlinesPicture) -> str:
    unit = f" · volume in {html.escape(p.volume_unit)}" if p.volume_unit else ""
    return f"{len(p.close)} bars of {html.escape(p.interval)}{unit} · UTC"


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
    place = "position:absolute;top:{:.2f}%;margin-top:-8px;font-size:11px;line-height:16px;".format
    made = "".join(
        [f'<span style="{place(m.percent)}left:5px;{html.MUTED}">{m.label}</span>' for m in p.prices],
    )
    if p.last:
        colour = html.UP if p.close[-1] >= p.open[-1] else html.DOWN
        look = f"left:1px;padding:0 4px;border-radius:2px;background:{colour};color:#fff;font-weight:600"
        made += f'<span style="{place(p.last.percent)}{look}">{p.last.label}</span>'
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
    look = "transform:translateX(-50%);white-space:nowrap"
    return "".join(
        [f'<span style="position:absolute;left:{m.percent:.2f}%;{look}">{m.label}</span>' for m in p.times],
    )


def _times_table(p: KlinesPicture) -> str:
    cell = f"padding:0;border:none;text-align:left;font-size:10px;white-space:nowrap;color:{html.GREY}"
    edges = [*[m.percent for m in p.times], 100.0]
    made = f'<td style="{cell};width:{edges[0]:.1f}%">&nbsp;</td>'
    for mark, end in zip(p.times, edges[1:], strict=True):
        made += f'<td style="{cell};width:{end - mark.percent:.1f}%">{mark.label}</td>'
    return f'<table style="width:100%;border-collapse:collapse;table-layout:fixed;margin:0"><tr>{made}</tr></table>'
