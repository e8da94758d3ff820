"""The trade tape: newest first, price in the colour of the taker's side, a bar for the size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.messages.spot import Trade
from kucoin_stream.widgets import html, text
from kucoin_stream.widgets.picture import Caption, Painter, Subject, digits, finite

ROW_PX = 18
ARROWS = {"buy": "▲", "sell": "▼"}
FOOT = "newest first · time UTC"


class TapeSubject(Subject, Protocol):
    """The latest trades."""

    def recent(self, count: int) -> Sequence[Trade]:
        """Return at most ``count`` trades, newest last."""

    def decimals(self, symbol: str) -> tuple[int, int]:
        """Return the digits after the point in a price and in a size of ``symbol``."""


class TapeRow(Struct, frozen=True):
    """One trade; ``bar`` is its size in per cent of the largest shown of its symbol."""

    time_s: float
    symbol: str
    side: str  # "buy", "sell" or ""
    price: float
    size: float
    bar: float
    price_decimals: int
    size_decimals: int


class TapePicture(Struct, frozen=True):
    """All that one drawing of the tape shows; rows newest first."""

    caption: Caption
    count: int
    rows: tuple[TapeRow, ...]
    several: bool  # symbols


def picture(
    trades: Sequence[Trade], caption: Caption, *, count: int, decimals: dict[str, tuple[int, int]]
) -> TapePicture:
    """Take a picture of the newest ``count`` trades; ``decimals`` are those of price and size, by symbol."""
    kept = [t for t in list(trades)[-count:] if finite(t.price) is not None and finite(t.size) is not None]
    kept.reverse()
    sizes: dict[str, list[float]] = {}
    for trade in kept:
        sizes.setdefault(trade.symbol, []).append(trade.size)
    largest = {symbol: max(values) for symbol, values in sizes.items()}
    shown = {t.symbol: (decimals.get(t.symbol, (8, 8))) for t in kept}
    shown = {s: (price, _size_decimals(sizes[s], size)) for s, (price, size) in shown.items()}
    rows = tuple(
        [
            TapeRow(
                time_s=t.time_ns / 1e9,
                symbol=t.symbol,
                side=t.side if t.side in ARROWS else "",
                price=t.price,
                size=t.size,
                bar=min(100.0, max(0.0, t.size / largest[t.symbol] * 100)) if largest[t.symbol] > 0 else 0.0,
                price_decimals=shown[t.symbol][0],
                size_decimals=shown[t.symbol][1],
            )
            for t in kept
        ]
    )
    return TapePicture(caption, count, rows, len(sizes) > 1)


class TapePainter(Painter[TapeSubject, TapePicture]):
    """Draws the newest ``count`` trades."""

    def __init__(self, subject: TapeSubject, count: int = 15) -> None:
        if not 1 <= count <= 200:
            raise UsageError(f"count is {count}: write 1 to 200")
        super().__init__(subject)
        self.count = count

    def picture(self, at: float) -> TapePicture:
        """Ask for the newest trades and take a picture of them."""
        trades = self.subject.recent(self.count)
        decimals = {symbol: self.subject.decimals(symbol) for symbol in {t.symbol for t in trades}}
        return picture(trades, self.caption(at), count=self.count, decimals=decimals)

    def html(self, picture: TapePicture) -> str:
        """Render as text columns over one path of bars a side."""
        p = picture
        return html.frame(
            p.caption,
            label=_label(p),
            facts=_facts(p, up=html.UP_TEXT, down=html.DOWN_TEXT),
            body=_columns(p),
            height=(self.count + 1) * ROW_PX,
            foot=FOOT,
            notice=_waiting(p),
            max_width=620,
        )

    def static_html(self, picture: TapePicture) -> str:
        """Render as a table."""
        p = picture
        cell = "padding:0 6px;line-height:18px;border:none;white-space:nowrap;text-align:"
        symbol = f'<th style="{cell}left;font-weight:400">symbol</th>' if p.several else ""
        rows = [
            (
                f'<tr style="color:{html.GREY}"><th style="{cell}left;font-weight:400">time UTC</th>{symbol}'
                f'<th style="{cell}right;font-weight:400">price</th><th style="{cell}right;font-weight:400">size</th>'
                f'<th style="{cell}left;font-weight:400">side</th><th style="{cell}left;width:40%"></th></tr>'
            )
        ]
        for row in p.rows:
            symbol = f'<td style="{cell}left">{html.escape(row.symbol)}</td>' if p.several else ""
            colour = {"buy": html.UP, "sell": html.DOWN}.get(row.side, html.GREY)
            drawn = (
                f'<div style="background-color:{colour};opacity:0.5;height:10px;width:{max(1, round(row.bar))}%"></div>'
            )
            price = html.number(row.price, row.price_decimals)
            rows.append(
                f'<tr><td style="{cell}left;color:{html.GREY}">{html.clock(row.time_s)}&nbsp;</td>{symbol}'
                f'<td style="{cell}right;color:{colour};font-weight:700">{price}</td>'
                f'<td style="{cell}right">{html.number(row.size, row.size_decimals)}</td>'
                f'<td style="{cell}left;color:{colour}">{row.side}</td><td style="{cell}left">{drawn}</td></tr>'
            )
        table = f'<table style="border-collapse:collapse;font-size:12px;width:100%;margin:0">{"".join(rows)}</table>'
        facts = _facts(p, up=f"color:{html.UP}", down=f"color:{html.DOWN}")
        return html.static_frame(p.caption, facts=facts, body=table, foot=FOOT, notice=_waiting(p), max_width=620)

    def text(self, picture: TapePicture, width: int = 80) -> str:
        """Render one trade a line."""
        p = picture
        name = 12 if p.several and width >= 60 else 0
        room = width - 14 - (name + 1 if name else 0) - 15 - 13 - 1
        lines = [text.head(p.caption, width), text.fit(_count_text(p), width)]
        for row in p.rows:
            symbol = text.fit(row.symbol, name) + " " if name else ""
            price = text.fit_number(row.price, row.price_decimals, 13)
            size = text.fit_number(row.size, row.size_decimals, 12)
            drawn = text.bar(row.bar, room) if room >= 4 else ""
            line = f"{html.clock(row.time_s)}  {symbol}{ARROWS.get(row.side, ' ')} {price} {size} {drawn}"
            lines.append(text.fit(line, width))
        lines += [" " * width] * (p.count - len(p.rows))
        if waiting := _waiting(p):
            lines[2 + p.count // 2] = text.fit(f"  {waiting}", width)
        lines.append(text.foot(p.caption, FOOT, width))
        return "\n".join(lines)

    def problem(self, caption: Caption, message: str) -> str:
        """Render an empty frame with the message."""
        height = (self.count + 1) * ROW_PX
        return html.frame(caption, label=message, facts="", body="", height=height, notice=message, max_width=620)


def _size_decimals(sizes: list[float], most: int) -> int:
    """Show the smallest size with at least one digit, and the largest with four."""
    smallest = min((size for size in sizes if size > 0), default=1.0)
    needed = -math.floor(math.log10(smallest)) if smallest < 1 else 0
    return max(0, min(most, max(needed, 4 - digits(max(sizes)))))


def _waiting(p: TapePicture) -> str:
    return "" if p.rows else f"waiting for trades · {p.caption.status}"


def _amounts(p: TapePicture) -> tuple[int, int]:
    bought = sum(row.side == "buy" for row in p.rows)
    return bought, sum(row.side == "sell" for row in p.rows)


def _count_text(p: TapePicture) -> str:
    bought, sold = _amounts(p)
    return f"of the last {len(p.rows)}:  ▲ {bought} bought  ▼ {sold} sold"


def _label(p: TapePicture) -> str:
    last = p.rows[0] if p.rows else None
    said = f"last {last.side} {html.number(last.price, last.price_decimals)}" if last else "none yet"
    return f"{p.caption.badge} trades {p.caption.title}: {said}, {p.caption.status}".strip()


def _facts(p: TapePicture, up: str, down: str) -> str:
    bought, sold = _amounts(p)
    return (
        f'<span><span style="color:{html.GREY}">last {len(p.rows)}</span> &nbsp;'
        f'<span style="{up}">▲ {bought} bought</span> &nbsp; '
        f'<span style="{down}">▼ {sold} sold</span></span>'
    )


def _columns(p: TapePicture) -> str:
    def column(basis: int, name: str, lines: list[str], style: str = "") -> str:
        shown = "\n".join(lines) + "\n" * (p.count - len(lines))  # of full height: what wraps is out of sight
        return f'<div style="flex:1 1 {basis}px;{style}"><span style="{html.MUTED}">{name}</span>\n{shown}</div>'

    inks = {"buy": html.UP_TEXT, "sell": html.DOWN_TEXT, "": ""}
    prices, sizes, paths = [], [], {"buy": "", "sell": "", "": ""}
    for i, row in enumerate(p.rows):
        price = f"{row.price:,.{row.price_decimals}f}"
        prices.append(f'<span style="{inks[row.side]}">{price} {ARROWS.get(row.side, "&nbsp;")}</span>')
        sizes.append(f"{row.size:,.{row.size_decimals}f}")
        paths[row.side] += f"M0,{i}.15h{row.bar:.1f}v.7H0z"
    columns = [column(74, "time UTC", [html.clock(row.time_s) for row in p.rows], html.MUTED)]
    if p.several:
        columns.append(column(58, "symbol", [html.escape(row.symbol) for row in p.rows], "overflow:hidden"))
    columns.append(column(76, "price &nbsp;&nbsp;", prices, "text-align:right"))
    columns.append(column(50, "size", sizes, "text-align:right"))
    bars = "".join(
        f'<path fill="{colour}" fill-opacity=".5" d="{paths[side]}"/>'
        for side, colour in (("buy", html.UP), ("sell", html.DOWN), ("", html.GREY))
        if paths[side]
    )
    return (
        '<div style="display:flex;flex-wrap:wrap;column-gap:6px;white-space:pre">'
        + "".join(columns)
        + '<div style="flex:2 1 40px;min-width:0">\n'
        + f'<svg viewBox="0 0 100 {p.count}" preserveAspectRatio="none" aria-hidden="true" width="100%" '
        + f'height="{p.count * ROW_PX}" style="display:block">{bars}</svg></div></div>'
    )
