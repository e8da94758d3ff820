"""One Pro (V2) connection as a machine without I/O and without a clock (protocol.md 6).

Theory of operation. As :class:`~kucoin_stream.protocol.classic.ClassicProtocol`, whose face it has: the shell gives
what a socket read brings to :meth:`ProProtocol.receive`, calls :meth:`~Conversation.tick` in time, and sends what
:meth:`~Conversation.data_to_send` returns; while the connection is not open, after every ``receive`` too.

    CONNECTING --welcome--> (auth frame --its success-->) OPEN --failure, close--> CLOSED

Pro names no topic; the texts that name one here are those of :mod:`kucoin_stream.protocol.catalogue.pro`. What a push
says of itself (``T``, ``dp``, symbol, interval) becomes such a text. A push begins like one before it: its first bytes
say which payload to expect, so that it is decoded in one pass, and what it says of itself is looked up as it is. That
is a guess; where it is wrong, and for everything else, the envelope is decoded first and the payload then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import force_setattr

from kucoin_stream.errors import LocalProtocolError, RemoteProtocolError, printable
from kucoin_stream.protocol.catalogue import pro as catalogue
from kucoin_stream.protocol.classic import State
from kucoin_stream.protocol.events import (
    Acknowledged,
    Authenticated,
    Event,
    Failed,
    Opened,
    Ponged,
    Rejected,
    Unanswered,
    Unreadable,
)
from kucoin_stream.protocol.heartbeat import RECOMMENDED_INTERVAL, Beat, Heartbeat
from kucoin_stream.protocol.inflate import inflate, is_json
from kucoin_stream.protocol.messages import decoder, encode
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.messages.pro import Address, Command, Envelope, Frame
from kucoin_stream.protocol.topic import Topic
from kucoin_stream.settings import Limits

PUBLIC_LIMITS = Limits(topics_per_connection=600, commands_per_window=270)  # of 300; protocol.md 6.3
PRIVATE_LIMITS = Limits(topics_per_connection=400, commands_per_window=90)  # of 100; protocol.md 6.3

SHORTEST_PING = 1.0  # seconds: "not more than one ping per second"; protocol.md 6.3
UNAUTHORISED = 401
BAD_REQUEST = 400  # a refusal has no code here: KuCoin calls the request invalid
NO_REASON = "no reason given"

ENDS = frozenset({UNAUTHORISED, 400011, 400012, 400400, 400401, 411200, 420001, 501000})
"""Gateway codes after which the connection is of no more use (protocol.md 6.2, 9.4)."""

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_GUESSED_WRONG = (*UNDECODABLE, KeyError)

_HEAD = 20  # bytes of a message by which its shape is guessed: T, and nothing of the time that may follow it
_SHAPES = 256  # guesses kept


class Queued(NamedTuple):
    """A frame on its way out."""

    frame: bytes
    request_id: str | None = None  # None: nothing answers it by its id
    is_ping: bool = False


class Conversation(ABC):
    """What the machines of Pro and of the WS API share: the way in, the pace, answers in time, the heartbeat.

    Times are seconds on one monotonic clock. ``ping_interval`` is half of what the welcome says, unless it is given.
    """

    def __init__(
        self,
        *,
        now: float,
        ping_interval: float | None,
        pong_timeout: float,
        welcome_timeout: float,
        ack_timeout: float,
        limits: Limits,
    ) -> None:
        self.state = State.CONNECTING
        self._limits = limits
        self._ping_interval = ping_interval
        self._pong_timeout = max(pong_timeout, SHORTEST_PING)  # a missed pong is followed by a ping at once
        self._heartbeat = self._make_heartbeat(None, now)
        self._pinged = float("-inf")
        self._welcome_timeout = welcome_timeout
        self._ack_timeout = ack_timeout
        self._expect("no welcome", now)
        self._ids = count(1)
        self._queue: deque[Queued] = deque()
        self._sent_at: deque[float] = deque()
        self._pending: dict[str, float] = {}  # request id -> when it counts as unanswered

    def connected(self, now: float) -> None:
        """Note that the socket is open: the welcome is due from here."""
        self._expect("no welcome", now)

    @abstractmethod
    def _ping(self, request_id: str, now: float) -> bytes:
        """Return a ping."""

    # -- the way in ------------------------------------------------------------------------------------------

    def _expect(self, failure: str, now: float, within: float | None = None) -> None:
        """Note what it means when the next step of the handshake does not come in time."""
        self._failure = Failed(failure)
        self._due = now + (self._welcome_timeout if within is None else within)

    def _open(self, interval_ms: float | str | None, now: float) -> None:
        self.state = State.OPEN
        self._heartbeat = self._make_heartbeat(interval_ms, now)

    def _make_heartbeat(self, interval_ms: float | str | None, now: float) -> Heartbeat:
        interval = _half(interval_ms) if self._ping_interval is None else self._ping_interval
        return Heartbeat(max(interval, SHORTEST_PING), self._pong_timeout, now)

    # -- out -------------------------------------------------------------------------------------------------

    def data_to_send(self, now: float) -> Sequence[bytes]:
        """Return the frames to send now, within the limit on commands. Call :meth:`tick` for the rest."""
        frames = []
        while self._queue and self._may_send(now):
            queued = self._queue.popleft()
            if queued.is_ping:
                if now < self._pinged + SHORTEST_PING:
                    continue  # held back by the limit, and late: the one before does as well
                self._pinged = now
            self._sent_at.append(now)
            self._heartbeat.sent(now)
            if queued.request_id is not None:
                self._pending[queued.request_id] = now + self._ack_timeout
            frames.append(queued.frame)
        return frames

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
            due = min(due, next(iter(self._pending.values())))  # in order of sending
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

    def close(self) -> None:
        """Note that the socket is gone. Nothing is sent any more."""
        self.state = State.CLOSED
        self._queue.clear()
        self._pending.clear()

    def _ponged(self, now: float) -> list[Event]:
        round_trip = self._heartbeat.ponged(now)
        return [] if round_trip is None else [Ponged(round_trip)]


class Reader(NamedTuple):
    """How to read the pushes of one kind of payload."""

    decode: Callable[[bytes], Frame[Any]]  # the whole push
    key: Callable[[Frame[Any]], Any]  # what a push says of itself
    topics: dict[Any, str]  # by that
    amend: tuple[str, str] | None  # a field of the payload that only the envelope says, and where it stands there


class ProProtocol(Conversation):
    """Frames in, events out. See the module's theory of operation.

    ``auth`` is the frame of :func:`~kucoin_stream.protocol.signing.auth_frame`, sent after the welcome; without it the
    connection is public, or the address holds a token (6.4).
    """

    def __init__(
        self,
        *,
        now: float,
        ping_interval: float | None = None,
        pong_timeout: float = 10.0,
        welcome_timeout: float = 5.0,
        ack_timeout: float = 10.0,
        limits: Limits | None = None,
        auth: bytes | None = None,
    ) -> None:
        super().__init__(
            now=now,
            ping_interval=ping_interval,
            pong_timeout=pong_timeout,
            welcome_timeout=welcome_timeout,
            ack_timeout=ack_timeout,
            limits=limits or (PUBLIC_LIMITS if auth is None else PRIVATE_LIMITS),
        )
        self._auth = auth
        self._welcome: Envelope | None = None  # while the answer to the auth frame is awaited
        self._readers: dict[tuple[Any, ...], Reader] = {}  # by payload and what tells its topics apart
        self._shapes: dict[bytes, Reader] = {}  # by the first bytes of a message
        self._known = 0  # topics in all readers

    # -- in --------------------------------------------------------------------------------------------------

    def receive(self, batch: Iterable[bytes], now: float) -> list[Event]:
        """Return what the messages of one socket read mean, in order; some mean nothing."""
        shapes = self._shapes
        events: list[Event] = []
        for data in batch:
            try:
                decode, key, topics, amend = shapes[data[:_HEAD]]
                frame = decode(data)
                topic = topics[key(frame)]
            except _GUESSED_WRONG:
                try:
                    events += self._slowly(data, now)
                except RemoteProtocolError as exc:
                    events.append(Unreadable(exc))
                continue
            payload = frame.data
            if amend is not None:
                force_setattr(payload, amend[0], getattr(frame, amend[1]))
            events.append(Push(topic, payload, frame.subject))
        self._heartbeat.received(now)
        return events

    def _slowly(self, data: bytes, now: float) -> Sequence[Event]:
        """Decode the envelope, then what is in it."""
        text = data if is_json(data) else inflate(data)
        try:
            envelope = decoder(Envelope).decode(text)
        except UNDECODABLE as exc:
            raise RemoteProtocolError(f"undecodable message: {exc}") from exc
        return self._push(envelope, text) if envelope.channel else self._control(envelope, now)

    def _push(self, envelope: Envelope, data: bytes) -> list[Event]:
        try:
            row, account = catalogue.row_of(envelope.channel, envelope.depth)
        except KeyError:
            about = f"{envelope.channel[:100]!r}, depth {envelope.depth[:100]!r}"
            raise RemoteProtocolError(f"a push of an unknown channel: {about}") from None
        kind: Any = row.payload if row.list_limit else list[row.payload]  # type: ignore[name-defined]
        try:
            decoded = decoder(kind).decode(envelope.payload)
        except UNDECODABLE as exc:
            topic = _address(row, account, envelope)
            raise RemoteProtocolError(f"undecodable push of {topic[:100]!r}: {exc}", topic) from exc
        payloads = decoded if isinstance(decoded, list) else [decoded]
        reader = self._reader(row)
        events: list[Event] = []
        for payload in payloads:
            topic = catalogue.topic_of(row, account, getattr(payload, "symbol", ""), getattr(payload, "interval", ""))
            if reader.amend is not None:
                force_setattr(payload, reader.amend[0], getattr(envelope, reader.amend[1]))
            events.append(Push(topic, payload, envelope.subject))
        if row.list_limit:
            self._learn(reader, Frame(envelope.channel, decoded, envelope.depth), topic, data)
        return events

    def _reader(self, row: Topic) -> Reader:
        parts = _parts(row)
        reader = self._readers.get((row.payload, parts))
        if reader is None:
            decode = decoder(Frame[row.payload]).decode  # type: ignore[name-defined]
            reader = Reader(decode, attrgetter(*parts), {}, _amend(row.payload))
            self._readers[row.payload, parts] = reader
        return reader

    def _learn(self, reader: Reader, frame: Frame[Any], topic: str, data: bytes) -> None:
        """Keep what the next such message will be recognised by."""
        if self._known >= 2 * self._limits.topics_per_connection:  # a hostile server must not fill memory
            for each in self._readers.values():
                each.topics.clear()
            self._shapes.clear()
            self._known = 0
        head, key = data[:_HEAD], reader.key(frame)
        if key not in reader.topics:
            reader.topics[key] = topic
            self._known += 1
        if b'"T"' in head and len(self._shapes) < _SHAPES:  # no guess where the time comes first
            self._shapes[head] = reader

    def _control(self, envelope: Envelope, now: float) -> list[Event]:
        request_id = "" if envelope.id is None else str(envelope.id)
        if "pong" in (envelope.type, envelope.op):
            return self._ponged(now)
        if is_welcome(envelope.message) or is_welcome(envelope.data):
            return self._welcomed(envelope, now)
        code = error_code(envelope.code)
        reason = error_text(envelope.reason, envelope.message, envelope.msg, envelope.data)
        if envelope.result:
            return self._result(request_id, is_true(envelope.result), code, reason, now)
        if not code and reason.startswith("token is "):
            code = UNAUTHORISED
        return self._error(request_id, code, reason) if code or reason else []

    def _welcomed(self, envelope: Envelope, now: float) -> list[Event]:
        if self.state is not State.CONNECTING or self._welcome is not None:
            return []
        if self._auth is None:
            self._open(envelope.ping_interval_ms, now)
            return [Opened(envelope.session_id)]
        self._welcome = envelope
        self._queue.append(Queued(self._auth))
        self._expect("no answer to the authentication", now)
        return []

    def _result(self, request_id: str, success: bool, code: int, reason: str, now: float) -> list[Event]:
        if self.state is State.CONNECTING:
            return self._authenticated(now) if success else [Failed(reason or NO_REASON, code or UNAUTHORISED)]
        known = self._pending.pop(request_id, None) is not None
        if success:
            return [Acknowledged(request_id)] if known else []
        return [Rejected(request_id if known else "", code or BAD_REQUEST, reason or NO_REASON)]

    def _authenticated(self, now: float) -> list[Event]:
        welcome = self._welcome
        if welcome is None:  # the success of nothing that was asked
            return []
        self._open(welcome.ping_interval_ms, now)
        return [Authenticated(welcome.session_id), Opened(welcome.session_id)]

    def _error(self, request_id: str, code: int, reason: str) -> list[Event]:
        known = self._pending.pop(request_id, None) is not None
        if known or (self.state is State.OPEN and code not in ENDS):
            return [Rejected(request_id if known else "", code, reason or NO_REASON)]
        return [Failed(reason or NO_REASON, code)]

    # -- out -------------------------------------------------------------------------------------------------

    def subscribe(self, topic: str, *, private: bool = False) -> str:  # noqa: ARG002  the topic says it
        """Queue a subscribe of a topic, which may list symbols by commas where its row does; return its request id."""
        return self._command("SUBSCRIBE", topic)

    def unsubscribe(self, topic: str, *, private: bool = False) -> str:  # noqa: ARG002
        """Queue an unsubscribe; return its request id."""
        return self._command("UNSUBSCRIBE", topic)

    def _command(self, action: str, topic: str) -> str:
        if self.state is not State.OPEN:
            raise LocalProtocolError(f"{action.lower()} on a connection that is {self.state.value}")
        request_id = str(next(self._ids))
        self._queue.append(Queued(encode(catalogue.command(action, topic, request_id)), request_id))
        return request_id

    def _ping(self, request_id: str, now: float) -> bytes:  # noqa: ARG002
        return encode(Command(request_id, type="ping"))


def _parts(row: Topic) -> tuple[str, ...]:
    """Return the attributes of a frame that tell the topics of a row, and of those like it, apart."""
    parts = {"@": "depth", "{symbol}": "data.symbol", "{interval}": "data.interval"}
    return ("channel", *(part for sign, part in parts.items() if sign in row.path))


def _amend(payload: type[Any]) -> tuple[str, str] | None:
    """Return what the payload does not carry on the wire: which kind of book, or when it was pushed."""
    names = dict(zip(payload.__struct_fields__, payload.__struct_encode_fields__, strict=True))
    if names.get("kind") == "kind":
        return "kind", "subject"
    return ("time_ns", "pushed_ns") if names.get("time_ns") == "time_ns" else None


def _address(row: Topic, account: str, envelope: Envelope) -> str:
    """Return the topic of a push whose payload is not readable; empty where not even that is."""
    try:
        address = decoder(Address).decode(envelope.payload) if row.by_symbol else Address()
    except UNDECODABLE:
        return ""
    return catalogue.topic_of(row, account, address.symbol, address.interval)


def is_welcome(text: msgspec.Raw) -> bool:
    """Whether a field says ``"welcome"``."""
    return bytes(text) == b'"welcome"'


def is_true(result: msgspec.Raw) -> bool:
    """Whether a result is ``true``, or that as text."""
    return bytes(result).strip(b'"').lower() == b"true"


def error_code(code: int | str | None) -> int:
    """Return a code as a number, 0 where it is none."""
    try:
        return int(code or 0)
    except ValueError:
        return 0


def error_text(*candidates: msgspec.Raw) -> str:
    """Return the first of these that says something, fit to be shown; empty where none does."""
    for candidate in candidates:
        try:
            said = msgspec.json.decode(candidate) if candidate else None
        except UNDECODABLE:
            continue
        if said:
            return printable(said)
    return ""


def _half(interval_ms: float | str | None) -> float:
    """Return half of what a server asks for, in seconds and within reason: half a second to half an hour."""
    try:
        milliseconds = float(interval_ms or 0)
    except ValueError:
        milliseconds = 0.0  # not a number: the interval of 2026
    return min(max(milliseconds, 1000.0), 3_600_000.0) / 2000 if milliseconds > 0 else RECOMMENDED_INTERVAL / 2
