"""The book ladder: bids left, asks right, best on top, behind them the cumulative depth."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, Protocol

import numpy as np
from msgspec import Struct

from kucoin_stream.errors import UsageError
from kucoin_stream.widgets import html, text
from kucoin_stream.widgets.picture import Caption, Painter, Scale, Subject, scale_for

ROW_PX = 18


class Levels(Protocol):
    """Both sides of a book as float64 arrays, best first."""

    bid_prices: Any
    bid_sizes: Any
    ask_prices: Any
    ask_sizes: Any
    sequence: int | None


class BookSubject(Subject, Protocol):
    """A live order book."""

    @property
    def price_decimals(self) -> int:
        """Digits after the point in a price."""

    @property
    def size_decimals(self) -> int:
        """Digits after the point in a size."""

    def levels(self, depth: int) -> Levels:
        """Return the best ``depth`` levels a side; may block for a few ms."""


class Side(Struct, frozen=True):
    """One side, best first. ``totals`` are cumulative sums of ``sizes``; ``bars`` are per cent of the larger side."""

    prices: tuple[float, ...]
    sizes: tuple[float, ...]
    totals: tuple[float, ...]
    bars: tuple[float, ...]


class BookPicture(Struct, frozen=True):
    """All that one drawing of a book shows."""

    caption: Caption
    depth: int
    bids: Side
    asks: Side
    mid: float | None
    spread: float | None
    spread_bps: float | None  # hundredths of a per cent of mid
    sequence: int | None
    price_decimals: int
    scale: Scale


def picture(
    levels: Levels, caption: Caption, *, depth: int, price_decimals: int, size_decimals: int, at_least: int = 0
) -> BookPicture:
    """Take a picture of the best ``depth`` levels. ``at_least`` decimals are shown in sizes (see ``scale_for``)."""
    bids, bid_totals = _side(levels.bid_prices, levels.bid_sizes, depth)
    asks, ask_totals = _side(levels.ask_prices, levels.ask_sizes, depth)
    largest = max(bid_totals[-1] if bid_totals else 0.0, ask_totals[-1] if ask_totals else 0.0)
    mid = spread = bps = None
    if bids[0] and asks[0]:
        mid = (bids[0][0] + asks[0][0]) / 2
        spread = asks[0][0] - bids[0][0]
        bps = spread / mid * 1e4 if mid else None
    best = bids[0] or asks[0]
    return BookPicture(
        caption=caption,
        depth=depth,
        bids=Side(*bids, bid_totals, _bars(bid_totals, largest)),
        asks=Side(*asks, ask_totals, _bars(ask_totals, largest)),
        mid=mid,
        spread=spread,
        spread_bps=bps,
        sequence=levels.sequence,
        price_decimals=price_decimals,
        scale=scale_for(largest, best[0] if best else 0.0, size_decimals, at_least),
    )


class BookPainter(Painter[BookSubject, BookPicture]):
    """Draws an order book, ``depth`` levels a side."""

    def __init__(self, subject: BookSubject, depth: int = 15) -> None:
        if not 1 <= depth <= 100:
            raise UsageError(f"depth is {depth}: write 1 to 100")
        super().__init__(subject)
        self.depth = depth
        self._decimals = 0

    def picture(self, at: float) -> BookPicture:
        """Ask the book for its best levels and take a picture of them."""
        subject = self.subject
        taken = picture(
            subject.levels(self.depth),
            self.caption(at),
            depth=self.depth,
            price_decimals=subject.price_decimals,
            size_decimals=subject.size_decimals,
            at_least=self._decimals,
        )
        if taken.scale.divisor == 1 and (taken.bids.prices or taken.asks.prices):
            self._decimals = taken.scale.decimals
        return taken

    def html(self, picture: BookPicture) -> str:
        """Render the ladder as two sides of three text columns over one depth path each."""
        p = picture
        halves = _half(p, p.bids, bid=True) + _half(p, p.asks, bid=False)
        return html.frame(
            p.caption,
            label=_label(p),
            facts=_facts(p, html.fact),
            body=f'<div style="display:flex;gap:1px;height:100%">{halves}</div>',
            height=self._height,
            foot=_sequence(p),
            notice=_waiting(p),
        )

    def static_html(self, picture: BookPicture) -> str:
        """Render the ladder as a table; the depth is one image a side."""
        p = picture
        facts = _facts(p, html.static_fact)
        return html.static_frame(p.caption, facts=facts, body=_static_table(p), foot=_sequence(p), notice=_waiting(p))

    def text(self, picture: BookPicture, width: int = 80) -> str:
        """Render the ladder side by side, with as many columns as fit."""
        p, half = picture, (width - 3) // 2
        mid, spread = html.number(p.mid, p.price_decimals + 1), html.number(p.spread, p.price_decimals)
        lines = [
            text.head(p.caption, width),
            text.fit(f"mid {mid}   spread {spread} ({html.number(p.spread_bps, 2)} bps)", width),
            text.fit(f"{_text_names(p, half, bid=True)} │ {_text_names(p, half, bid=False)}", width),
        ]
        lines += [
            text.fit(f"{_text_row(p, p.bids, i, half, bid=True)} │ {_text_row(p, p.asks, i, half, bid=False)}", width)
            for i in range(p.depth)
        ]
        if waiting := _waiting(p):
            lines[3 + p.depth // 2] = text.fit(f"  {waiting}", width)
        lines.append(text.foot(p.caption, _sequence(p), width))
        return "\n".join(lines)

    def problem(self, caption: Caption, message: str) -> str:
        """Render an empty frame with the message."""
        return html.frame(caption, label=message, facts="", body="", height=self._height, notice=message)

    @property
    def _height(self) -> int:
        return (self.depth + 1) * ROW_PX


def _side(prices: Any, sizes: Any, depth: int) -> tuple[tuple[tuple[float, ...], tuple[float, ...]], tuple[float, ...]]:
    price, size = np.asarray(prices, dtype=float)[:depth], np.asarray(sizes, dtype=float)[:depth]
    known = np.isfinite(price) & np.isfinite(size)
    if not known.all():
        price, size = price[known], size[known]
    listed = tuple(size.tolist())
    return (tuple(price.tolist()), listed), tuple(accumulate(listed))


def _bars(totals: tuple[float, ...], largest: float) -> tuple[float, ...]:
    if largest <= 0:
        return (0.0,) * len(totals)
    return tuple([min(100.0, max(0.0, total / largest * 100)) for total in totals])


def _waiting(p: BookPicture) -> str:
    if p.bids.prices or p.asks.prices:
        return ""
    return f"waiting for the order book · {p.caption.status}"


def _sequence(p: BookPicture) -> str:
    return f"sequence {p.sequence}" if p.sequence is not None else "no sequence yet"


def _label(p: BookPicture) -> str:
    d = p.price_decimals
    best = [html.number(side.prices[0], d) if side.prices else "none" for side in (p.bids, p.asks)]
    caption = p.caption
    said = f"order book {caption.title}: best bid {best[0]}, best ask {best[1]}, {caption.status}"
    return f"{caption.badge} {said}".strip()


def _facts(p: BookPicture, fact: Any) -> str:
    mid = f"<b>{html.number(p.mid, p.price_decimals + 1)}</b>"
    spread = html.number(p.spread, p.price_decimals)
    made: str = fact("mid", mid) + fact("spread", f"{spread} &nbsp;{html.number(p.spread_bps, 2)} bps")
    return made


def _columns(p: BookPicture, side: Side) -> tuple[list[str], list[str], list[str]]:
    d, s = p.price_decimals, p.scale
    form, price = f",.{s.decimals}f", f",.{d}f"
    if s.divisor == 1:
        sizes = [format(v, form) for v in side.sizes]
        totals = [format(v, form) for v in side.totals]
    else:
        sizes = [format(v / s.divisor, form) for v in side.sizes]
        totals = [format(v / s.divisor, form) for v in side.totals]
    return [format(v, price) for v in side.prices], sizes, totals


def _depth_path(bars: tuple[float, ...], *, bid: bool) -> str:
    """Return steps over a box 100 wide and one high per level, growing away from the middle of the ladder."""
    if not bars:
        return ""
    if bid:
        steps = "".join([f"H{100 - b:.1f}V{i}" for i, b in enumerate(bars, 1)])
        return f"M100,0{steps}H100Z"
    steps = "".join([f"H{b:.1f}V{i}" for i, b in enumerate(bars, 1)])
    return f"M0,0{steps}H0Z"


def _half(p: BookPicture, side: Side, *, bid: bool) -> str:
    prices, sizes, totals = _columns(p, side)
    below = "\n" * (p.depth - len(prices))
    colour, ink = (html.UP, html.UP_TEXT) if bid else (html.DOWN, html.DOWN_TEXT)
    if prices:
        prices[0] = f"<b>{prices[0]}</b>"
        sizes[0] = f"<b>{sizes[0]}</b>"
    unit = f" ({p.scale.unit})" if p.scale.unit else ""
    near = "right" if bid else "left"
    # The columns wrap inside a box of fixed height: what does not fit in a narrow cell drops out of sight.
    return (
        '<div style="position:relative;flex:1 1 0;min-width:0;height:100%;overflow:hidden">'
        f'<svg viewBox="0 0 100 {p.depth}" preserveAspectRatio="none" aria-hidden="true" style="position:absolute;'
        f'left:0;top:{ROW_PX}px;width:100%;height:{p.depth * ROW_PX}px"><path fill="{colour}" fill-opacity=".2" '
        f'd="{_depth_path(side.bars, bid=bid)}"/></svg>'
        f'<div style="position:relative;display:flex;flex-wrap:wrap;flex-direction:{"row-reverse" if bid else "row"};'
        'column-gap:6px;padding:0 6px;white-space:pre;text-align:right">'
        f'<div style="flex:1 1 64px;text-align:{near};{ink}">'
        f'<span style="{html.MUTED}">{"bid" if bid else "ask"}</span>\n'
        + "\n".join(prices)
        + below
        + f'</div><div style="flex:1 1 62px"><span style="{html.MUTED}">size{unit}</span>\n'
        + "\n".join(sizes)
        + below
        + f'</div><div style="flex:1 1 66px;{html.MUTED}">total{unit}\n'
        + "\n".join(totals)
        + "</div></div></div>"
    )


def _static_table(p: BookPicture) -> str:
    cell = "padding:0 6px;line-height:18px;white-space:nowrap;border:none;text-align:"
    none = ([""] * p.depth,) * 3
    bids, asks = (
        [column + pad[len(column) :] for column, pad in zip(_columns(p, side), none, strict=True)]
        for side in (p.bids, p.asks)
    )
    unit = f" ({p.scale.unit})" if p.scale.unit else ""
    names = ("depth", f"total{unit}", f"size{unit}", "bid", "ask", f"size{unit}", f"total{unit}", "depth")
    heads = [
        f'<th style="{cell}{"left" if i in (4, 7) else "right"};font-weight:400;color:{html.GREY}">{name}</th>'
        for i, name in enumerate(names)
    ]
    rows = [f"<tr>{''.join(heads)}</tr>"]
    for i in range(p.depth):
        images = [_static_bars(p, side, bid=bid) if i == 0 else "" for side, bid in ((p.bids, True), (p.asks, False))]
        values = "".join(
            f'<td style="{cell}{align}{style}">{value or "&nbsp;"}</td>'
            for value, align, style in (
                (bids[2][i], "right", f";color:{html.GREY}"),
                (bids[1][i], "right", ""),
                (bids[0][i], "right", f";color:{html.UP};font-weight:700"),
                (asks[0][i], "left", f";color:{html.DOWN};font-weight:700"),
                (asks[1][i], "right", ""),
                (asks[2][i], "right", f";color:{html.GREY}"),
            )
        )
        rows.append(f"<tr>{images[0]}{values}{images[1]}</tr>")
    return f'<table style="border-collapse:collapse;font-size:12px;width:100%;margin:0">{"".join(rows)}</table>'


def _static_bars(p: BookPicture, side: Side, *, bid: bool) -> str:
    height = p.depth * ROW_PX
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="{height}" viewBox="0 0 100 {p.depth}" '
        f'preserveAspectRatio="none"><path fill="{html.UP if bid else html.DOWN}" fill-opacity=".5" '
        f'd="{_depth_path(side.bars, bid=bid)}"/></svg>'
    )
    drawn = html.image(svg, f"width:100%;height:{height}px", "cumulative depth")
    return f'<td rowspan="{p.depth}" style="padding:0;border:none;width:22%;vertical-align:top">{drawn}</td>'


def _text_columns(half: int) -> tuple[int, int, int, int]:
    """Return the widths of price, size, total and bar; those that do not fit are 0."""
    price, size = min(12, max(6, half // 2)), min(10, max(0, half - 1 - half // 2))
    total = 10 if half >= price + size + 12 else 0
    rest = half - price - size - 1 - (total + 1 if total else 0)
    return price, size, total, rest - 1 if rest >= 4 else 0


def _text_join(parts: list[str], half: int, *, bid: bool) -> str:
    line = " ".join(reversed(parts) if bid else parts)
    return line.rjust(half)[-half:] if bid else line.ljust(half)[:half]


def _text_names(p: BookPicture, half: int, *, bid: bool) -> str:
    price, size, total, _ = _text_columns(half)
    parts = [
        "bid".rjust(price) if bid else "ask".ljust(price),
        f"size{p.scale.unit and ' ' + p.scale.unit}".rjust(size),
    ]
    if total:
        parts.append(f"total{p.scale.unit and ' ' + p.scale.unit}".rjust(total))
    return _text_join(parts, half, bid=bid)


def _text_row(p: BookPicture, side: Side, i: int, half: int, *, bid: bool) -> str:
    if i >= len(side.prices):
        return " " * half
    price, size, total, room = _text_columns(half)
    d, divisor = p.scale.decimals, p.scale.divisor
    shown = text.fit_number(side.prices[i], p.price_decimals, price)
    parts = [
        shown if bid else shown.strip().ljust(price),
        text.fit_number(side.sizes[i] / divisor, d, size),
    ]
    if total:
        parts.append(text.fit_number(side.totals[i] / divisor, d, total))
    if room:
        parts.append(text.bar(side.bars[i], room, ">" if bid else "<"))
    return _text_join(parts, half, bid=bid)
