"""The state of a client: target, why it is what it is, its connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from kucoin_stream import given
from kucoin_stream.widgets.drawing import html, text
from kucoin_stream.widgets.drawing.picture import Caption, Painter, Subject, finite, word_of
from kucoin_stream.widgets.state import health

ROW_PX = 20
MEASURE_ROWS = 3  # lines that the measures of a narrow picture need
_ONE_LINE = f"overflow:hidden;text-overflow:ellipsis;white-space:nowrap;height:{ROW_PX}px;line-height:{ROW_PX}px"


class StatusSubject(Subject, Protocol):
    """A client that counts."""

    def statistics(self) -> Mapping[str, Any]:
        """Return ``target``, ``mode``, ``reason``, ``connections``, ``messages``, ``errors``, ``feeds``."""


class Line(Struct, frozen=True):
    """One connection, ready to be shown."""

    name: str
    state: str
    rate: str
    rtt_ms: str
    topics: str
    reconnects: str
    messages: str
    since: str


class StatusPicture(Struct, frozen=True):
    """All that one drawing of a client's state shows."""

    caption: Caption
    count: int
    target: str
    mode: str
    reason: str
    warnings: tuple[str, ...]  # what is wrong now, the worst first
    facts: tuple[tuple[str, str], ...]
    measures: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    hidden: int  # connections without a row


COLUMNS = (
    ("connection", "name", 104, "left"),
    ("state", "state", 76, "left"),
    ("a second", "rate", 56, "right"),
    ("rtt ms", "rtt_ms", 46, "right"),
    ("topics", "topics", 40, "right"),
    ("reconnects", "reconnects", 62, "right"),
    ("messages", "messages", 66, "right"),
    ("since UTC", "since", 62, "right"),
)
"""Name, field, least width in px, alignment; by importance, the last ones drop out of a narrow picture."""


def picture(statistics: Mapping[str, Any], caption: Caption, *, count: int) -> StatusPicture:
    """Take a picture of ``statistics``, with at most ``count`` connections. What is missing is shown as a dash."""
    told = statistics.get("connections")
    rows = [row for row in told if isinstance(row, Mapping)] if isinstance(told, Sequence) else []
    shown = count if len(rows) <= count else count - 1
    return StatusPicture(
        caption=caption,
        count=count,
        target=str(statistics.get("target") or ""),
        mode=str(statistics.get("mode") or ""),
        reason=str(statistics.get("reason") or ""),
        warnings=health.warnings(statistics, rows),
        facts=health.facts(statistics),
        measures=health.measures(statistics, caption.at),
        lines=tuple(_line(row) for row in rows[:shown]),
        hidden=len(rows) - len(rows[:shown]),
    )


class StatusPainter(Painter[StatusSubject, StatusPicture]):
    """Draws the state of a client with room for ``count`` connections."""

    def __init__(self, subject: StatusSubject, count: int = 4) -> None:
        super().__init__(subject)
        self.count = given.whole("count", count, 1, 100)

    def picture(self, at: float) -> StatusPicture:
        """Ask for the statistics and take a picture of them."""
        return picture(self.subject.statistics(), self.caption(at), count=self.count)

    def html(self, picture: StatusPicture) -> str:
        """Render one line a connection; columns that do not fit wrap out of sight."""
        p = picture
        head = _row([f'<span style="{html.MUTED}">{name}</span>' for name, *_ in COLUMNS], line=False)
        rows = [_row([_cell(line, field) for _, field, *_ in COLUMNS], line=True) for line in p.lines]
        measures = "".join(html.fact(name, html.escape(value)) for name, value in p.measures)
        body = (
            f'<div style="{_ONE_LINE}"><span style="{html.MUTED}">target</span> {_target(p)}</div>'
            f'<div style="{_ONE_LINE}">{_warning(p)}</div>'
            '<div style="display:flex;flex-wrap:wrap;align-content:flex-start;column-gap:14px;'
            f"height:{MEASURE_ROWS * ROW_PX}px;"
            f'line-height:{ROW_PX}px;overflow:hidden;white-space:nowrap">{measures}</div>'
            f"{head}{''.join(rows) or _nothing()}{_more(p)}"
        )
        facts = "".join(html.fact(name, html.escape(value)) for name, value in p.facts)
        return html.frame(
            p.caption,
            label=_label(p),
            facts=facts,
            body=body,
            height=self._height,
            foot=_foot(p),
            dims=False,
        )

    def static_html(self, picture: StatusPicture) -> str:
        """Render as a table."""
        p = picture
        cell = html.STATIC_CELL
        head = "".join(f'<th style="{cell}{a};font-weight:400;color:{html.GREY}">{n}</th>' for n, _, _, a in COLUMNS)
        rows = "".join(
            "<tr>" + "".join(f'<td style="{cell}{a}">{_cell(line, f)}</td>' for _, f, _, a in COLUMNS) + "</tr>"
            for line in p.lines
        )
        measures = "".join(html.static_fact(name, html.escape(value)) for name, value in p.measures)
        body = (
            f'<div style="padding:0 4px"><span style="color:{html.GREY}">target</span> {_target(p)}</div>'
            f'<div style="padding:0 4px">{_warning(p)}</div><div style="padding:0 4px">{measures}</div>'
            f'<table style="{html.STATIC_TABLE}"><tr>{head}</tr>{rows}</table>'
            f"{'' if p.lines else _nothing()}{_more(p)}"
        )
        facts = "".join(html.static_fact(name, html.escape(value)) for name, value in p.facts)
        return html.static_frame(p.caption, facts=facts, body=body, foot=_foot(p), dims=False)

    def text(self, picture: StatusPicture, width: int = 80) -> str:
        """Render one line a connection."""
        p = picture
        sizes = (20, 12, 9, 7, 7, 11, 12, 10)
        lines = [
            text.head(p.caption, width),
            text.fit(f"target {p.target} ({p.mode})" + (f": {p.reason}" if p.reason else ""), width),
            text.fit(_warned(p), width),
            *(
                text.fit("   ".join(f"{name} {value}" for name, value in some), width)
                for some in (p.facts, p.measures[:2], p.measures[2:])
            ),
            text.fit(_text_line([name for name, *_ in COLUMNS], sizes, width), width),
        ]
        values = [[str(getattr(line, field)) for _, field, *_ in COLUMNS] for line in p.lines]
        lines += [text.fit(_text_line(row, sizes, width), width) for row in values]
        if not p.lines:
            lines.append(text.fit("no connection is open", width))
        if p.hidden:
            lines.append(text.fit(f"and {p.hidden} more", width))
        lines += [" " * width] * (7 + p.count - len(lines))
        lines.append(text.foot(p.caption, _foot(p), width))
        return "\n".join(lines)

    def problem(self, caption: Caption, message: str) -> str:
        """Render an empty frame with the message."""
        return html.frame(caption, label=message, facts="", body="", height=self._height, notice=message)

    @property
    def _height(self) -> int:
        return (self.count + 3 + MEASURE_ROWS) * ROW_PX


