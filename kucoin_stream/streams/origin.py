"""What lives, since when, and which cell made it. Live objects note themselves; ``ks.ps()`` and the watch read it.

Everything is held weakly. Safe from any thread.
"""

from __future__ import annotations

import itertools
import time
import weakref
from collections import deque
from contextvars import ContextVar
from typing import Any, Literal

from msgspec import Struct

Kind = Literal["feed", "stream", "frame", "sink", "view", "recording", "branch", "errors"]

cell: ContextVar[str] = ContextVar("kucoin_stream_cell", default="")
"""The cell that runs, such as ``In [7]``; empty outside of notebooks. A branch's pump inherits it."""

REMEMBERED = 6  # samples, one a second


class Sample(Struct, frozen=True):
    """What was counted at ``time``, in seconds of the monotonic clock."""

    time: float
    received: int = 0
    busy: float = 0.0  # seconds


class Origin(Struct):
    """Where a live object comes from, and its counters of the last seconds."""

    number: int  # of its row in ps()
    kind: Kind
    cell: str
    since: float  # Unix seconds
    samples: deque[Sample]
    ref: weakref.ref[Any]  # to what it is the origin of

    def rates(self, thing: Any) -> tuple[float, float]:
        """Return messages a second and the share of a core, over the last seconds."""
        first, last = self.samples[0], sample(thing)
        seconds = max(last.time - first.time, 1e-3)
        return (last.received - first.received) / seconds, (last.busy - first.busy) / seconds


_numbers = itertools.count(1)
_origins: weakref.WeakKeyDictionary[Any, Origin] = weakref.WeakKeyDictionary()
_living: dict[int, Origin] = {}  # by number
_branches: dict[int, Origin] = {}  # the same of branches alone: the watch asks for them all the time


def sample(thing: Any) -> Sample:
    """Read the counters that ``thing`` has."""
    return Sample(time.monotonic(), getattr(thing, "received", 0), getattr(thing, "busy", 0.0))


def sample_all() -> None:
    """Remember the counters of all that lives."""
    now = time.monotonic()
    for thing, known in living():
        busy = thing.busy if known.kind == "branch" else 0.0
        known.samples.append(Sample(now, getattr(thing, "received", 0), busy))


def note(thing: Any, kind: Kind) -> None:
    """Note that ``thing`` lives, made by the cell of this context."""
    begin = sample(thing)  # a frame may begin with rows of before
    number = next(_numbers)
    ref = weakref.ref(thing, lambda _: _forget(number))
    known = Origin(number, kind, cell.get(), time.time(), deque([begin], maxlen=REMEMBERED), ref)
    _origins[thing] = _living[number] = known
    if kind == "branch":
        _branches[number] = known


def _forget(number: int) -> None:
    _living.pop(number, None)
    _branches.pop(number, None)


def origin(thing: Any) -> Origin | None:
    """Return what was noted of ``thing``."""
    return _origins.get(thing)


def living(kind: Literal["branch"] | None = None) -> list[tuple[Any, Origin]]:
    """Return what lives, or the branches alone, in the order in which it was noted."""
    known_ones = _living if kind is None else _branches
    return [(thing, known) for known in list(known_ones.values()) if (thing := known.ref()) is not None]
