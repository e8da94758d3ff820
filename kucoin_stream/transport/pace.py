"""How long to wait before a connection is opened (protocol.md 3.6)."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable

from kucoin_stream.protocol.limits import limits_of
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.settings import Settings

_TICK = 0.001  # seconds; a loop's timers may be early by its clock's resolution, which then would not move
_MINUTE = 62.0  # seconds; the exchange counts when it is reached, which may take one attempt longer than the next

Wait = Callable[[float], Awaitable[None]]


class Pace:
    """Spreads attempts to connect over time. Lives on the loop thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._attempts: deque[float] = deque()  # when, within the last minute

    async def attempt(self, key: Connection, wait: Wait = asyncio.sleep, seconds: float = 0.0) -> None:
        """Wait ``seconds``, and then until one more connection is within the limit of a minute; note the attempt."""
        await wait(seconds)
        while room := self.room(key):  # others, who waited for the same place, may have had it
            await wait(room)
        self._attempts.append(asyncio.get_running_loop().time())

    def room(self, key: Connection) -> float:
        """Return the seconds until one more connection is within the limit of a minute."""
        now = asyncio.get_running_loop().time()
        while self._attempts and self._attempts[0] <= now - _MINUTE:
            self._attempts.popleft()
        over = len(self._attempts) - limits_of(key, self._settings.limits).connections_per_minute
        return max(_TICK, self._attempts[over] + _MINUTE - now) if over >= 0 else 0.0

    def spare(self, key: Connection) -> bool:
        """Whether one more is within half of that limit, so that an attempt that can wait delays none that cannot."""
        self.room(key)
        return 2 * len(self._attempts) < limits_of(key, self._settings.limits).connections_per_minute

    def again(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row: growing, and spread at random."""
        settings = self._settings
        grown: float = min(settings.reconnect_delay * 2 ** min(failures, 16), settings.reconnect_delay_max)
        return grown * random.uniform(0.5, 1.0)
