"""Any feed's latest messages as rows: what is drawn where there is no picture of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from html import escape
from math import floor, isfinite, log10
from typing import Any, Protocol

from msgspec import Struct

from kucoin_stream import given
from kucoin_stream.frames.newest import Values, of_frame
from kucoin_stream.widgets.drawing import html, text
from kucoin_stream.widgets.drawing.picture import Caption, Painter, Subject

ROW_PX = 18
WIDEST = 40  # characters of a cell
LETTER_PX, GAP_PX = 8, 12
WORDS = 20  # characters of a text for which there is room in a live picture; numbers are always whole
DASH = "–"


class TableSubject(Subject, Protocol):
    """Rows; what has no :meth:`newest` has ``rows(count)``, a DataFrame, newest last, at a price."""

    def newest(self, count: int) -> Sequence[Values]:
        """Return the columns of at most ``count`` rows, newest last."""


class TablePicture(Struct, frozen=True):
    """All that one drawing shows; rows newest first, as text."""

    caption: Caption
    count: int
    columns: tuple[str, ...]
    numbers: tuple[bool, ...]  # which columns are
    rows: tuple[tuple[str, ...], ...]


class TablePainter(Painter[Any, TablePicture]):
    """Draws the newest ``count`` rows (1 to 200) of a :class:`TableSubject`."""

    def __init__(self, subject: Any, count: int = 10) -> None:
        super().__init__(subject)
        self.count = given.whole("count", count, 1, 200)
        self._widths: dict[str, int] = {}  # characters, the most there were: columns do not jump

    def picture(self, at: float) -> TablePicture:
        """Ask for the newest rows and take a picture of them."""
        subject = self.subject
        newest = subject.newest(self.count) if hasattr(subject, "newest") else of_frame(subject.rows(self.count))
        newest = sorted(newest, key=_is_reference)
        cells = [_cells(column) for column in newest]
        names = tuple(html.clean(column.name, WIDEST) for column in newest)
        numbers = tuple(column.kind == "number" for column in newest)
        return TablePicture(self.caption(at), self.count, names, numbers, tuple(zip(*cells, strict=True)))

    def html(self, picture: TablePicture) -> str:
        """Render the columns that there is room for side by side, the others wrap out of sight."""
        p = picture
        columns = zip(p.columns, p.numbers, *p.rows, strict=True)
        made = "".join([self._column(name, number, cells) for name, number, *cells in columns])
        look = f"display:flex;flex-wrap:wrap;column-gap:{GAP_PX}px;height:100%;overflow:hidden"
        return html.frame(
            p.caption,
            label=_label(p),
            facts=_facts(p, html.fact, ", as many as there is room for"),
            body=f'<div style="{look}">{made}</div>',
            height=self._height,
            notice=_waiting(p),
            max_width=1920,
        )

    def static_html(self, picture: TablePicture) -> str:
        """Render as a table that scrolls sideways."""
        p = picture
        return html.static_frame(p.caption, facts=_facts(p, html.static_fact, ""), body=_table(p), notice=_waiting(p))

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
        return (self.count + 1) * ROW_PX

    def _column(self, name: str, number: bool, cells: Sequence[str]) -> str:
        width = max(len(name), self._widths.get(name, 0), *map(len, cells))
        self._widths[name] = width = width if number else min(width, WORDS)
        look = f"flex:0 1 {width * LETTER_PX}px;height:100%;min-width:0;overflow:hidden;text-overflow:ellipsis"
        return (
            f'<div style="{look};white-space:pre;text-align:{"right" if number else "left"}">'
            f'<span style="{html.MUTED}">{escape(name)}</span>\n'
            f"{escape(chr(10).join(cells))}</div>"
        )


def _is_reference(column: Values) -> bool:
    """Return whether a column tells messages and orders apart: it stands last, where a narrow picture has no room."""
    return "sequence" in column.name or column.name.endswith(("_id", "_oid"))


def _cells(column: Values) -> list[str]:
    """Return a column as text, newest first."""
    values = reversed(column.values)
    if column.kind == "time":
        return [DASH if value is None else html.clock_ms(value // 10**6) for value in values]
    return [_cell(value) for value in values]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return _plain(value) if isfinite(value) else DASH
    if isinstance(value, Decimal) and value.is_finite() and -WIDEST // 2 < value.adjusted() < WIDEST // 2:
        value = f"{value:f}"
    return DASH if value is None else html.clean(value, WIDEST)


def _plain(value: float) -> str:
    """Write ten digits, of tiny prices too without a power of ten."""
    if not 1e-12 <= abs(value) < 1e-4:
        return f"{value:,.10g}"
    return f"{value:.{9 - floor(log10(abs(value)))}f}".rstrip("0")


def _facts(p: TablePicture, fact: Callable[[str, str], str], more: str) -> str:
    return fact("columns", f"{len(p.columns)}{more}") + fact("rows", str(len(p.rows)))


def _waiting(p: TablePicture) -> str:
    return "" if p.rows else "nothing yet" if p.caption.word == "live" else f"waiting for messages · {p.caption.status}"


def _label(p: TablePicture) -> str:
    return f"{p.caption.badge} {p.caption.title}: {len(p.rows)} rows, {p.caption.status}".strip()


def _table(p: TablePicture) -> str:
    sides = ["right" if number else "left" for number in p.numbers]
    head = "".join(
        f'<th style="{html.STATIC_CELL}{side};font-weight:400;color:{html.GREY}">{html.escape(name)}</th>'
        for name, side in zip(p.columns, sides, strict=True)
    )
    looks = [html.STATIC_CELL + side for side in sides]
    rows = "".join(
        "<tr>"
        + "".join(f'<td style="{look}">{html.escape(cell)}</td>' for cell, look in zip(row, looks, strict=True))
        + "</tr>"
        for row in p.rows
    )
    return f'<table style="{html.STATIC_TABLE}"><tr>{head}</tr>{rows}</table>'
