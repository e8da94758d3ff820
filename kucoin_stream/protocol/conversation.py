"""What the machines of all connections share: the way in, the pace, answers in time, the heartbeat, the end.

Theory of operation. A machine has no I/O and no clock. The shell opens a socket, says :meth:`Conversation.connected`,
gives what each socket read brings to the machine's ``receive``, and sends what :meth:`Conversation.data_to_send`
returns, which keeps the exchange's limit on commands. :meth:`Conversation.tick` does all that time brings: pings,
unanswered commands, a step of the way in that never came. ``now`` is seconds on one monotonic clock throughout.

    CONNECTING --the machine's way in--> OPEN --failure, close--> CLOSED
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from enum import Enum
from itertools import count
from typing import ClassVar, NamedTuple, TypedDict, assert_never

from kucoin_stream.errors import LocalProtocolError, RemoteProtocolError
from kucoin_stream.protocol.events import Acknowledged, Event, Failed, Ponged, Rejected, Unanswered
from kucoin_stream.protocol.heartbeat import RECOMMENDED_INTERVAL, Beat, Heartbeat
from kucoin_stream.protocol.messages import encode, pro
from kucoin_stream.protocol.messages.control import UNAUTHORISED, Ack, Control, Error, Notice, Ping, Pong, Welcome
from kucoin_stream.protocol.messages.envelope import UNDECODABLE, Command
from kucoin_stream.settings import Limits

BAD_REQUEST = 400  # for a refusal without a code, as Pro's are: KuCoin calls such a request invalid

GUESSED_WRONG = (*UNDECODABLE, KeyError)  # of a shape or topic not known yet

SHAPES = 256  # guesses kept
TOPICS = 10_000  # topics that are kept: a server that makes them up must not fill memory
LONGEST_TOPIC = 200  # letters of a topic that is kept; those of the catalogue have 60


class State(Enum):
    """Where a connection is in its life."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"


class Queued(NamedTuple):
    """A frame on its way out."""

    frame: bytes
    request_id: str | None = None  # None: nothing answers it by its id
    is_ping: bool = False


class Options(TypedDict, total=False):
    """What a machine can be told, all in seconds.

    ``ping_interval`` is half of what the welcome says, unless it is given. A classic welcome says nothing: 18 s.
    """

    ping_interval: float | None
    pong_timeout: float
    welcome_timeout: float
    ack_timeout: float


