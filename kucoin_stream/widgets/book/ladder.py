"""The ladder: bids left, asks right, best on top, behind them the cumulative depth; as HTML and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kucoin_stream.widgets.drawing import html, text
from kucoin_stream.widgets.drawing.picture import NARROWEST

if TYPE_CHECKING:
    from kucoin_stream.widgets.book.painter import BookPicture, Column, Side
    from kucoin_stream.widgets.drawing.picture import Scale

ROW_PX = 18
OWN = "◆"
TRADED = {"buy": "▲", "sell": "▼", "": "●"}
_OWN_WORDS = {True: "buying", False: "selling"}  # by whether it is the side of the bids


def height(depth: int) -> int:
    """Return the height of a ladder in px, its head included."""
    return (depth + 1) * ROW_PX


def live(p: BookPicture) -> str:
    """Render as two sides of text columns over one depth path each."""
    halves = _half(p, p.bids, bid=True) + _half(p, p.asks, bid=False)
    return html.frame(
        p.caption,
        label=label_of(p),
        facts=_facts(p, html.fact, {"buy": html.UP_TEXT, "sell": html.DOWN_TEXT}),
        body=f'<div style="display:flex;gap:1px;height:100%">{halves}</div>',
        height=height(p.depth),
        foot=html.escape(foot_of(p)),
        notice=_waiting(p),
    )


def static(p: BookPicture) -> str:
    """Render as a table; the depth is one image a side."""
    facts = _facts(p, html.static_fact, {"buy": f"color:{html.UP}", "sell": f"color:{html.DOWN}"})
    return html.static_frame(p.caption, facts=facts, body=_table(p), foot=html.escape(foot_of(p)), notice=_waiting(p))


def narrowest(p: BookPicture) -> int:
    """Return from how many cells on a text has room for the digits of every price; most digits have it nowhere."""
    longest = max((len(f"{price:.{p.level_decimals}f}") for price in (*p.bids.prices, *p.asks.prices)), default=0)
    return next(
        (w for w in range(NARROWEST, 2 * NARROWEST) if _text_columns(p, _of_a_side(w))[1] >= longest), NARROWEST
    )


def _of_a_side(width: int) -> int:
    """Return how many cells of a text each side has."""
    return (width - 3) // 2


def plain(p: BookPicture, width: int) -> str:
    """Render side by side, with as many columns as fit."""
    half = _of_a_side(width)
    lines = [
        text.head(p.caption, width),
        text.fit(_text_facts(p), width),
        text.fit(f"{_text_names(p, half, bid=True)} │ {_text_names(p, half, bid=False)}", width),
    ]
    lines += [
        text.fit(f"{_text_row(p, p.bids, i, half, bid=True)} │ {_text_row(p, p.asks, i, half, bid=False)}", width)
        for i in range(p.depth)
    ]
    if waiting := _waiting(p):
        lines[3 + p.depth // 2] = text.fit(f"  {waiting}", width)
    lines.append(text.foot(p.caption, foot_of(p), width))
    return "\n".join(lines)


# -- words -------------------------------------------------------------------------------------------------------


def _waiting(p: BookPicture) -> str:
    if p.bids.prices or p.asks.prices:
        return ""
    return f"waiting for the order book · {p.caption.status}"


def foot_of(p: BookPicture) -> str:
    """Return what stands under the ladder."""
    sequence = f"sequence {p.sequence}" if p.sequence is not None else "no sequence yet"
    step = f"steps of {p.step:,.{p.level_decimals}f}" if p.step is not None else ""
    return " · ".join(filter(None, (p.own.note if p.own else "", step, sequence)))


def label_of(p: BookPicture) -> str:
    """Return what screen readers say of it."""
    best = [html.number(side.prices[0], p.level_decimals) if side.prices else "none" for side in (p.bids, p.asks)]
    caption = p.caption
    said = f"order book {caption.title}: best bid {best[0]}, best ask {best[1]}, "
    if p.last:
        said += f"last trade {p.last.side} {html.number(p.last.price, p.price_decimals)}, "
    if p.own:
        buying, selling = len(p.own.bids), len(p.own.asks)
        said += f"own orders: {buying} price{'' if buying == 1 else 's'} to buy at, {selling} to sell at, "
    return f"{caption.badge} {said}{caption.status}".strip()


def _facts(p: BookPicture, fact: Any, looks: dict[str, str]) -> str:
    d = p.price_decimals
    mid, spread = f"<b>{html.number(p.mid, d + 1)}</b>", html.number(p.spread, d)
    made: str = fact("mid", mid) + fact("spread", f"{spread} &nbsp;{html.number(p.spread_bps, 2)} bps")
    if p.last:
        look = looks.get(p.last.side, "")
        made += fact("last", f'<span style="{look}">{TRADED[p.last.side]} {html.number(p.last.price, d)}</span>')
    for side, word, held in held_of(p):
        made += fact(f"{OWN} {word}", f'<span style="{looks[side]}">{held}</span>')
    return made


def _text_facts(p: BookPicture) -> str:
    d = p.price_decimals
    said = f"mid {html.number(p.mid, d + 1)}   spread {html.number(p.spread, d)} ({html.number(p.spread_bps, 2)} bps)"
    if p.last:
        said += f"   last {TRADED[p.last.side]} {html.number(p.last.price, d)}"
    return said + "".join(f"   {OWN} {word} {held}" for _, word, held in held_of(p))


def held_of(p: BookPicture) -> list[tuple[str, str, str]]:
    """Return side, word and sum of the own orders, wherever in the book they are; of a side without any nothing."""
    if not p.own:
        return []
    held = (
        ("buy", _OWN_WORDS[True], sum(size for _, size in p.own.bids)),
        ("sell", _OWN_WORDS[False], sum(size for _, size in p.own.asks)),
    )
    return [(side, word, _own_number(size, p.scale)) for side, word, size in held if size]


# -- columns of text ---------------------------------------------------------------------------------------------


def _columns(p: BookPicture, side: Side) -> tuple[list[str], list[str], list[str]]:
    s = p.scale
    form, price = f",.{s.decimals}f", f",.{p.level_decimals}f"
    if s.divisor == 1:
        sizes = [format(v, form) for v in side.sizes]
        totals = [format(v, form) for v in side.totals]
    else:
        sizes = [format(v / s.divisor, form) for v in side.sizes]
        totals = [format(v / s.divisor, form) for v in side.totals]
    return [format(v, price) for v in side.prices], sizes, totals


def _own_number(size: float, scale: Scale) -> str:
    """Write a size of one's own: it may be far smaller than those of the book, and is not rounded away."""
    value = size / scale.divisor
    if abs(round(value, scale.decimals) - value) <= 0.005 * value:
        return f"{value:,.{scale.decimals}f}"
    return f"{value:.3g}"


