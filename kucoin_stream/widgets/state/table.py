"""Any feed's latest messages as rows: what is drawn where there is no picture of its own."""

from __future__ import annotations

from typing import Any, Protocol

import pandas as pd
from msgspec import Struct

from kucoin_stream import given
from kucoin_stream.widgets.drawing import html, text
from kucoin_stream.widgets.drawing.picture import Caption, Painter, Subject

ROW_PX = 18
CELL = "padding:0 6px;line-height:18px;border:none;white-space:nowrap;text-align:"
WIDEST = 40  # characters of a cell


class TableSubject(Subject, Protocol):
    """Rows."""

    def rows(self, count: int) -> Any:
        """Return at most ``count`` rows as a DataFrame, newest last."""


class TablePicture(Struct, frozen=True):
    """All that one drawing shows; rows newest first, as text."""

    caption: Caption
    count: int
    columns: tuple[str, ...]
    numbers: tuple[bool, ...]  # which columns are
    rows: tuple[tuple[str, ...], ...]


def picture(frame: Any, caption: Caption, count: int) -> TablePicture:
    """Take a picture of the newest ``count`` rows of a DataFrame."""
    newest = frame.tail(count).iloc[::-1]
    if newest.index.name:
        newest = newest.reset_index()
    columns = tuple(str(name) for name in newest.columns)
    numbers = tuple(kind.kind in "fi" for kind in newest.dtypes)
    cells = [[_cell(value) for value in newest[name]] for name in newest.columns]
    return TablePicture(caption, count, columns, numbers, tuple(zip(*cells, strict=True)))


class TablePainter(Painter[TableSubject, TablePicture]):
    """Draws the newest ``count`` rows."""

    def __init__(self, subject: TableSubject, count: int = 10) -> None:
        super().__init__(subject)
        self.count = given.whole("count", count, 1, 200)

    def picture(self, at: float) -> TablePicture:
        """Ask for the newest rows and take a picture of them."""
        return picture(self.subject.rows(self.count), self.caption(at), self.count)

    def html(self, picture: TablePicture) -> str:
        """Render as a table of fixed height that scrolls sideways."""
        p = picture
        body = f'<div style="overflow-x:auto">{_table(p)}</div>'
        return html.frame(p.caption, label=_label(p), facts="", body=body, height=self._height, notice=_waiting(p))

    def static_html(self, picture: TablePicture) -> str:
        """Render as a table."""
        p = picture
        return html.static_frame(p.caption, facts="", body=_table(p), notice=_waiting(p))

    def text(self, picture: TablePicture, width: int = 80) -> str:
        """Render one row a line."""
        p = picture
        room = max(6, (width + 1) // max(1, len(p.columns)) - 1)
        lines = [text.head(p.caption, width)]
        lines += [
            text.fit(
                " ".join(text.fit(cell, room, ">" if n else "<") for cell, n in zip(r, p.numbers, strict=True)), width
            )
            for r in (p.columns, *p.rows)
        ]
        lines += [" " * width] * (p.count - len(p.rows))
        if waiting := _waiting(p):
            lines[2] = text.fit(f"  {waiting}", width)
        lines.append(text.foot(p.caption, "", width))
        return "\n".join(lines)

    def problem(self, caption: Caption, message: str) -> str:
        """Render an empty frame with the message."""
        return html.frame(caption, label=message, facts="", body="", height=self._height, notice=message)

    @property
    def _height(self) -> int:
        return (self.count + 2) * ROW_PX


def _cell(value: Any) -> str:
    if value is pd.NA:
        return "–"
    if isinstance(value, float):
        return f"{value:,.10g}" if value == value else "–"
    if hasattr(value, "strftime"):
        return f"{value:%H:%M:%S.%f}"[:-3] if value == value else "–"
    return html.clean(value, WIDEST)


def _waiting(p: TablePicture) -> str:
    return "" if p.rows else "nothing yet" if p.caption.word == "live" else f"waiting for messages · {p.caption.status}"


def _label(p: TablePicture) -> str:
    return f"{p.caption.badge} {p.caption.title}: {len(p.rows)} rows, {p.caption.status}".strip()


def _table(p: TablePicture) -> str:
    sides = ["right" if number else "left" for number in p.numbers]
    head = "".join(
        f'<th style="{CELL}{side};font-weight:400;color:{html.GREY}">{html.escape(name)}</th>'
        for name, side in zip(p.columns, sides, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(f'<td style="{CELL}{side}">{html.escape(cell)}</td>' for cell, side in zip(row, sides, strict=True))
        + "</tr>"
        for row in p.rows
    )
    return f'<table style="border-collapse:collapse;font-size:12px;margin:0"><tr>{head}</tr>{rows}</table>'
