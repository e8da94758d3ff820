"""Measures over time, a small chart each, and those of a book's best prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from kucoin_stream.errors import UsageError
from kucoin_stream.widgets.drawing import html, text
from kucoin_stream.widgets.drawing.options import amount, choice
from kucoin_stream.widgets.drawing.picture import Caption, Painter, Subject
from kucoin_stream.widgets.lines import charts as linecharts
from kucoin_stream.widgets.lines.history import History, Window
from kucoin_stream.widgets.lines.measures import OF_BOOKS, Measure

_OVERLAP = 100  # rows read again, as some may come between counting and copying them


class Line(Struct, frozen=True):
    """One measure over time, columns of equal length, oldest first: ``at`` is which of the chart's columns is meant.

    ``low``, ``high`` and ``last`` within a column; of a ``pair`` low and high are two measures: p50 and p99.
    ``current``, ``least``, ``most``: of the time shown, None where nothing is known. ``bottom`` and ``top`` are the
    chart's edges.
    """

    name: str
    unit: str
    decimals: int
    pair: bool
    at: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    last: tuple[float, ...]
    current: float | None
    least: float | None
    most: float | None
    bottom: float
    top: float
    fixed: bool  # the scale


class LinesPicture(Struct, frozen=True):
    """All that one drawing of lines shows: the ``seconds`` until ``end_s``, Unix time; None: nothing is known yet.

    ``first``: the number of the chart's first column, counted from 1970 on.
    """

    caption: Caption
    seconds: float
    end_s: float | None
    first: int
    lines: tuple[Line, ...]
    awaited: str  # what the first value comes from


def line(measure: Measure, low: Any, high: Any, last: Any, decimals: int, *, pair: bool = False) -> Line:
    """Make a line of the columns of a :class:`Window`."""
    known = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    current = float(last[-1]) if np.isfinite(last[-1]) else None
    low, high, last = low[known], high[known], last[known]
    least, most = (float(low.min()), float(high.max())) if len(known) else (None, None)
    bottom, top = measure.scale or _edges(least, most)
    return Line(
        name=measure.name,
        unit=measure.unit,
        decimals=decimals,
        pair=pair,
        at=tuple(known.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        last=tuple(np.where(np.isfinite(last), last, low).tolist()),
        current=current,
        least=least,
        most=most,
        bottom=bottom,
        top=top,
        fixed=measure.scale is not None,
    )


def _edges(least: float | None, most: float | None) -> tuple[float, float]:
    if least is None or most is None:
        return 0.0, 1.0
    room = (most - least) * 0.08 or abs(most) * 1e-6 or 1.0
    return least - room, most + room


class TopsSubject(Subject, Protocol):
    """The best prices of a book as they changed."""

    @property
    def received(self) -> int:
        """Rows that were ever written."""

    def arrays(self, count: int | None = None) -> Mapping[str, NDArray[Any]]:
        """Return the newest rows, all by default: ``time_ms``, ``bid``, ``bid_size``, ``ask``, ``ask_size``."""


class Charts(Painter[Any, LinesPicture]):
    """What lines of any source have in common; ``rows`` is how many there are."""

    def __init__(self, subject: Any, rows: int) -> None:
        super().__init__(subject)
        self.rows = rows
        self._courses = [linecharts.Course() for _ in range(rows)]

    def html(self, picture: LinesPicture) -> str:
        """Render a row for each line: name and value, the chart, its edges."""
        p = picture
        return html.frame(
            p.caption,
            label=_label(p),
            facts=_facts(p, html.fact),
            body=linecharts.live(p, self._courses),
            height=self.height,
            foot=_foot(p),
            notice=_waiting(p),
        )

    def static_html(self, picture: LinesPicture) -> str:
        """Render a table; each chart is an image."""
        p = picture
        facts = _facts(p, html.static_fact)
        return html.static_frame(p.caption, facts=facts, body=linecharts.static(p), foot=_foot(p), notice=_waiting(p))

    def text(self, picture: LinesPicture, width: int = 80) -> str:
        """Render a line of block characters for each."""
        p = picture
        lines = [text.head(p.caption, width), *(text.fit(each, width) for each in linecharts.plain(p, width))]
        if waiting := _waiting(p):
            lines[1] = text.fit(f"  {waiting}", width)
        return "\n".join([*lines, text.foot(p.caption, _foot(p), width)])

    def problem(self, caption: Caption, message: str) -> str:
        """Render an empty frame with the message."""
        return html.frame(caption, label=message, facts="", body="", height=self.height, notice=message)

    @property
    def height(self) -> int:
        """The height of the charts in px."""
        return linecharts.height(self.rows)


class LinesPainter(Charts):
    """Draws measures of a book, or of its ``tops()``, over the last ``seconds`` (5 to 3,600), a chart each.

    ``of``: one or several of :data:`OF_BOOKS`. They are measured after every change of the book from the making of this
    painter on, whether or not somebody looks. Raises :class:`UsageError`.
    """

    def __init__(
        self, subject: Any, of: str | Sequence[str] = ("mid", "spread_bps", "imbalance"), seconds: float = 60.0
    ) -> None:
        self.of = tuple(OF_BOOKS[name] for name in names(of, tuple(OF_BOOKS)))
        super().__init__(subject, len(self.of))
        self.seconds = amount("seconds", seconds, 5, 3600, "seconds")
        self._tops: TopsSubject = subject.tops() if hasattr(subject, "tops") else subject
        self._decimals = (subject if hasattr(subject, "price_decimals") else subject.book).price_decimals
        self._history = History(self.rows, self.seconds)
        self._seen = 0

    def picture(self, at: float) -> LinesPicture:
        """Take in what has changed since the last picture, and take one of the last seconds."""
        self._take()
        shown = self._history.window()
        lines = [
            line(measure, shown.low[i], shown.high[i], shown.last[i], measure.shown(self._decimals))
            for i, measure in enumerate(self.of)
        ]
        return LinesPicture(
            self.caption(at), self.seconds, end(shown), shown.first, tuple(lines), "the book's next change"
        )

    def _take(self) -> None:
        received = self._tops.received
        if received == self._seen:
            return
        count = received - self._seen + _OVERLAP if 0 < self._seen < received else None
        self._seen = received
        if not self._add(count):
            self._history.clear()
            self._add(None)

    def _add(self, count: int | None) -> bool:
        known = self._tops.arrays(count)
        if not len(known["time_ms"]):
            return False
        best = [known[name] for name in ("bid", "bid_size", "ask", "ask_size")]
        return self._history.add(known["time_ms"] / 1000, np.array([each.of(*best) for each in self.of if each.of]))


def names(of: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return one or several ``known`` names; raises :class:`UsageError` for others, for none, and for one twice."""
    given = (of,) if isinstance(of, str) else tuple(of) if isinstance(of, Sequence) else ()
    if not given or len(set(map(str, given))) < len(given):
        raise UsageError(f"of={of!r:.60}: write one or several, each once, of {', '.join(known)}")
    return tuple(choice("of", name, known) for name in given)


def end(shown: Window) -> float | None:
    """Return when a window ends, Unix seconds; ``None`` where nothing is known."""
    return shown.end_s if np.isfinite(shown.end_s) else None


def _waiting(p: LinesPicture) -> str:
    if any(each.at for each in p.lines):
        return ""
    return f"waiting for {p.awaited} · {p.caption.status}"


def _foot(p: LinesPicture) -> str:
    return f"until {html.clock(p.end_s)[:8]} UTC" if p.end_s is not None else ""


def _label(p: LinesPicture) -> str:
    said = ", ".join(f"{linecharts.words(each.name)} {linecharts.value(each)}" for each in p.lines)
    return f"{p.caption.badge} {p.caption.title}: {said}, {p.caption.status}".strip()


def _facts(p: LinesPicture, fact: Any) -> str:
    made: str = fact("over the last", linecharts.span(p.seconds))
    if any(each.pair for each in p.lines):
        made += fact("line", "p50") + fact("dashes", "p99")
    return made
