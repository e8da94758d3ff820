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

    def rates(self, thing: Any) -> tuple[float, float]:
        """Return messages a second and the share of a core, over the last seconds."""
        first, last = self.samples[0], sample(thing)
        seconds = max(last.time - first.time, 1e-3)
        return (last.received - first.received) / seconds, (last.busy - first.busy) / seconds


_numbers = itertools.count(1)
_origins: weakref.WeakKeyDictionary[Any, Origin] = weakref.WeakKeyDictionary()


def sample(thing: Any) -> Sample:
    """Read the counters that ``thing`` has."""
    return Sample(time.monotonic(), getattr(thing, "received", 0), getattr(thing, "busy", 0.0))


def note(thing: Any, kind: Kind) -> None:
    """Note that ``thing`` lives, made by the cell of this context."""
    begin = Sample(time.monotonic())
    _origins[thing] = Origin(next(_numbers), kind, cell.get(), time.time(), deque([begin], maxlen=REMEMBERED))


def origin(thing: Any) -> Origin | None:
    """Return what was noted of ``thing``."""
    return _origins.get(thing)


def living() -> list[tuple[Any, Origin]]:
    """Return what lives, in the order in which it was noted."""
    found = [(each, _origins.get(each)) for ref in _origins.keyrefs() if (each := ref()) is not None]
    return [(each, known) for each, known in found if known is not None]
