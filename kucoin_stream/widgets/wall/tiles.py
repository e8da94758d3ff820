"""The symbols of a wall as a grid of tiles, as a table, and as lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from kucoin_stream.widgets.drawing import html, text
from kucoin_stream.widgets.wall.sparks import Sparks, blocks

if TYPE_CHECKING:
    from kucoin_stream.widgets.wall.painter import Tile, WallPicture

TILE_PX = 56
_NARROWEST_PX = 176
LEVEL = 5e-5  # a smaller change is none: it is shown as 0.00 %, and neither rises nor falls
_ROOM_PX, _LETTER_PX, _DIGIT_PX = 158, 8.3, 7.3  # of symbol and price in the narrowest tile, in a wide font
_THIN = "\u202f"  # a space that does not grow where a line is justified
_CELL = 38  # of text, the least for a symbol


def waiting(p: WallPicture) -> str:
    """Say what is waited for where there are no symbols yet."""
    return "" if p.tiles else f"waiting for prices · {p.caption.status}"


def summary(p: WallPicture) -> str:
    """Return how many symbols rise and fall, as text."""
    return f"{p.symbols} symbols in {span(p.seconds)}:  ▲ {p.rising} rising  ▼ {p.falling} falling"


def label(p: WallPicture) -> str:
    """Return what a screen reader says."""
    first = f", first {p.tiles[0].symbol} {_percent(p.tiles[0].change)}" if p.tiles else ""
    return f"{p.caption.badge} {p.caption.title}: {summary(p)}{first}, {p.caption.status}".strip()


def facts(p: WallPicture, fact: Callable[[str, str], str], up: str, down: str) -> str:
    """Return how many symbols rise and fall, as HTML."""
    rising, falling = f'<span style="{up}">▲ {p.rising}</span>', f'<span style="{down}">▼ {p.falling}</span>'
    return fact("symbols", str(p.symbols)) + fact("rising", rising) + fact("falling", falling)


def foot(p: WallPicture) -> str:
    """Return the footer: what is shown, in which order, and of which time."""
    shown = f"{len(p.tiles)} of {p.symbols}" if p.symbols > len(p.tiles) else f"{p.symbols}"
    return f"{shown} by {p.sort} · change in {span(p.seconds)}"


class Grid:
    """Tiles in as many columns as there is room for; keeps those that have not changed. One thread at a time."""

    def __init__(self) -> None:
        self._sparks = Sparks()
        self._kept: dict[str, tuple[Tile, str]] = {}

    def html(self, p: WallPicture) -> str:
        """Return the tiles; empty places keep their room.

        ``text-align-last:justify`` puts what a line holds at its two ends, without a style for each.
        """
        self._kept = {tile.symbol: self._drawn(tile) for tile in p.tiles}
        self._sparks.keep(self._kept)
        made = "".join([drawn for _, drawn in self._kept.values()]) + "<div></div>" * (p.count - len(p.tiles))
        return (
            '<div style="display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,'
            f"{_NARROWEST_PX}px),1fr));grid-auto-rows:{TILE_PX}px;gap:6px 10px;padding:2px 0;white-space:nowrap;"
            f'text-align-last:justify">{made}</div>'
        )

    def _drawn(self, tile: Tile) -> tuple[Tile, str]:
        kept = self._kept.get(tile.symbol)
        return kept if kept is not None and kept[0] is tile else (tile, _tile(tile, self._sparks))


def _tile(tile: Tile, sparks: Sparks) -> str:
    colour, ink = _colours(tile.change)
    price = html.number(tile.price, tile.price_decimals)
    spark = sparks.svg(tile.symbol, tile.path, colour, html.size("50%", 18, "vertical-align:top"))
    return (
        f'<div style="border-left:3px solid {colour};padding-left:6px;overflow:hidden">'
        f"<div>{_name(tile.symbol, round((_ROOM_PX - _DIGIT_PX * len(price)) / _LETTER_PX))} {price}</div>"
        f'<div>{spark} <span style="display:inline-block;{ink}">{_percent(tile.change, _THIN)}</span></div>'
        f'<div style="font-size:10px;{html.MUTED}">{_spread(tile, _THIN)} {_age(tile.age_s, _THIN)}</div></div>'
    )


@lru_cache(maxsize=4096)
def _name(symbol: str, room: int) -> str:
    """Return the name of a symbol, cut where the price would be otherwise."""
    if len(symbol) <= room:
        return f"<b>{html.escape(symbol)}</b>"
    return f'<b title="{html.escape(symbol)}">{html.escape(symbol[: max(3, room - 1)])}…</b>'


def table(p: WallPicture) -> str:
    """Return a row for each symbol."""
    cell = html.STATIC_CELL
    names = ("symbol", "left"), ("price", "right"), ("change", "right"), ("", "left;width:30%"), ("spread", "right")
    head = "".join(f'<th style="{cell}{look};font-weight:400">{name}</th>' for name, look in (*names, ("age", "right")))
    sparks, rows = Sparks(), ""
    document = 'xmlns="http://www.w3.org/2000/svg" width="160" height="18"'
    for tile in p.tiles:
        colour, _ = _colours(tile.change)
        svg = sparks.svg(tile.symbol, tile.path, colour, document)
        spark = html.image(svg, "width:100%;min-width:40px;height:18px")
        rows += (
            f'<tr><td style="{cell}left;font-weight:700">{html.escape(tile.symbol)}</td>'
            f'<td style="{cell}right">{html.number(tile.price, tile.price_decimals)}</td>'
            f'<td style="{cell}right;color:{colour}">{_percent(tile.change)}</td>'
            f'<td style="{cell}left">{spark}</td>'
            f'<td style="{cell}right;color:{html.GREY}">{_spread(tile)}</td>'
            f'<td style="{cell}right;color:{html.GREY}">{_age(tile.age_s)}</td></tr>'
        )
    return f'<table style="{html.STATIC_TABLE}"><tr style="color:{html.GREY}">{head}</tr>{rows}</table>'


def lines(p: WallPicture, width: int) -> Iterator[str]:
    """Yield lines of text, each with as many symbols as there is room for."""
    columns = max(1, (width + 2) // (_CELL + 2))
    room = (width + 2) // columns - 2
    height = -(-p.count // columns)
    cells = [_cell(tile, room) for tile in p.tiles]
    for y in range(height):
        yield text.fit("  ".join(cells[y::height]), width)


def _cell(tile: Tile, room: int) -> str:
    colour_free = text.fit_number(tile.price, tile.price_decimals, 12)
    change = text.fit(_percent(tile.change), 10, ">")
    left = room - 12 - 10 - 2
    name = text.fit(tile.symbol, min(12, left))
    spark = left - 13
    return text.fit(f"{name} {colour_free} {change}" + (f" {blocks(tile.path, spark)}" if spark > 3 else ""), room)


def span(seconds: float) -> str:
    """Return a length of time in words."""
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"


def _colours(change: float | None) -> tuple[str, str]:
    if change is None or abs(change) < LEVEL:
        return html.GREY, html.MUTED
    return (html.UP, html.UP_TEXT) if change > 0 else (html.DOWN, html.DOWN_TEXT)


def _percent(change: float | None, space: str = " ") -> str:
    if change is None:
        return "–"
    if abs(change) < LEVEL:
        return f"•{space}0.00{space}%"
    arrow = "▲" if change > 0 else "▼"
    percent = change * 100
    shown = f"{percent:+.2f}" if abs(percent) < 1e5 else f"{percent:+.0e}"
    return f"{arrow}{space}{shown}{space}%"


def _spread(tile: Tile, space: str = " ") -> str:
    if tile.spread_bps is None:
        return space
    return f"{tile.spread_bps:,.{2 if abs(tile.spread_bps) < 10 else 0}f}{space}bps"


def _age(age_s: int | None, space: str = " ") -> str:
    """Return an age in whole units: it hardly changes from one picture to the next."""
    if age_s is None:
        return space
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if age_s >= length:
            return f"{age_s // length}{space}{unit}"
    return f"{age_s}{space}s"
