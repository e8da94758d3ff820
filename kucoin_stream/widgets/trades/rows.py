"""The rows of a tape as HTML columns, as a table, and as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kucoin_stream.widgets.drawing import html, text

if TYPE_CHECKING:
    from kucoin_stream.widgets.trades.painter import TapePicture, TapeRow

ROW_PX = 18
ARROWS = {"buy": "▲", "sell": "▼"}
_INKS = {"buy": html.UP_TEXT, "sell": html.DOWN_TEXT, "": ""}
_COLOURS = {"buy": html.UP, "sell": html.DOWN, "": html.GREY}


def waiting(p: TapePicture) -> str:
    """Say what is waited for where there are no rows yet."""
    return "" if p.rows else " · ".join(filter(None, ("waiting for trades", p.passed, p.caption.status)))


def foot(p: TapePicture) -> str:
    """Return the footer: the order, the time zone, and which rows are shown."""
    return " · ".join(filter(None, ("newest first · time UTC", p.passed)))


def totals(p: TapePicture) -> list[tuple[str, str]]:
    """Return how many rows were bought and sold, and how much where that can be summed up; with its side."""
    said = []
    for side, word, size in (("buy", "bought", p.bought), ("sell", "sold", p.sold)):
        trades = sum(row.trades for row in p.rows if row.side == side)
        amount = "" if size is None else f" {html.number(size, p.rows[0].size_decimals)} {p.unit}".rstrip()
        said.append((side, f"{ARROWS[side]} {trades} {word}{amount}"))
    return said


def totals_text(p: TapePicture) -> str:
    """Return the totals as text."""
    return f"of the last {_trades(p)}:  {'  '.join(words for _, words in totals(p))}"


def label(p: TapePicture) -> str:
    """Return what a screen reader says."""
    last = p.rows[0] if p.rows else None
    said = f"last {last.side} {html.number(last.price, last.price_decimals)}, {totals_text(p)}" if last else "none yet"
    return f"{p.caption.badge} trades {p.caption.title}: {said}, {p.caption.status}".strip()


def facts(p: TapePicture, up: str, down: str) -> str:
    """Return the totals as HTML."""
    inks = {"buy": up, "sell": down}
    said = " &nbsp; ".join(f'<span style="{inks[side]}">{html.escape(words)}</span>' for side, words in totals(p))
    return f'<span><span style="color:{html.GREY}">last {_trades(p)}</span> &nbsp;{said}</span>'


def columns(p: TapePicture) -> str:
    """Return the rows as columns of text, which wrap out of sight where there is no room, and a path of bars."""

    def column(basis: int, name: str, lines: list[str], style: str = "") -> str:
        shown = "\n".join(lines) + "\n" * (p.count - len(lines))  # of full height: what wraps is out of sight
        return f'<div style="flex:1 1 {basis}px;{style}"><span style="{html.MUTED}">{name}</span>\n{shown}</div>'

    rows, right = p.rows, "text-align:right"
    prices = [f'<span style="{_INKS[row.side]}">{_price(row)} {ARROWS.get(row.side, "&nbsp;")}</span>' for row in rows]
    sizes = [f"{row.size:,.{row.size_decimals}f}" for row in rows]
    made = [column(74, "time UTC", [html.clock(row.time_s) for row in rows], html.MUTED)]
    if p.several:
        made.append(column(58, "symbol", [html.escape(row.symbol) for row in rows], "overflow:hidden"))
    made.append(column(76, "price &nbsp;&nbsp;", prices, right))
    made.append(column(50, html.escape(f"size {p.unit}".rstrip()), sizes, right))
    if p.joined:
        made.append(column(16, "×", [f"{row.trades}" for row in rows], f"{right};{html.MUTED}"))
    made.append(_bars(p))
    if p.joined:
        means = [f"{row.mean:,.{row.price_decimals}f}" for row in rows]
        made.append(column(70, "mean price", means, f"{right};{html.MUTED}"))
    return f'<div style="display:flex;flex-wrap:wrap;column-gap:6px;white-space:pre">{"".join(made)}</div>'


def _bars(p: TapePicture) -> str:
    paths = dict.fromkeys(_COLOURS, "")
    for i, row in enumerate(p.rows):
        paths[row.side] += f"M0,{i}.15h{row.bar:.1f}v.7H0z"
    bars = "".join(f'<path fill="{_COLOURS[side]}" fill-opacity=".5" d="{d}"/>' for side, d in paths.items() if d)
    return (
        f'<div style="flex:2 1 40px;min-width:0">\n<svg viewBox="0 0 100 {p.count}" preserveAspectRatio="none" '
        f"{html.size('100%', p.count * ROW_PX)}>{bars}</svg></div>"
    )


def table(p: TapePicture) -> str:
    """Return the rows as a table."""
    cell = html.STATIC_CELL

    def head(side: str, name: str) -> str:
        return f'<th style="{cell}{side};font-weight:400">{name}</th>'

    names = [head("left", "time UTC"), head("left", "symbol") if p.several else "", head("right", "price")]
    names.append(head("right", html.escape(f"size {p.unit}".rstrip())))
    names.append(head("right", "trades") + head("right", "mean price") if p.joined else "")
    names.append(f'<th style="{cell}left;width:30%"></th>')
    rows = "".join(f"<tr>{_cells(p, row, cell)}</tr>" for row in p.rows)
    return f'<table style="{html.STATIC_TABLE}"><tr style="color:{html.GREY}">{"".join(names)}</tr>{rows}</table>'


def _cells(p: TapePicture, row: TapeRow, cell: str) -> str:
    colour = _COLOURS[row.side]
    drawn = f'<div style="background-color:{colour};opacity:0.5;height:10px;width:{max(1, round(row.bar))}%"></div>'
    made = f'<td style="{cell}left;color:{html.GREY}">{html.clock(row.time_s)}</td>'
    if p.several:
        made += f'<td style="{cell}left">{html.escape(row.symbol)}</td>'
    arrow = ARROWS.get(row.side, "&nbsp;")
    made += f'<td style="{cell}right;color:{colour};font-weight:700">{_price(row)} {arrow}</td>'
    made += f'<td style="{cell}right">{html.number(row.size, row.size_decimals)}</td>'
    if p.joined:
        mean = html.number(row.mean, row.price_decimals)
        made += f'<td style="{cell}right">{row.trades}</td><td style="{cell}right;color:{html.GREY}">{mean}</td>'
    return made + f'<td style="{cell}left">{drawn}</td>'


def lines(p: TapePicture, width: int) -> Iterator[str]:
    """Yield a line of text for each row, about ``width`` cells wide."""
    name = 12 if p.several and width >= 60 else 0
    joined = 5 if p.joined else 0
    room = width - 14 - (name + 1 if name else 0) - 15 - 13 - 1 - joined
    for row in p.rows:
        symbol = text.fit(row.symbol, name) + " " if name else ""
        price = text.fit_number(row.price, row.price_decimals, 13)
        size = text.fit_number(row.size, row.size_decimals, 12)
        trades = text.fit(f"×{row.trades}", joined - 1) + " " if joined else ""
        drawn = text.bar(row.bar, room) if room >= 4 else ""
        yield f"{html.clock(row.time_s)}  {symbol}{ARROWS.get(row.side, ' ')} {price} {size} {trades}{drawn}"


def _trades(p: TapePicture) -> int:
    return sum(row.trades for row in p.rows)


def _price(row: TapeRow) -> str:
    return html.number(row.price, row.price_decimals)
