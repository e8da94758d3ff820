"""Looks at the clocks once a second: has this machine slept, or this process stood still?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

BEAT = 1.0  # seconds
SLEPT = 5.0  # seconds that are missing, before connections are doubted: shorter than any exchange's patience


class Pulse:
    """Calls ``woke(seconds)`` after a sleep. Lives on the loop thread; ``late`` may be read from any.

    A sleep of the machine shows as the time of day being ahead of the loop's clock, which stood still meanwhile; a
    process that was stopped, or a system whose clock goes on, shows as a timer that is late.
    """

    def __init__(self, woke: Callable[[float], None], wall: Callable[[], float] = time.time) -> None:
        self.late = 0.0  # seconds by which the last beat was late: how busy this thread is, or is kept
        self._woke = woke
        self._wall = wall
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Pulse {self.late * 1000:.1f} ms late>"

    def start(self) -> None:
        """Look from now on."""
        self._loop = asyncio.get_running_loop()
        self._next()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _next(self) -> None:
        self._at, self._wall_at = self._loop.time(), self._wall()
        self._timer = self._loop.call_at(self._at + BEAT, self._beat)

    def _beat(self) -> None:
        passed, by_the_wall = self._loop.time() - self._at, self._wall() - self._wall_at
        self.late = passed - BEAT
        self._next()
        slept = max(by_the_wall, passed) - BEAT
        if slept > SLEPT:
            self._woke(slept)
