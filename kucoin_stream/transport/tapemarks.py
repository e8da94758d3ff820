"""Places of a tape to which it can be wound without playing what was before: made as it is played, kept in memory.

A mark is at the begin of a block, and holds what the frames held there. There are :data:`MOST` of them at most: when
there are more, every other one goes, and they stand twice as far apart. So a seek back costs a small part of the tape,
however long that is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from kucoin_stream.recording.reader import Tape

MOST = 64
APART = 5_000  # messages between two marks, at first; about 0.05 s of replay


class Mark(Struct, frozen=True):
    """What there was when all before ``block`` had been played."""

    block: int
    now: float  # seconds since the begin of the tape
    position_ns: int
    fresh: frozenset[str]  # topics whose snapshot in the stream had not come
    moment: Any  # of the audience


class Marks:
    """The marks of one tape, in its order. Lives on the loop thread."""

    def __init__(self, tape: Tape, known: list[Mark] | None = None) -> None:
        self._tape = tape
        self._marks = list(known or [])
        self._apart = APART
        self._tried = 0  # messages before the last place where none could be made

    def __repr__(self) -> str:
        return f"<Marks {len(self._marks)}, {self._apart} messages apart>"

    def __len__(self) -> int:
        return len(self._marks)

    def all(self) -> list[Mark]:
        """Return a copy."""
        return list(self._marks)

    def due(self, block: int) -> bool:
        """Whether there should be one at the begin of a block."""
        at = bisect_left(self._marks, block + 1, key=_block)
        last = self._messages(self._marks[at - 1].block) if at else 0
        here = self._messages(block)
        return here - last >= self._apart and abs(here - self._tried) >= self._apart // 8

    def not_now(self, block: int) -> None:
        """Note that none could be made at a block: try again somewhat later."""
        self._tried = self._messages(block)

    def add(self, mark: Mark) -> None:
        """Keep one more."""
        self._marks.insert(bisect_left(self._marks, mark.block, key=_block), mark)
        if len(self._marks) > MOST:
            del self._marks[::2]
            self._apart *= 2

    def keep(self, covers: Callable[[Any], bool]) -> None:
        """Drop all where one does not tell of all that is kept now: what came later is without its begin in others."""
        if not all(covers(mark.moment) for mark in self._marks):
            self._marks.clear()

    def before(self, time_ns: int) -> Mark | None:
        """Return the last one that is not after a time (Unix ns)."""
        return next((mark for mark in reversed(self._marks) if mark.position_ns <= time_ns), None)

    def _messages(self, block: int) -> int:
        return self._tape.messages_before(block)


def _block(mark: Mark) -> int:
    return mark.block
