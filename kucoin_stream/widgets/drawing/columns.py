"""Rows under columns: cells that are ready to be shown, as live HTML, as a static table, as text.

Columns stand in the order of their importance: in a narrow picture the last ones wrap out of sight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from kucoin_stream.widgets.drawing import html, text

ROW_PX = 18
Tone = Literal["", "up", "down", "muted"]


class Column(Struct, frozen=True):
    """A column: its least width in a live picture, in px, and in a terminal, in cells."""

    name: str
    px: int
    cells: int
    align: Literal["left", "right"] = "right"


class Cell(Struct, frozen=True):
    """What stands in a column. A tone is never the only sign: an arrow, a word or a sign says the same."""

    text: str
    tone: Tone = ""


Row = tuple[Cell, ...]

_LIVE = {"": "", "up": html.UP_TEXT, "down": html.DOWN_TEXT, "muted": html.MUTED}
_STATIC = {"": "", "up": f"color:{html.UP}", "down": f"color:{html.DOWN}", "muted": f"color:{html.GREY}"}


def amount(value: float | None, sign: bool = False) -> str:
    """Return a number with at most eight digits that count, or a dash."""
    if value is None:
        return "–"
    value += 0.0  # there is no negative zero
    size = abs(value)
    form = "+" if sign and value else ""
    if size >= 1e15 or (0 < size < 1e-8):
        return f"{value:{form}.3e}"
    return f"{value:{form},.0f}" if size >= 1e8 else f"{value:{form},.8g}" if size >= 1e-4 else _small(value, form)


def live(columns: Sequence[Column], row: Row, *, line: bool = True) -> str:
    """Return one line of a live picture, :data:`ROW_PX` high."""
    cells = "".join(
        f'<span style="flex:{2 if column.align == "left" else 1} 1 {column.px}px;min-width:0;overflow:hidden;'
        f'text-overflow:ellipsis;text-align:{column.align};{_LIVE[cell.tone]}">{html.escape(cell.text)}</span>'
        for column, cell in zip(columns, row, strict=True)
    )
    rule = "box-shadow:inset 0 1px 0 rgba(128,128,128,.22)" if line else ""
    return (
        f'<div style="display:flex;flex-wrap:wrap;column-gap:8px;height:{ROW_PX}px;overflow:hidden;'
        f'white-space:nowrap;{rule}">{cells}</div>'
    )


def live_head(columns: Sequence[Column]) -> str:
    """Return the names of the columns above :func:`live` rows."""
    return live(columns, tuple(Cell(column.name, "muted") for column in columns), line=False)


def table(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Return a table for a static picture."""
    style = html.STATIC_CELL
    head = "".join(
        f'<th style="{style}{each.align};font-weight:400;color:{html.GREY}">{html.escape(each.name)}</th>'
        for each in columns
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{style}{column.align};{_STATIC[cell.tone]}">{html.escape(cell.text)}</td>'
            for column, cell in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f'<table style="{html.STATIC_TABLE}"><tr>{head}</tr>{body}</table>'


def plain(columns: Sequence[Column], row: Sequence[str], width: int) -> str:
    """Return one line for a terminal: as many columns as ``width`` has room for."""
    line = ""
    for column, value in zip(columns, row, strict=True):
        if text.cells(line) + column.cells > width:
            break
        line += text.fit(value, column.cells - 1, "<" if column.align == "left" else ">") + " "
    return text.fit(line, width)


def _small(value: float, form: str) -> str:
    return f"{value:{form}.12f}".rstrip("0").rstrip(".") or "0"
