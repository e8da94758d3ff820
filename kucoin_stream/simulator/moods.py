"""The moods of a generated market: calm, bursts of orders, and trends, one after the other. Pure, seeded."""

from __future__ import annotations

from random import Random
from typing import NamedTuple


class Mood(NamedTuple):
    """How things go for ``seconds`` on average: events come ``pace`` times as often, prices drift by ``drift``
    standard deviations of a second's return, every second, up or down.
    """

    seconds: float
    pace: float
    drift: float = 0.0


CALM, BURST, TREND = Mood(45.0, 0.8), Mood(4.0, 5.0), Mood(25.0, 1.2, 0.15)


class Moods:
    """The moods of one symbol from ``start`` on, in seconds."""

    def __init__(self, name: str, start: float) -> None:
        self._random = Random(name)
        self._ends = start
        self.pace, self.drift = CALM.pace, 0.0

    def __repr__(self) -> str:
        return f"<Moods {self.pace:g}x, drift {self.drift:g}>"

    def look(self, now: float) -> None:
        """Come up to ``now``."""
        while now >= self._ends:
            mood = self._random.choice((CALM, CALM, BURST, TREND))
            self._ends += 0.1 + self._random.expovariate(1.0 / mood.seconds)
            self.pace, self.drift = mood.pace, mood.drift * self._random.choice((-1, 1))
