"""An event loop whose time is that of a tape.

Theory of operation. All that runs on a client's loop thread, from the sync of a book to the pace of retries, takes its
time from the loop. So a replay is exact where the loop's time is the recorded one, and moves only as the tape does. It
moves in one place: where the loop would wait for its next timer. At ``speed`` 2 it waits half as long, at infinity not
at all, and then the time is that timer's. At 0 the time stands still, and no timer comes due. Between two waits the
time is constant, however long the work takes: so what happens does not depend on the machine.
"""

from __future__ import annotations

import selectors
import time
from typing import Any

from kucoin_stream.transport.loop import LoopThread, PinnedEventLoop

MAX = float("inf")
_LONGEST = 24 * 3600.0  # seconds of one wait: a selector takes no more than some weeks


class Clock:
    """Seconds since the begin of a tape. ``speed``: tape's seconds in one of ours; 0: it stands. Lives on one loop."""

    def __init__(self) -> None:
        self.now = 0.0
        self.speed = 0.0
        self._since = (0.0, 0.0)  # a pair of times, the tape's and ours, since when the speed is what it is

    def __repr__(self) -> str:
        return f"<Clock {self.now:.3f} s, speed {self.speed:g}>"

    def run(self, speed: float) -> None:
        """Go on at another speed."""
        self.speed = speed
        self._since = (self.now, time.monotonic())

    def jump(self, now: float) -> None:
        """Be at another time; go on from there."""
        self.now = now
        self._since = (now, time.monotonic())

    def wait(self, until: float) -> float:
        """Return the real seconds until a time of the tape."""
        if self.speed == MAX:
            return 0.0
        tape, ours = self._since
        return max(0.0, ours + (until - tape) / self.speed - time.monotonic())

    def interrupted(self, before: float) -> None:
        """Note that a wait until ``before`` ended early."""
        if 0 < self.speed < MAX:
            tape, ours = self._since
            self.now = max(self.now, min(before, tape + (time.monotonic() - ours) * self.speed))


class _Waiting:
    """A selector that waits in the time of a clock."""

    def __init__(self, selector: selectors.BaseSelector, clock: Clock) -> None:
        self._selector = selector
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)

    def select(self, timeout: float | None = None) -> Any:
        clock = self._clock
        if timeout is not None and timeout <= 0:
            return self._selector.select(0)
        if timeout is None or not clock.speed:
            return self._selector.select(None)
        until = clock.now + timeout
        wait = clock.wait(until)
        events = self._selector.select(min(wait, _LONGEST))
        if events or wait > _LONGEST:
            clock.interrupted(until)
        else:
            clock.now = until
        return events


class TapeLoop(PinnedEventLoop):
    """See the module's theory of operation."""

    _selector: Any
    _ready: Any  # of asyncio: the callbacks of now,
    _scheduled: Any  # and the timers, the first one first

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        super().__init__()
        self._selector = _Waiting(self._selector, clock)

    def time(self) -> float:
        """Return the tape's time in seconds since its begin."""
        return self.clock.now

    def idle_until(self, when: float) -> bool:
        """Whether nothing is to be done before a time of the tape."""
        return not self._ready and not (self._scheduled and self._scheduled[0].when() <= when)


class TapeThread(LoopThread):
    """A loop thread in the time of a tape. ``call`` and ``post`` are safe from any thread."""

    def __init__(self, name: str, clock: Clock) -> None:
        super().__init__(name, lambda: TapeLoop(clock))

    def breathe(self, messages: int) -> None:
        """A tape gives way between its lines."""