def own_column(p: BookPicture, side: Side) -> list[str]:
    """Return the own orders' sizes, row by row; nothing where there is none."""
    return [_own_number(size, p.scale) if size else "" for size in side.own]


def marks_of(p: BookPicture, side: Side, at: int) -> str:
    """Return the signs beside a price: an own order, the last trade."""
    own = OWN if at < len(side.own) and side.own[at] else ""
    return own + (TRADED[p.last.side] if p.last and side.last == at else "")


# -- live --------------------------------------------------------------------------------------------------------


def _depth_path(bars: Column, *, bid: bool) -> str:
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
    if prices:
        prices[0] = f"<b>{prices[0]}</b>"
        sizes[0] = f"<b>{sizes[0]}</b>"
    _mark(p, side, prices, bid=bid, tips=True)
    unit = f" ({p.scale.unit})" if p.scale.unit else ""
    ink, near = (html.UP_TEXT, "right") if bid else (html.DOWN_TEXT, "left")
    own = ""
    if p.own:
        own = _column(p, _OWN_WORDS[bid], own_column(p, side), "flex:1 1 50px;font-weight:600")
    # The columns wrap inside a box of fixed height: what does not fit in a narrow cell drops out of sight.
    return (
        f'<div style="position:relative;flex:1 1 0;min-width:0;height:100%;overflow:hidden">{_shape(p, side, bid=bid)}'
        f'<div style="position:relative;display:flex;flex-wrap:wrap;flex-direction:{"row-reverse" if bid else "row"};'
        'column-gap:6px;padding:0 6px;white-space:pre;text-align:right">'
        + _column(p, "bid" if bid else "ask", prices, f"flex:1 1 64px;text-align:{near};{ink}")
        + _column(p, f"size{unit}", sizes, "flex:1 1 62px")
        + own
        + _column(p, f"total{unit}", totals, f"flex:1 1 66px;{html.MUTED}")
        + "</div></div>"
    )


