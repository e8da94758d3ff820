"""The audit of what was missed: one row for each time when a topic, or a book, was not followed message by message."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

from msgspec import Struct, structs

Part = Literal["topic", "book"]
"""What was not followed: the messages of a topic, or the book that is kept from them."""

MOST = 10_000  # rows kept; the oldest go first


class Hole(Struct):
    """One gap. ``ended_ns`` is ``None`` while it lasts; ``missed`` where nobody can know how much it was."""

    part: Part
    topic: str
    began_ns: int
    cause: str
    missed: int | None = None
    ended_ns: int | None = None
    healed_by: str = ""


class Gaps:
    """All gaps of a client. ``now_ns`` returns Unix nanoseconds. Lives on the loop thread; ``count`` is for any."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.count = 0
        self._now_ns = now_ns
        self._rows: deque[Hole] = deque(maxlen=MOST)
        self._open: dict[tuple[Part, str], Hole] = {}

    def __repr__(self) -> str:
        return f"<Gaps {self.count}, {len(self._open)} open>"

    def begin(self, part: Part, topic: str, cause: str, missed: int | None = None) -> None:
        """Note that messages are missing from here on; one that is not healed yet only grows."""
        hole = self._open.get((part, topic))
        if hole is None:
            hole = self._open[part, topic] = self._add(Hole(part, topic, self._now_ns(), cause))
        if missed is not None:
            hole.missed = (hole.missed or 0) + missed

    def heal(self, part: Part, topic: str, by: str, missed: int | None = None) -> None:
        """Note that all is well again, and what made it so."""
        hole = self._open.pop((part, topic), None)
        if hole is not None:
            hole.ended_ns, hole.healed_by = self._now_ns(), by
            hole.missed = missed if hole.missed is None else hole.missed

    def note(self, part: Part, topic: str, cause: str, missed: int | None = None, healed_by: str = "") -> None:
        """Note a gap that is over as soon as it is found."""
        now = self._now_ns()
        self._add(Hole(part, topic, now, cause, missed, now, healed_by))

    def rows(self, topic: str | None = None, part: Part | None = None) -> list[Hole]:
        """Return copies of the gaps, oldest first: all, or those of one topic or part."""
        return [structs.replace(row) for row in self._rows if topic in (None, row.topic) and part in (None, row.part)]

    def _add(self, hole: Hole) -> Hole:
        self.count += 1
        self._rows.append(hole)
        return hole
