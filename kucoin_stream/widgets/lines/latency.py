"""How long messages take, stage by stage, over time: lines of a client's :meth:`Client.latency`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from kucoin_stream.frames.delays import STAGES, Delays
from kucoin_stream.widgets.drawing.options import amount
from kucoin_stream.widgets.drawing.picture import Subject
from kucoin_stream.widgets.lines.history import History
from kucoin_stream.widgets.lines.measures import Measure
from kucoin_stream.widgets.lines.painter import Charts, LinesPicture, end, line, names


class LatencySubject(Subject, Protocol):
    """A client, as :meth:`Client.status` shows it."""

    def delays(self, names: Sequence[str]) -> Mapping[str, Delays]:
        """Return how long messages take, by stage."""


class LatencyPainter(Charts):
    """Draws how long messages take over the last ``seconds`` (5 to 3,600): p50 and p99 of each stage.

    ``of``: one or several of :data:`.STAGES`. Measured with each picture. Raises :class:`UsageError`.
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

    def picture(self, at: float) -> LinesPicture:
        """Measure now, and take a picture of the last seconds."""
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
        return LinesPicture(self.caption(at), self.seconds, end(shown), shown.first, tuple(lines), "the first messages")