def _shape(p: BookPicture, side: Side, *, bid: bool) -> str:
    """Return what is behind the columns: the depth, and a band for each level with own orders."""
    bands = "".join([f"M0,{i}h100v1h-100z" for i, size in enumerate(side.own) if size]) if any(side.own) else ""
    band = f'<path fill="{html.SKY}" fill-opacity=".24" d="{bands}"/>' if bands else ""
    return (
        f'<svg viewBox="0 0 100 {p.depth}" preserveAspectRatio="none" aria-hidden="true" style="position:absolute;'
        f'left:0;top:{ROW_PX}px;width:100%;height:{p.depth * ROW_PX}px">{band}'
        f'<path fill="{html.UP if bid else html.DOWN}" fill-opacity=".2" d="{_depth_path(side.bars, bid=bid)}"/></svg>'
    )


def _column(p: BookPicture, name: str, values: list[str], look: str) -> str:
    below = "\n" * (p.depth - len(values))
    return (
        f'<div style="{look}"><span style="{html.MUTED};font-weight:400">{name}</span>\n'
        + "\n".join(values)
        + below
        + "</div>"
    )


def _mark(p: BookPicture, side: Side, prices: list[str], *, bid: bool, tips: bool) -> None:
    """Write the signs beside the prices, on the side away from the middle."""
    if not p.own and not p.last:
        return
    for i, size in enumerate(side.own):
        if size or i == side.last:
            signs = marks_of(p, side, i)
            if size and tips:  # where the column of own sizes has no room
                signs = f'<span title="{_OWN_WORDS[bid]} {_own_number(size, p.scale)}">{signs}</span>'
            prices[i] = f"{signs} {prices[i]}" if bid else f"{prices[i]} {signs}"


# -- static ------------------------------------------------------------------------------------------------------


def _table(p: BookPicture) -> str:
    cell = html.STATIC_CELL
    left, right = (_static_columns(p, side, bid=bid) for side, bid in ((p.bids, True), (p.asks, False)))
    columns = [*reversed(left), *right]
    named = "".join(
        f'<th style="{cell}{align};font-weight:400;color:{html.GREY}">{name}</th>' for name, align, _, _ in columns
    )
    above = '<th style="padding:0;border:none;width:22%"></th>'  # the depth takes the room that numbers leave
    images = [_static_bars(p, side, bid=bid) for side, bid in ((p.bids, True), (p.asks, False))]
    rows = [f"<tr>{above}{named}{above}</tr>"]
    for i in range(p.depth):
        values = "".join(
            f'<td style="{cell}{align}{look}">{shown[i] if i < len(shown) else "&nbsp;"}</td>'
            for _, align, look, shown in columns
        )
        rows.append(f"<tr>{images[0] if i == 0 else ''}{values}{images[1] if i == 0 else ''}</tr>")
    return f'<table style="{html.STATIC_TABLE}">{"".join(rows)}</table>'


