"""The time of a market: the wall clock's, a faster or slower one, or one that moves only when told. Any thread."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from kucoin_stream.errors import UsageError
from kucoin_stream.simulator.flow import SECOND

STEP = SECOND // 10  # ns; the market's own grid, on which virtual time moves


class Clock:
    """Time that runs ``speed`` times as fast as the wall clock, in ns since 1970, from ``start_ns`` or from now.

    With speed 0 it stands still until :meth:`move`; with ``math.inf`` the exchange moves it as soon as everything has
    been sent. A clock of speed 1 without ``start_ns`` is the wall clock. Any other is *virtual*: it passes through
    every tenth of a second, so that what happens never depends on how fast it goes.
    """

    def __init__(self, speed: float = 1.0, start_ns: int | None = None) -> None:
        if not speed >= 0:
            raise UsageError(f"speed must be 0 or above, not {speed}")
        self.virtual = speed != 1.0 or start_ns is not None
        self._speed = speed
        self._base_ns = time.time_ns() if start_ns is None else start_ns
        self._since = time.monotonic_ns()
        self._held = False
        self._behind_ns = 0  # of the wall clock, by the times that it was held

    def __repr__(self) -> str:
        return f"<Clock {self._speed:g}x{', held' if self._held else ''}>"

    @property
    def unpaced(self) -> bool:
        """Whether it is to be moved as fast as possible."""
        return self._speed == math.inf and not self._held

    def now_ns(self) -> int:
        """Return the time."""
        now_ns = self._exact_ns()
        return now_ns // STEP * STEP if self.virtual else now_ns

    def move(self, seconds: float) -> None:
        """Go forward at once; a clock that runs goes on from there."""
        self._rebase(self._exact_ns() + round(seconds * SECOND))

    def hold(self) -> None:
        """Stand still."""
        if not self._held:
            self._rebase(self._exact_ns())
            self._held = True

    def release(self) -> None:
        """Go on from where it stands."""
        if self._held:
            self._held = False
            self._rebase(self._base_ns)

    def between(self, before_ns: int, now_ns: int) -> Iterator[int]:
        """Yield the times to stop at on the way, the last one being ``now_ns``."""
        if self.virtual and before_ns:
            yield from range(before_ns // STEP * STEP + STEP, now_ns, STEP)
        yield now_ns

    def _exact_ns(self) -> int:
        if self._held or self._speed in (0.0, math.inf):
            return self._base_ns
        if not self.virtual:
            return time.time_ns() - self._behind_ns
        return self._base_ns + int((time.monotonic_ns() - self._since) * self._speed)

    def _rebase(self, now_ns: int) -> None:
        self._base_ns, self._since = now_ns, time.monotonic_ns()
        if not self.virtual:
            self._behind_ns = time.time_ns() - now_ns
