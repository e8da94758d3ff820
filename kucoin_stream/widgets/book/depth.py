"""The depth chart: what stands in a book up to each price, bids left of the mid and asks right of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from msgspec import Struct

from kucoin_stream import given
from kucoin_stream.analytics.columns import amounts
from kucoin_stream.errors import UsageError
from kucoin_stream.market.book import imbalance
from kucoin_stream.widgets.book import areas as deptharea
from kucoin_stream.widgets.book.painter import BookSubject, Levels
from kucoin_stream.widgets.drawing import html, text
from kucoin_stream.widgets.drawing.axes import Mark, price_marks, round_step
from kucoin_stream.widgets.drawing.options import amount, choice
from kucoin_stream.widgets.drawing.picture import Caption, Painter, Scale, digits, scale_for

STEPS = 100  # of a side, at most: finer ones are narrower than four pixels
OF = ("size", "value")
_BPS = 1e4
_LABEL_PX = 6.6  # a digit of a label
_AXIS_PX = 250  # of the price axis where the picture is 320 px wide
_UNITS = ((1e5, 1e3, "K"), (1e6, 1e6, "M"), (1e9, 1e9, "B"), (1e12, 1e12, "T"))
_ROOM = 1.12  # above the larger side
_MOST = 1e60  # what is beyond is no price or size, and does not add up
_FIRST_READ = 500  # levels of a side: a whole book may be ten times as long, and dear to copy
_KEPT = 0.6  # the height stays while the larger side fills at least this share of it


class Area(Struct, frozen=True):
    """One side within the range, best first, at most :data:`STEPS` steps: ``totals`` stand at ``prices`` and better.

    ``end``: where the side ends: at the edge of the range where there are levels beyond, else at its last level.
    """

    prices: tuple[float, ...]
    totals: tuple[float, ...]
    end: float

    @property
    def total(self) -> float:
        """All that stands within the range."""
        return self.totals[-1] if self.totals else 0.0


class DepthPicture(Struct, frozen=True):
    """All that one drawing of the depth shows. Totals are in ``unit``, or in what the exchange counts where it is "".

    ``low``, ``high``: prices at the left and right edge; in the middle is the mid, or the best price there is.
    ``top``: total at the upper edge. ``imbalance``: (bids - asks) / (bids + asks) of the totals.
    """

    caption: Caption
    height: int
    of: str
    unit: str
    bids: Area
    asks: Area
    mid: float | None
    spread: float | None
    spread_bps: float | None
    imbalance: float | None
    low: float
    high: float
    top: float
    prices: tuple[Mark, ...]  # from the left edge
    between: tuple[Mark, ...]  # prices half-way, for a wide picture
    totals: tuple[Mark, ...]  # from the upper edge
    price_decimals: int
    scale: Scale


class Range(Struct, frozen=True):
    """How far the picture goes to each side: ``bps`` of the mid, or as far as ``levels`` levels of the sparser side."""

    bps: float | None
    levels: int | None

    def reach(self, centre: float, bids: Any, asks: Any) -> float:
        """Return the distance of the edges from ``centre``, a price."""
        if self.bps is not None:
            return centre * self.bps / _BPS
        ends = [abs(float(prices[: self.levels][-1]) - centre) for prices in (bids, asks) if len(prices)]
        return max(ends, default=0.0) or centre / _BPS


def picture(
    levels: Levels,
    caption: Caption,
    *,
    span: Range,
    of: str,
    unit: str,
    multiplier: float | None,
    price_decimals: int,
    size_decimals: int,
    height: int,
    top: float = 0.0,
) -> DepthPicture:
    """Take a picture; ``top`` is the total at the upper edge of the one before, kept while it serves."""
    bid_prices, bid_sizes = _known(levels.bid_prices, levels.bid_sizes)
    ask_prices, ask_sizes = _known(levels.ask_prices, levels.ask_sizes)
    both = bool(len(bid_prices) and len(ask_prices))
    bests = [float(prices[0]) for prices in (bid_prices, ask_prices) if len(prices)]
    centre = sum(bests) / len(bests) if bests else 1.0
    reach = span.reach(centre, bid_prices, ask_prices)
    if of == "value":
        bid_sizes, ask_sizes = (
            amounts(prices, sizes, multiplier)[1]
            for prices, sizes in ((bid_prices, bid_sizes), (ask_prices, ask_sizes))
        )
    bids = _area(bid_prices, bid_sizes, centre, reach, -1)
    asks = _area(ask_prices, ask_sizes, centre, reach, 1)
    largest = max(bids.total, asks.total)
    if not 0 < _KEPT * top <= largest * _ROOM <= top:
        top = largest * _ROOM or 1.0
    spread = bests[1] - bests[0] if both else None
    scale = _scale(top, 1.0 if of == "value" else centre, 2 if of == "value" else size_decimals)
    prices, between = _price_axis(centre, reach, price_decimals) if bests else ((), ())
    return DepthPicture(
        caption=caption,
        height=height,
        of=of,
        unit=unit,
        bids=bids,
        asks=asks,
        mid=centre if both else None,
        spread=spread,
        spread_bps=spread / centre * _BPS if spread is not None and centre else None,
        imbalance=_imbalance(bids.total, asks.total),
        low=centre - reach,
        high=centre + reach,
        top=top,
        prices=prices,
        between=between,
        totals=_total_axis(top, scale, deptharea.plot_px(height)) if largest > 0 else (),
        price_decimals=price_decimals,
        scale=scale,
    )


class DepthPainter(Painter[BookSubject, DepthPicture]):
    """Draws what stands within ``within`` bps of the mid (0.1 to 5,000), or as far as the best ``levels`` levels of the
    sparser side go (2 to 100,000).

    ``of``: ``"size"``, in the base currency, of futures in lots, or ``"value"``, in the quote currency. ``height`` in
    px. Raises :class:`UsageError`.
    """

    def __init__(
        self,
        subject: BookSubject,
        within: float | None = None,
        levels: int | None = None,
        of: str = "size",
        height: int = 240,
    ) -> None:
        super().__init__(subject)
        if within is not None and levels is not None:
            raise UsageError(f"within={within!r} and levels={levels!r}: write one of them")
        self.range = Range(
            amount("within", 50.0 if within is None else within, 0.1, 5000, "bps") if levels is None else None,
            None if levels is None else given.whole("levels", levels, 2, 100_000),
        )
        self.of = choice("of", of, OF)
        self.height = given.whole("height", height, 120, 1200)
        self.unit = _unit(subject, of)
        self._top = 0.0
        self._reads = max(_FIRST_READ, levels or 0)

    def picture(self, at: float) -> DepthPicture:
        """Ask for the levels, as many as the range needs, and take a picture of what they add up to."""
        while True:
            levels = self.subject.levels(self._reads)
            taken = self._taken(levels, at)
            if _whole(levels, self._reads, taken):
                self._top = taken.top
                return taken
            self._reads *= 4

    def _taken(self, levels: Levels, at: float) -> DepthPicture:
        subject = self.subject
        return picture(
            levels,
            self.caption(at),
            span=self.range,
            of=self.of,
            unit=self.unit,
            multiplier=getattr(subject, "multiplier", None),
            price_decimals=subject.price_decimals,
            size_decimals=subject.size_decimals,
            height=self.height,
            top=self._top,
        )

    def html(self, picture: DepthPicture) -> str:
        """Render as stretched inline SVG with labels beside it."""
        p = picture
        return html.frame(
            p.caption,
            label=label_of(p),
            facts=_facts(p, html.fact, up=html.UP_TEXT, down=html.DOWN_TEXT),
            body=deptharea.live(p),
            height=p.height,
            foot=html.escape(foot(p)),
            notice=_waiting(p),
        )

    def static_html(self, picture: DepthPicture) -> str:
        """Render as a table of images; the prices under it are text."""
        p = picture
        facts = _facts(p, html.static_fact, up=f"color:{html.UP}", down=f"color:{html.DOWN}")
        return html.static_frame(
            p.caption, facts=facts, body=deptharea.static(p), foot=html.escape(foot(p)), notice=_waiting(p)
        )

    def text(self, picture: DepthPicture, width: int = 80) -> str:
        """Render as block characters: bids full, asks shaded."""
        p = picture
        lines = [
            text.head(p.caption, width),
            text.fit("   ".join(f"{name} {value}" for name, value in said_of(p)), width),
            *[text.fit(line, width) for line in deptharea.plain(p, width)],
        ]
        if waiting := _waiting(p):
            lines[2 + deptharea.TEXT_ROWS // 2] = text.fit(f"  {waiting}", width)
        lines.append(text.foot(p.caption, foot(p), width))
        return "\n".join(lines)

    def problem(self, caption: Caption, message: str) -> str:
        """Render an empty frame with the message."""
        return html.frame(caption, label=message, facts="", body="", height=self.height, notice=message)


def _whole(levels: Levels, read: int, taken: DepthPicture) -> bool:
    """Return whether no side may go on, within the range, after the levels that were ``read`` of it."""
    bids, asks = len(levels.bid_prices) < read, len(levels.ask_prices) < read
    return (bids or taken.bids.end <= taken.low) and (asks or taken.asks.end >= taken.high)


def _known(prices: Any, sizes: Any) -> tuple[Any, Any]:
    price, size = (np.asarray(column, dtype=float) for column in (prices, sizes))
    known = (price > 1 / _MOST) & (price < _MOST) & (size > 1 / _MOST) & (size < _MOST)
    return (price, size) if known.all() else (price[known], size[known])


def _area(prices: Any, sizes: Any, centre: float, reach: float, sign: int) -> Area:
    """Add up one side; of the levels that share a step the furthest tells the total, as it is the largest."""
    edge = centre + sign * reach
    away = (prices - centre) * sign
    count = int(np.searchsorted(away, reach, side="right"))
    totals = np.cumsum(sizes[:count])
    if count > STEPS:
        step = np.floor(away[:count] / reach * STEPS)
        last = np.flatnonzero(np.append(step[1:] != step[:-1], True))
        prices, totals, kept = prices[last], totals[last], count
    else:
        prices, kept = prices[:count], count
    beyond = kept < len(away)
    end = edge if beyond or not kept else float(prices[-1])
    return Area(tuple(prices.tolist()), tuple(totals.tolist()), end)


def _scale(top: float, price: float, size_decimals: int) -> Scale:
    """Choose how totals are written: shorter than the sizes of a ladder, as these are labels of an axis."""
    for least, divisor, unit in _UNITS:
        if least <= top < 1000 * divisor:
            return Scale(divisor, unit, 4)
    return scale_for(top, price, size_decimals)


def _imbalance(bids: float, asks: float) -> float | None:
    found = imbalance(np.array([bids]), np.array([asks]))
    return found if math.isfinite(found) else None


def _price_axis(centre: float, reach: float, decimals: int) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
    """Choose round prices for a narrow picture, and those half-way between, which only a wider one has room for."""
    label = (len(html.number(centre, decimals)) + 2) * _LABEL_PX
    step, step_decimals = round_step(reach / min(4.0, max(1.5, _AXIS_PX / label)))
    low, margin = centre - reach, 50 * label / _AXIS_PX
    marks: tuple[list[Mark], list[Mark]] = ([], [])
    for k in range(math.ceil(low / step), math.floor((centre + reach) / step) + 1):
        percent = (k * step - low) / (2 * reach) * 100
        if margin <= percent <= 100 - margin:
            marks[k % 2].append(Mark(percent, html.number(k * step, min(decimals, step_decimals))))
    return tuple(marks[0][:8]), tuple(marks[1][:8])


def _total_axis(top: float, scale: Scale, height: int) -> tuple[Mark, ...]:
    marks = price_marks(top / scale.divisor, 0.0, 12, None, height)
    return tuple(Mark(mark.percent, f"{mark.label}{scale.unit}") for mark in marks)


def _unit(subject: BookSubject, of: str) -> str:
    if getattr(subject, "multiplier", None) is not None:
        return "lots" if of == "size" else ""
    base, _, quote = subject.symbol.partition("-")
    return (base if of == "size" else quote) if quote else ""


def _waiting(p: DepthPicture) -> str:
    if p.bids.totals or p.asks.totals or p.mid is not None:
        return ""
    return f"waiting for the order book · {p.caption.status}"


def foot(p: DepthPicture) -> str:
    """Say what adds up, in what unit, and how far from the mid."""
    reach = (p.high - p.low) / (p.high + p.low) * _BPS if p.high + p.low > 0 else 0.0
    unit = f", {p.unit}" if p.unit else ""
    return f"cumulative {p.of}{unit} · within {reach:,.4g} bps of the mid"


def _total(p: DepthPicture, area: Area) -> str:
    """Write a total with five digits, which is what a chart of it can tell."""
    if not area.totals:
        return "–"
    value = area.total / p.scale.divisor
    return html.number(value, min(p.scale.decimals, max(0, 5 - digits(value)))) + p.scale.unit


def said_of(p: DepthPicture) -> list[tuple[str, str]]:
    """Return names and values of what is said above the chart."""
    return [
        ("mid", html.number(p.mid, p.price_decimals + 1)),
        ("bids", _total(p, p.bids)),
        ("asks", _total(p, p.asks)),
        ("imbalance", "–" if p.imbalance is None else f"{round(p.imbalance, 2) + 0.0:+.2f}"),  # no -0.00
        ("spread", f"{html.number(p.spread, p.price_decimals)} ({html.number(p.spread_bps, 2)} bps)"),
    ]


def label_of(p: DepthPicture) -> str:
    """Return what screen readers say of it."""
    said = ", ".join(f"{name} {value}" for name, value in said_of(p))
    return f"{p.caption.badge} depth of {p.caption.title}: {said}, {p.caption.status}".strip()


def _facts(p: DepthPicture, fact: Any, up: str, down: str) -> str:
    looks = {"mid": "font-weight:700", "bids": up, "asks": down}
    return "".join(
        fact(name, f'<span style="{looks[name]}">{value}</span>' if name in looks else value)
        for name, value in said_of(p)
    )
