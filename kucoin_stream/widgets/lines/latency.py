"""How long messages take, stage by stage, over time: lines of a client's :meth:`Client.latency`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from kucoin_stream.frames.delays import STAGES, Delays
from kucoin_stream.widgets.drawing.options import amount
from kucoin_stream.widgets.drawing.picture import Subject
from kucoin_stream.widgets.lines.history import History, Window
from kucoin_stream.widgets.lines.measures import Measure
from kucoin_stream.widgets.lines.painter import Charts, Line, LinesPicture, end, line, names

EVERY = 0.3  # seconds between two measurements: of thousands of samples, quantiles are slow to change and dear to find


class LatencySubject(Subject, Protocol):
    """A client, as :meth:`Client.status` shows it."""

    def delays(self, names: Sequence[str]) -> Mapping[str, Delays]:
        """Return how long messages take, by stage."""


class LatencyPainter(Charts):
    """Draws how long messages take over the last ``seconds`` (5 to 3,600): p50 and p99 of each stage.

    ``of``: one or several of :data:`.STAGES`. Measured every :data:`EVERY`. Raises :class:`UsageError`.
    """

    def __init__(
        self,
        subject: LatencySubject,
        of: str | Sequence[str] = ("exchange", "parse", "queue", "dispatch"),
        seconds: float = 300.0,
    ) -> None:
        self.of = tuple(Measure(name, unit="ms", decimals=2) for name in names(of, STAGES))
        super().__init__(subject, len(self.of))
        self.seconds = amount("seconds", seconds, 5, 3600, "seconds")
        self._history = History(2 * self.rows, self.seconds)
        self._measured = -np.inf  # Unix seconds

    def picture(self, at: float) -> LinesPicture:
        """Take a picture of the last seconds, until now or until what was measured just now."""
        if not 0 <= at - self._measured < EVERY:
            self._shown, self._measured = self._measure(at), at
        shown, lines = self._shown
        return LinesPicture(self.caption(at), self.seconds, end(shown), shown.first, lines, "the first messages")

    def _measure(self, at: float) -> tuple[Window, tuple[Line, ...]]:
        known = self.subject.delays([each.name for each in self.of])
        values = np.array([known[each.name][which] for which in (1, 2) for each in self.of])
        if not self._history.add(np.array([at]), values[:, np.newaxis]):
            self._history.clear()  # the clock was set back
            self._history.add(np.array([at]), values[:, np.newaxis])
        shown, rows = self._history.window(), self.rows
        lines = [
            line(measure, shown.low[i], shown.high[rows + i], shown.last[i], 2, pair=True)
            for i, measure in enumerate(self.of)
        ]
        return shown, tuple(lines)