def _static_columns(p: BookPicture, side: Side, *, bid: bool) -> list[tuple[str, str, str, list[str]]]:
    """Return name, alignment, style and texts of each column, from the middle outwards."""
    prices, sizes, totals = _columns(p, side)
    _mark(p, side, prices, bid=bid, tips=False)
    unit = f" ({p.scale.unit})" if p.scale.unit else ""
    near, ink = ("right", html.UP) if bid else ("left", html.DOWN)
    columns = [
        ("bid" if bid else "ask", near, f";color:{ink};font-weight:700", prices),
        (f"size{unit}", "right", "", sizes),
    ]
    if any(side.own):
        columns.append((_OWN_WORDS[bid], "right", ";font-weight:700", own_column(p, side)))
    return [*columns, (f"total{unit}", "right", f";color:{html.GREY}", totals)]


def _static_bars(p: BookPicture, side: Side, *, bid: bool) -> str:
    high = p.depth * ROW_PX
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="{high}" viewBox="0 0 100 {p.depth}" '
        f'preserveAspectRatio="none"><path fill="{html.UP if bid else html.DOWN}" fill-opacity=".5" '
        f'd="{_depth_path(side.bars, bid=bid)}"/></svg>'
    )
    drawn = html.image(svg, f"width:100%;height:{high}px", "cumulative depth")
    return f'<td rowspan="{p.depth}" style="padding:0;border:none;vertical-align:top">{drawn}</td>'


# -- text --------------------------------------------------------------------------------------------------------


def _text_columns(p: BookPicture, half: int) -> tuple[int, int, int, int, int]:
    """Return the widths of signs, price, size, own and total; those that do not fit are 0. The rest is the bar's."""
    signs = 3 if half >= 18 and (p.own or p.last) else 0
    half -= signs
    price, size = min(12, max(6, half // 2)), min(10, max(0, half - 1 - half // 2))
    rest = half - price - size - 1
    own = 8 if p.own and rest >= 9 else 0
    rest -= own + 1 if own else 0
    return signs, price, size, own, 10 if rest >= 11 else 0


def _text_join(parts: list[str], half: int, *, bid: bool) -> str:
    line = " ".join(reversed(parts) if bid else parts)
    return line.rjust(half)[-half:] if bid else line.ljust(half)[:half]


def _text_names(p: BookPicture, half: int, *, bid: bool) -> str:
    signs, price, size, own, total = _text_columns(p, half)
    unit = p.scale.unit and f" {p.scale.unit}"
    near = " " * signs
    parts = [near + "bid".rjust(price) if bid else "ask".ljust(price) + near, f"size{unit}".rjust(size)]
    if own:
        parts.append(_OWN_WORDS[bid].rjust(own))
    if total:
        parts.append(f"total{unit}".rjust(total))
    return _text_join(parts, half, bid=bid)


def _text_row(p: BookPicture, side: Side, i: int, half: int, *, bid: bool) -> str:
    if i >= len(side.prices):
        return " " * half
    signs, price, size, own, total = _text_columns(p, half)
    d, divisor = p.scale.decimals, p.scale.divisor
    shown = text.fit_number(side.prices[i], p.level_decimals, price)
    shown = shown if bid else shown.strip().ljust(price)
    if signs:
        marks = marks_of(p, side, i)
        shown = f"{marks:>{signs - 1}} {shown}" if bid else f"{shown} {marks:<{signs - 1}}"
    parts = [shown, text.fit_number(side.sizes[i] / divisor, d, size)]
    if own:
        parts.append((_own_number(side.own[i], p.scale) if side.own[i] else "").rjust(own)[:own])
    if total:
        parts.append(text.fit_number(side.totals[i] / divisor, d, total))
    room = half - len(" ".join(parts)) - 1
    if room >= 4:
        parts.append(text.bar(side.bars[i], room, ">" if bid else "<"))
    return _text_join(parts, half, bid=bid)
