"""Candles with volume: SVG stretched over the plot, words beside it as HTML placed in per cent, which never stretch."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Any, Protocol

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from kucoin_stream import given
from kucoin_stream.widgets.candles import chart
from kucoin_stream.widgets.candles.curves import LOOKS, html_legend, html_markers, legend
from kucoin_stream.widgets.candles.markers import Marker, Markers
from kucoin_stream.widgets.candles.overlays import Line, Overlay, Overlays
from kucoin_stream.widgets.candles.plot import TEXT_ROWS, Plot, text_plot
from kucoin_stream.widgets.candles.studies import COLUMNS, Known
from kucoin_stream.widgets.drawing import html, text
from kucoin_stream.widgets.drawing.axes import LABEL_PX, Mark, price_marks, time_marks
from kucoin_stream.widgets.drawing.picture import Caption, Painter, Scale, Subject, scale_for

VOLUME_SHARE = 0.2  # of the plot's height
TIMES_PX = 16
_LEGEND = 0.08  # of the plot's height: room for the names of the lines
_REACH = 0.5  # of the candles' range: how far lines and markers may widen it, either way


class Bars(Protocol):
    """Bars as numpy arrays, oldest first; the last one is not closed yet."""

    start_s: Any
    open: Any
    high: Any
    low: Any
    close: Any
    volume: Any
    turnover: Any


class KlinesSubject(Subject, Protocol):
    """Live candles."""

    @property
    def symbol(self) -> str:
        """Whose candles: markers of other symbols are left out."""

    @property
    def multiplier(self) -> float | None:
        """Base coins a lot; below 0 of an inverse contract, ``None`` of spot. For the VWAP."""

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
    """All that one drawing of candles shows. The six columns, and the values of ``lines``, are of equal length.

    Bars are oldest first. ``held``: how many bars the subject has; 0 where it does not tell. ``problems``: what went
    wrong with overlays that are functions.
    """

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
    lines: tuple[Line, ...] = ()
    markers: tuple[Marker, ...] = ()
    problems: tuple[str, ...] = ()
    held: int = 0


def known_bars(bars: Bars, multiplier: float | None = None, *, turnover: bool = False) -> Known:
    """Return bars as a table, without those that have a hole; without ``turnover`` that is NaN."""
    names = COLUMNS if turnover else COLUMNS[:-1]
    table = np.array([getattr(bars, name) for name in names], dtype=float)
    start = np.asarray(bars.start_s)
    whole_bars = np.isfinite(table[:5]).all(axis=0)
    if not whole_bars.all():
        table, start = table[:, whole_bars], start[whole_bars]
    return Known(start, table, multiplier)


def picture(
    bars: Known,
    caption: Caption,
    *,
    count: int,
    interval: str,
    interval_seconds: int,
    price_decimals: int,
    volume_unit: str,
    height: int,
    lines: tuple[Line, ...] = (),
    markers: Markers | None = None,
    problems: tuple[str, ...] = (),
    held: int = 0,
) -> KlinesPicture:
    """Take a picture of the newest ``count`` bars for a plot ``height`` px high."""
    opened, high, low, close, volume = (tuple(row) for row in bars.columns[:5, -count:].tolist())
    starts = tuple(bars.start_s[-count:].tolist())
    marked = () if markers is None else markers.among(starts, interval_seconds)
    top, bottom = _range(high, low, close, lines, marked)
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
        lines=lines,
        markers=marked,
        problems=problems,
        held=held,
    )


class KlinesPainter(Painter[KlinesSubject, KlinesPicture]):
    """Draws the newest ``count`` candles (2 to 1,000), ``height`` px high (120 to 1,200).

    ``overlays``: at most six lines, each ``"sma 20"``, ``"ema 50"``, ``"vwap"``, ``"bollinger 20 2"`` or a column as
    ``"high"`` (formulas: :mod:`kucoin_stream.widgets.candles.studies`), a Series by time, or a function that makes of
    the DataFrame of the bars a Series of the same index; what a function raises is said in the picture.
    ``markers``: a DataFrame or live frame, as ``client.account.fills()``, with ``time``, ``price`` and, if there,
    ``side``, ``text`` and ``symbol``. Raises :class:`UsageError` for what is out of range or unknown.
    """

    def __init__(
        self,
        subject: KlinesSubject,
        count: int = 120,
        height: int = 280,
        overlays: Sequence[Overlay] | Overlay = (),
        markers: Any = None,
    ) -> None:
        super().__init__(subject)
        self.count = given.whole("count", count, 2, 1000)
        self.height = given.whole("height", height, 120, 1200)
        self._overlays = Overlays(overlays, subject.interval_seconds)
        self._markers = None if markers is None else Markers(markers, subject.symbol)
        self._multiplier = subject.multiplier if self._overlays.studies else None
        self._plot = Plot()

    @property
    def version(self) -> object:
        """Changes with the candles and with the markers."""
        return super().version, None if self._markers is None else self._markers.version

    def picture(self, at: float) -> KlinesPicture:
        """Ask for the newest bars and take a picture of them."""
        subject, overlays = self.subject, self._overlays
        bars = known_bars(subject.bars(self.count + overlays.lead), self._multiplier, turnover=bool(overlays.studies))
        lines, problems = overlays.lines(bars, self.count)
        return picture(
            bars,
            self.caption(at),
            count=self.count,
            interval=subject.interval,
            interval_seconds=subject.interval_seconds,
            price_decimals=subject.price_decimals,
            volume_unit=subject.volume_unit,
            height=self._price_px,
            lines=lines,
            markers=self._markers,
            problems=problems,
            held=len(subject) if isinstance(subject, Sized) else 0,
        )

    def html(self, picture: KlinesPicture) -> str:
        """Render as stretched inline SVG with labels beside it."""
        p = picture
        axis = chart.axis_px(p)
        plot = self._plot
        body = (
            f'<div style="display:flex;height:{self.height - TIMES_PX}px">'
            '<div style="position:relative;flex:1 1 0;min-width:0">'
            f"{plot.price_svg(p, 'currentColor', html.size('100%', self._price_px))}"
            f"{plot.volume_svg(p, html.size('100%', self._volume_px))}"
            f"{html_markers(p, self._price_px)}{html_legend(p)}</div>"
            f'<div style="position:relative;flex:none;width:{axis}px;height:{self._price_px}px">{chart.axis_html(p)}'
            f'</div></div><div style="position:relative;height:{TIMES_PX}px;margin-right:{axis}px;font-size:10px;'
            f'line-height:{TIMES_PX}px;{html.MUTED}">{chart.times_html(p)}</div>'
        )
        return html.frame(
            p.caption,
            label=chart.label(p),
            facts=chart.facts(p, up=html.UP_TEXT, down=html.DOWN_TEXT),
            body=body,
            height=self.height,
            foot=chart.shown(p),
            notice=chart.waiting(p),
            max_width=960,
        )

    def static_html(self, picture: KlinesPicture) -> str:
        """Render as a table of images: price, its axis, volume; times are text."""
        p, axis, plot = picture, chart.axis_px(picture), Plot()
        document = 'xmlns="http://www.w3.org/2000/svg" width="960"'
        price = plot.price_svg(p, html.GREY, f'{document} height="{self._price_px}"', self._price_px)
        volume = plot.volume_svg(p, f'{document} height="{self._volume_px}"')
        prices = chart.axis_svg(p, axis, self._price_px)
        price = html.image(price, f"width:100%;height:{self._price_px}px", "candles")
        volume = html.image(volume, f"width:100%;height:{self._volume_px}px", "volume")
        prices = html.image(prices, f"width:{axis}px;height:{self._price_px}px", "prices")
        cell = "padding:0;border:none;vertical-align:top"
        plain = "background-color:transparent"  # notebooks colour every other row
        rows = "".join(
            f'<tr style="{plain}"><td style="{cell}">{left}</td><td style="{cell};width:{axis}px">{right}</td></tr>'
            for left, right in ((price, prices), (volume, ""), (chart.times_table(p), ""))
        )
        table = f'<table style="width:100%;border-collapse:collapse;table-layout:fixed;margin:0">{rows}</table>'
        facts = chart.static_facts(p, up=f"color:{html.UP}", down=f"color:{html.DOWN}")
        return html.static_frame(
            p.caption, facts=facts, body=table, foot=chart.shown(p), notice=chart.waiting(p), max_width=960
        )

    def text(self, picture: KlinesPicture, width: int = 80) -> str:
        """Render as block characters: a rising body is full, a falling one is shaded."""
        axis = max(len(html.number(value, picture.price_decimals)) for value in (picture.top, picture.bottom))
        axis = min(16, axis) + 1
        p = _newest(picture, width - axis)
        lines = [
            text.head(p.caption, width),
            text.fit(f"close {chart.last(p)} {chart.percent(p)}   {_legend(p)}volume {chart.volume(p)}", width),
            *[text.fit(line, width) for line in text_plot(p, width - axis, axis)],
        ]
        if waiting := chart.waiting(p):
            lines[2 + TEXT_ROWS // 2] = text.fit(f"  {waiting}", width)
        lines.append(text.foot(p.caption, chart.shown(p), width))
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


def _range(
    high: tuple[float, ...],
    low: tuple[float, ...],
    close: tuple[float, ...],
    lines: Sequence[Line] = (),
    markers: Sequence[Marker] = (),
) -> tuple[float, float]:
    if not close:
        return 1.0, 0.0
    top, bottom = max(max(high), max(close)), min(min(low), min(close))
    highest, lowest = top + (top - bottom) * _REACH, bottom - (top - bottom) * _REACH
    others = [(line.low, line.high) for line in lines if line.low is not None and line.high is not None]
    others += [(marker.price, marker.price) for marker in markers]
    for least, most in others:
        if least <= highest and most >= lowest:  # else it is out of sight, and stays there
            top, bottom = max(top, min(most, highest)), min(bottom, max(least, lowest))
    if lines:
        top += (top - bottom) * _LEGEND
    room = (top - bottom) * 0.05 or abs(top) * 1e-4 or 1.0
    return top + room, bottom - room


def _newest(p: KlinesPicture, count: int) -> KlinesPicture:
    """Return the picture of the last ``count`` bars only, its axis in lines of text."""
    high, low, close = p.high[-count:], p.low[-count:], p.close[-count:]
    lines = tuple(Line.through(line.name, line.look, line.values[-count:]) for line in p.lines)
    left_out = len(p.close) - len(close)
    markers = tuple(replace(each, bar=each.bar - left_out) for each in p.markers if each.bar >= left_out)
    top, bottom = _range(high, low, close, lines, markers)
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
        lines=lines,
        markers=markers,
    )


def _legend(p: KlinesPicture) -> str:
    entries = [f"{LOOKS[look].glyph} {name} {value}   " for look, name, value in legend(p)]
    return "".join(entries) + "".join(f"! {each}   " for each in p.problems)
