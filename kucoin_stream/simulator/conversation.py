"""What every websocket session of the exchange is: frames and time in, outputs back. Pure."""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple, Protocol


class SessionLimits(NamedTuple):
    """What one connection may do (protocol.md 3.2, 3.6, 6.3). Times are seconds."""

    frames: int = 100  # per window
    window: float = 10.0
    topics_per_command: int = 100
    topics: int = 400  # per connection; the error says 300
    idle_timeout: float = 60.0
    life: float = 86400.0


class Send(NamedTuple):
    """Send ``text``, a frame of that ``kind``."""

    kind: Literal["challenge", "welcome", "pong", "ack", "answer", "error"]
    text: str


class Subscribed(NamedTuple):
    """These single-symbol topics are wanted from now on."""

    topics: tuple[str, ...]


class Unsubscribed(NamedTuple):
    """These single-symbol topics are no longer wanted."""

    topics: tuple[str, ...]


class Close(NamedTuple):
    """Close the websocket after what was sent so far."""

    code: int = 1000
    reason: str = "Bye"


class Abort(NamedTuple):
    """Cut the connection without a close frame: the client sees 1006."""


Output = Send | Subscribed | Unsubscribed | Close | Abort


class Conversation(Protocol):
    """A session. ``now`` is always seconds on one monotonic clock of the caller."""

    binary: bool
    """Whether what the exchange says goes in binary frames."""
    topics: dict[str, None]
    """What is subscribed, in that order."""
    commands: dict[str, int]
    """How many commands of each type were served."""
    closed: bool

    @property
    def deadline(self) -> float:
        """When :meth:`tick` has something to do, unless the client sends a frame before."""

    def welcome(self) -> Send | None:
        """Return the first frame, where the exchange speaks first."""

    def tick(self, now: float) -> list[Output]:
        """Return what time alone brings about."""

    def receive(self, text: str | bytes, now: float, time_us: int) -> list[Output]:
        """Serve one frame of the client. ``time_us`` is the market's time."""


class Pulse:
    """The clock of one session: since when it lives, when its client was last heard, and how fast it sends."""

    def __init__(self, limits: SessionLimits, now: float) -> None:
        self._limits = limits
        self._opened = now
        self._heard = now
        self._frames: deque[float] = deque()

    @property
    def end(self) -> float:
        """When the session's life is over."""
        return self._opened + self._limits.life

    @property
    def cut_off(self) -> float:
        """When a client that keeps silent is cut off."""
        return self._heard + self._limits.idle_timeout

    def beat(self, now: float) -> bool:
        """Note a frame; return whether the client may go on, or sends too fast."""
        self._heard = now
        self._frames.append(now)
        while self._frames[0] <= now - self._limits.window:
            self._frames.popleft()
        return len(self._frames) <= self._limits.frames
