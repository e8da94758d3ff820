"""How long to wait before a connection is opened (protocol.md 3.6)."""

from __future__ import annotations

import random
import time
from collections import deque

from kucoin_stream.protocol.limits import limits_of
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.settings import Settings

_MINUTE = 60.0


class Pace:
    """Spreads attempts to connect over time. Lives on the loop thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._attempts: deque[float] = deque()  # when, within the last minute

    def attempted(self) -> None:
        """Note an attempt."""
        self._attempts.append(time.monotonic())

    def room(self, key: Connection) -> float:
        """Return the seconds until one more connection is within the limit of a minute."""
        now = time.monotonic()
        while self._attempts and self._attempts[0] <= now - _MINUTE:
            self._attempts.popleft()
        over = len(self._attempts) - limits_of(key, self._settings.limits).connections_per_minute
        return self._attempts[over] + _MINUTE - now if over >= 0 else 0.0

    def again(self, key: Connection, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row: growing, and spread at random."""
        settings = self._settings
        grown: float = min(settings.reconnect_delay * 2 ** min(failures, 16), settings.reconnect_delay_max)
        return max(self.room(key), grown * random.uniform(0.5, 1.0))