def _line(row: Mapping[str, Any]) -> Line:
    since = row.get("since")
    moment = finite(since)
    topics = row.get("topics")
    return Line(
        name=str(row.get("name") or "–"),
        state=str(row.get("state") or "–"),
        rate=health.rate(row.get("rate")),
        rtt_ms=html.number(finite(row.get("rtt_ms")), 1),
        topics=health.whole(topics if isinstance(topics, int | float) or topics is None else len(topics)),
        reconnects=health.whole(row.get("reconnects")),
        messages=health.whole(row.get("messages")),
        since="–" if not since else str(since) if moment is None else html.clock(moment)[:8],
    )


def _target(p: StatusPicture) -> str:
    mode = f"<b>{html.escape(p.mode)}</b> · " if p.mode else ""
    why = f' <span style="color:{html.GREY}">— {html.escape(p.reason)}</span>' if p.reason else ""
    return f"{mode}{html.escape(p.target or '–')}{why}"


def _warned(p: StatusPicture) -> str:
    more = f" (and {len(p.warnings) - 1} more)" if len(p.warnings) > 1 else ""
    return f"⚠ {p.warnings[0]}{more}" if p.warnings else "✓ nothing is wrong"


def _warning(p: StatusPicture) -> str:
    if not p.warnings:
        return f'<span style="color:{html.UP}">✓</span> nothing is wrong'
    words = "; ".join(p.warnings)
    return (
        f'<span title="{html.escape(words)}"><span style="background-color:{html.AMBER};color:#000000;'
        f'border-radius:3px;padding:0 5px;font-weight:600">⚠</span> {html.escape(_warned(p)[2:])}</span>'
    )


def _cell(line: Line, field: str) -> str:
    value = html.escape(getattr(line, field))
    if field != "state":
        return value
    return f'<span style="color:{html.tone(word_of(line.state)).colour}">●</span> {value}'


def _row(cells: list[str], *, line: bool) -> str:
    border = "box-shadow:inset 0 1px 0 rgba(128,128,128,.22)" if line else ""
    made = "".join(
        f'<span style="flex:{2 if align == "left" else 1} 1 {width}px;min-width:0;overflow:hidden;'
        f'text-overflow:ellipsis;text-align:{align}">{cell}</span>'
        for cell, (_, _, width, align) in zip(cells, COLUMNS, strict=True)
    )
    return (
        f'<div style="display:flex;flex-wrap:wrap;column-gap:8px;height:{ROW_PX}px;line-height:{ROW_PX}px;'
        f'overflow:hidden;white-space:nowrap;{border}">{made}</div>'
    )


def _nothing() -> str:
    return f'<div style="color:{html.GREY};line-height:{ROW_PX}px">no connection is open</div>'


def _more(p: StatusPicture) -> str:
    return f'<div style="color:{html.GREY};line-height:{ROW_PX}px">and {p.hidden} more</div>' if p.hidden else ""


def _foot(p: StatusPicture) -> str:
    total = len(p.lines) + p.hidden
    return f"{total} connection{'' if total == 1 else 's'}"


def _label(p: StatusPicture) -> str:
    words = f"{p.mode} {p.target}, {p.caption.status}, {_foot(p)}, {_warned(p)[2:]}"
    return f"{p.caption.badge} {p.caption.title}: {words}".strip()


def _text_line(values: list[str], sizes: tuple[int, ...], width: int) -> str:
    line = ""
    for value, size, (_, _, _, align) in zip(values, sizes, COLUMNS, strict=True):
        if len(line) + size > width:
            break
        line += text.fit(value, size - 1, "<" if align == "left" else ">") + " "
    return line
