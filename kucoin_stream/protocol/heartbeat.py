"""The heartbeat of a classic connection, as a pure machine (protocol.md 3.2).

The rules, with the numbers of 2026:

1. A ping at least every ``interval`` (18 s); *any* outgoing message restarts that timer.
2. A ping that has no pong after ``timeout`` (10 s) counts as missed.
3. Where ``interval`` lies between ``timeout`` and 18 s, a missed pong is answered by a second ping at once;
   only when that one is missed too, and nothing else arrived, is the connection dead.
4. Where ``interval`` is longer than 18 s, the first missed pong means dead, unless other messages arrived.
5. Where ``interval`` is shorter than ``timeout``, no pong is watched: the next ping is out before the timeout.

Rule 5 alone would never notice a half-open socket. So a connection on which *nothing at all* arrives for three
intervals and a timeout is dead under every rule; pongs count as arrivals, so this is silence, not a missed pong.

After a sleep of this machine the other side has most likely gone: :meth:`Heartbeat.doubted` asks at once.
"""

from __future__ import annotations

from enum import Enum

SHORTEST_INTERVAL = 0.1  # seconds, whatever a server or a user says: within the limit on commands
RECOMMENDED_INTERVAL = 18.0  # seconds; the server's pingInterval in 2026
PROBE = 5.0  # seconds in which a connection in doubt must show that it lives


class Beat(Enum):
    """What :meth:`Heartbeat.tick` asks for."""

    NOTHING = "nothing"
    PING = "ping"
    DEAD = "dead"


class Heartbeat:
    """Times are seconds on the caller's monotonic clock."""

    def __init__(self, interval: float, timeout: float, now: float) -> None:
        self.interval = max(interval, SHORTEST_INTERVAL)
        self.timeout = timeout
        self._ping_due = now + self.interval
        self._received = now
        self._waiting_since: float | None = None  # the ping whose pong is watched
        self._second = False
        self._last_ping: float | None = None
        self._doubted: float | None = None
        self._watches = self.interval >= timeout

    def doubted(self, now: float) -> None:
        """Note that the other side may have gone unnoticed: ask at once, and wait no longer than :data:`PROBE`."""
        self._doubted = self._ping_due = now

    def sent(self, now: float) -> None:
        """Note that any message was sent."""
        self._ping_due = now + self.interval

    def pinged(self, now: float) -> None:
        """Note that a ping was sent."""
        self.sent(now)
        self._last_ping = now
        if self._watches and self._waiting_since is None:
            self._waiting_since = now

    def received(self, now: float) -> None:
        """Note that any message arrived."""
        self._received = now

    def ponged(self, now: float) -> float | None:
        """Note that a pong arrived; return the round trip in seconds, if a ping was out."""
        self._received = now
        self._waiting_since = None
        self._second = False
        sent, self._last_ping = self._last_ping, None
        return None if sent is None else now - sent

    def next_tick(self) -> float:
        """Return when to call :meth:`tick` again, unless something is sent or arrives before."""
        due = min(self._ping_due, self._received + self._silence)
        if self._doubted is not None:
            due = min(due, self._doubted + PROBE)
        return due if self._waiting_since is None else min(due, self._waiting_since + self.timeout)

    def tick(self, now: float) -> Beat:
        """Return what is due. On :attr:`Beat.PING`, send one and call :meth:`pinged`."""
        if now >= self._received + self._silence:
            return Beat.DEAD
        if self._doubted is not None and now >= self._doubted + PROBE:
            silent, self._doubted = self._received <= self._doubted, None
            if silent:
                return Beat.DEAD
        if self._waiting_since is not None and now >= self._waiting_since + self.timeout:
            return self._missed(self._waiting_since, now)
        return Beat.PING if now >= self._ping_due else Beat.NOTHING

    @property
    def _silence(self) -> float:
        return 3 * self.interval + self.timeout

    def _missed(self, pinged: float, now: float) -> Beat:
        if self.interval <= RECOMMENDED_INTERVAL and not self._second:
            self._second = True
            self._waiting_since = None  # pinged() starts the second watch
            return Beat.PING
        if self._received <= pinged:
            return Beat.DEAD
        self._waiting_since, self._second = None, False  # other messages arrive: alive, watch the next ping
        return Beat.PING if now >= self._ping_due else Beat.NOTHING