class Conversation(ABC):
    """A connection in time. See the module's theory of operation."""

    shortest_ping: ClassVar[float] = 0.0  # seconds between two pings
    ends: ClassVar[frozenset[int]] = frozenset({UNAUTHORISED})  # codes after which a connection is of no more use
    most_patience: ClassVar[float] = 8.0  # times ``ack_timeout`` that a late server is given in the end

    def __init__(
        self,
        *,
        now: float,
        limits: Limits,
        ping_interval: float | None = None,
        pong_timeout: float = 10.0,
        welcome_timeout: float = 5.0,
        ack_timeout: float = 10.0,
    ) -> None:
        self.state = State.CONNECTING
        self._limits = limits
        self._ping_interval = ping_interval
        self._pong_timeout = max(pong_timeout, self.shortest_ping)  # a missed pong is followed by a ping at once
        self._heartbeat = self._make_heartbeat(None, now)
        self._pinged = float("-inf")
        self._welcome_timeout = welcome_timeout
        self._ack_timeout = ack_timeout
        self._longest_ack = self.most_patience * ack_timeout
        self._expect("no welcome", now)
        self._ids = count(1)
        self._queue: deque[Queued] = deque()
        self._sent_at: deque[float] = deque()
        self._pending: dict[str, float] = {}  # request id -> when it counts as unanswered

    def connected(self, now: float) -> None:
        """Note that the socket is open: the welcome is due from here."""
        self._expect("no welcome", now)

    # -- the way in ------------------------------------------------------------------------------------------

    def _expect(self, failure: str, now: float, within: float | None = None) -> None:
        """Note what it means when the next step of the handshake does not come in time."""
        self._failure = Failed(failure)
        self._due = now + (self._welcome_timeout if within is None else within)

    def _open(self, welcome: Welcome, now: float) -> None:
        self.state = State.OPEN
        self._heartbeat = self._make_heartbeat(welcome.ping_interval_ms, now)

    def _make_heartbeat(self, interval_ms: float | None, now: float) -> Heartbeat:
        interval = _half(interval_ms) if self._ping_interval is None else self._ping_interval
        return Heartbeat(max(interval, self.shortest_ping), self._pong_timeout, now)

    # -- in: what is no push ---------------------------------------------------------------------------------

    def _heard(self, said: Control, now: float) -> Sequence[Event]:
        match said:
            case Pong(time_ns=time_ns):
                round_trip = self._heartbeat.ponged(now)
                return [] if round_trip is None else [Ponged(round_trip, time_ns)]
            case Welcome():
                return self._welcomed(said, now)
            case Ack(id=request_id):
                return self._succeeded(request_id, now)
            case Error():
                return [self._refused(said)]
            case Notice():
                return []
            case Ping() | Command() | pro.Command():
                raise RemoteProtocolError("a frame that only clients send")
            case never:
                assert_never(never)

    @abstractmethod
    def _welcomed(self, welcome: Welcome, now: float) -> Sequence[Event]:
        """Return what a welcome means."""

    def _succeeded(self, request_id: str, now: float) -> Sequence[Event]:  # noqa: ARG002  the way in may need it
        return [Acknowledged(request_id)] if self._pending.pop(request_id, None) is not None else []

    def _refused(self, error: Error) -> Rejected | Failed:
        known = self._pending.pop(error.id, None) is not None
        if known or (self.state is State.OPEN and error.code not in self.ends):
            return Rejected(error.id if known else "", error.code or BAD_REQUEST, error.reason)
        return Failed(error.reason, error.code or UNAUTHORISED)

    # -- out -------------------------------------------------------------------------------------------------

    def _next_id(self, what: str) -> str:
        """Return the id of a new request; raises :class:`LocalProtocolError` unless the connection is open."""
        if self.state is not State.OPEN:
            raise LocalProtocolError(f"{what} on a connection that is {self.state.value}")
        return str(next(self._ids))

    def data_to_send(self, now: float) -> Sequence[bytes]:
        """Return the frames to send now, within the limit on commands. Call :meth:`tick` for the rest."""
        frames = []
        while self._queue and self._may_send(now):
            queued = self._queue.popleft()
            if queued.is_ping:
                if now < self._pinged + self.shortest_ping:
                    continue  # held back by the limit, and late: the one before does as well
                self._pinged = now
            self._sent_at.append(now)
            self._heartbeat.sent(now)
            if queued.request_id is not None:
                self._pending[queued.request_id] = now + self._ack_timeout
            frames.append(queued.frame)
        return frames

    @property
    def held_back(self) -> bool:
        """Whether commands wait for the limit on them."""
        return bool(self._queue)

    def _may_send(self, now: float) -> bool:
        sent = self._sent_at
        while sent and sent[0] <= now - self._limits.window:
            sent.popleft()
        return len(sent) < self._limits.commands_per_window

    # -- time ------------------------------------------------------------------------------------------------

    def next_tick(self) -> float:
        """Return when to call :meth:`tick` at the latest."""
        if self.state is State.CONNECTING:
            return self._due
        due = self._heartbeat.next_tick()
        if self._pending:
            due = min(due, *self._pending.values())
        if self._queue and self._sent_at:
            due = min(due, self._sent_at[0] + self._limits.window)
        return due

    def tick(self, now: float) -> list[Event]:
        """Do what is due; afterwards send :meth:`data_to_send`."""
        if self.state is State.CONNECTING:
            return [self._failure] if now >= self._due else []
        if self.state is State.CLOSED:
            return []
        events: list[Event] = []
        for request_id in [key for key, due in self._pending.items() if due <= now]:
            del self._pending[request_id]
            events.append(Unanswered(request_id))
        if events:  # else answers that always come a little too late would never count
            self._ack_timeout = min(2 * self._ack_timeout, self._longest_ack)
        match self._heartbeat.tick(now):
            case Beat.PING:
                if not (self._queue and self._queue[0].is_ping):
                    self._queue.appendleft(Queued(self._ping(str(next(self._ids)), now), is_ping=True))
                self._heartbeat.pinged(now)
            case Beat.DEAD:
                events.append(Failed("no answer to the ping: the connection is dead"))
            case Beat.NOTHING:
                pass
        return events

    def doubt(self, now: float) -> None:
        """Ask at once whether the other side is still there."""
        self._heartbeat.doubted(now)

    def _ping(self, request_id: str, now: float) -> bytes:  # noqa: ARG002  the WS API says its time
        return encode(Command(request_id, "ping"))

    def close(self) -> None:
        """Note that the socket is gone. Nothing is sent any more."""
        self.state = State.CLOSED
        self._queue.clear()
        self._pending.clear()


def _half(interval_ms: float | None) -> float:
    """Return half of what a server asks for, in seconds and within reason: half a second to half an hour."""
    if interval_ms is None or interval_ms <= 0:
        return RECOMMENDED_INTERVAL / 2
    return min(max(interval_ms, 1000.0), 3_600_000.0) / 2000
