"""How long messages take on their way, stage by stage, from samples; and how far the exchange's clock is off."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from kucoin_stream.protocol.events import OrderEvent
from kucoin_stream.protocol.messages.envelope import Push

EVERY = 0.05  # seconds between two samples of one connection
KEPT = 2_000  # samples of a stage
_DAY = 86_400.0  # seconds; what is off by more is no clock
_CLOCKS = 50  # pongs of which the quickest tells the clock

# the time at which the exchange made a message, whatever its payload calls it
_TIMES = (
    ("time_ns", 1),
    ("ts_ns", 1),
    ("updated_ns", 1),
    ("timestamp_ms", 10**6),
    ("time_ms", 10**6),
    ("ts_ms", 10**6),
)


class Samples:
    """The last :data:`KEPT` durations of one stage, in seconds. One thread adds, any may read."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: deque[float] = deque(maxlen=KEPT)

    def __repr__(self) -> str:
        return f"<Samples {self.count}>"

    def add(self, seconds: float) -> None:
        """Take one more."""
        self.count += 1
        self._kept.append(seconds)

    def copy(self) -> list[float]:
        """Return what is kept, oldest first."""
        return list(self._kept)


class Clock:
    """The exchange's clock against ours, by the quickest of the last pongs that told the time."""

    def __init__(self) -> None:
        self._pongs: deque[tuple[float, float]] = deque(maxlen=_CLOCKS)  # round trip and offset, seconds

    def __repr__(self) -> str:
        return f"<Clock {self.offset:+.6f} s, ± {self.error:.6f} s>"

    def pong(self, time_ns: int, round_trip: float) -> None:
        """Note that the exchange's clock said ``time_ns``, half a round trip ago."""
        offset = time_ns / 1e9 - (time.time() - round_trip / 2)
        if abs(offset) < _DAY:
            self._pongs.append((round_trip, offset))

    @property
    def told(self) -> bool:
        """Whether a pong told the time."""
        return bool(self._pongs)

    @property
    def offset(self) -> float:
        """Seconds by which the exchange's clock is ahead of ours; 0 where it was never told."""
        return min(self._pongs)[1] if self._pongs else 0.0

    @property
    def error(self) -> float:
        """Seconds by which :attr:`offset` may be wrong: half the round trip; NaN where it was never told."""
        return min(self._pongs)[0] / 2 if self._pongs else float("nan")


class Latency:
    """The stages on the loop thread. :attr:`exchange` is by the exchange's clock, :attr:`clock` tells the difference.

    ``exchange``: from the time that a message bears to its arrival here; ``parse``: from a socket read to the books,
    tables and inboxes being changed by it.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.exchange = Samples()
        self.parse = Samples()

    def __repr__(self) -> str:
        return f"<Latency {self.exchange.count} samples, {self.clock}>"

    def sample(self, events: Sequence[OrderEvent], seconds: float) -> None:
        """Note one socket read, that took ``seconds`` to be worked off until now."""
        self.parse.add(seconds)
        made_ns = next((made for event in reversed(events) if (made := time_of(event)) is not None), None)
        if made_ns is not None:
            self.exchange.add(time.time() - seconds - made_ns / 1e9)


def time_of(event: Any) -> int | None:
    """Return when the exchange made a push, Unix nanoseconds; ``None`` where it does not say."""
    if not isinstance(event, Push):
        return None
    for name, unit in _TIMES:
        stamp = getattr(event.data, name, None)
        if isinstance(stamp, int):
            return stamp * unit
    return None
