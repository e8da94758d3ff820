"""One classic (V1) connection as a machine without I/O and without a clock (protocol.md 3).

Theory of operation. The shell opens a socket and creates a :class:`ClassicProtocol`. What one socket read brings goes
into :meth:`receive`, which returns what it means. Commands are queued by :meth:`subscribe` and :meth:`unsubscribe`,
and leave through :meth:`data_to_send`, which keeps the exchange's limit on commands. :meth:`tick` does all that time
brings: pings, unanswered commands, a welcome that never came. ``now`` is seconds on one monotonic clock throughout.

    CONNECTING --welcome--> OPEN --failure, close--> CLOSED

Almost every message is a push that looks like one before it. Its first bytes say which payload to expect; so it is
decoded, topic and payload, in one pass. That is a guess, checked against the topic that comes out: where it was wrong,
and for everything else, the envelope is decoded first and the payload then. Where the topic alone does not say which
payload it is, but only with the subject (``/contract/instrument``), there is no short way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from itertools import count
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec.structs import fields, force_setattr

from kucoin_stream.errors import LocalProtocolError, RemoteProtocolError, printable
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.events import (
    Acknowledged,
    Event,
    Failed,
    Opened,
    Ponged,
    Rejected,
    Unanswered,
    Unreadable,
)
from kucoin_stream.protocol.heartbeat import Beat, Heartbeat
from kucoin_stream.protocol.messages import decoder, encode
from kucoin_stream.protocol.messages.envelope import Command, Envelope, Push
from kucoin_stream.protocol.topic import Topic
from kucoin_stream.settings import Limits

T = TypeVar("T")

_decode_envelope = decoder(Envelope).decode
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_GUESSED_WRONG = (*_UNDECODABLE, KeyError)  # of a shape or topic not known yet

_BAD_TOKEN = 401

_HEAD = 24  # bytes of a message by which its shape is guessed: up to the stem of its topic, or its first fields
_SHAPES = 256  # guesses kept

Amend = tuple[str, str]
"""A field of a payload that only the topic says, and its value; the push's subject where that is empty."""


class Reader(NamedTuple):
    """How to read the pushes of one kind of payload."""

    payload: type[Any]
    decode: Callable[[bytes], Push[Any]]  # the whole push
    amends: dict[str, Amend | None]  # by topic: those whose payload is this


class State(Enum):
    """Where a connection is in its life."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"


class _Queued(NamedTuple):
    frame: bytes
    request_id: str | None  # None: a ping, which has no ack


class ClassicProtocol:
    """Frames in, events out. See the module's theory of operation."""

    def __init__(
        self,
        *,
        now: float,
        ping_interval: float = 18.0,
        pong_timeout: float = 10.0,
        welcome_timeout: float = 5.0,
        ack_timeout: float = 10.0,
        limits: Limits | None = None,
    ) -> None:
        self.state = State.CONNECTING
        self._limits = limits or Limits()
        self._heartbeat = Heartbeat(ping_interval, pong_timeout, now)
        self._welcome_timeout = welcome_timeout
        self._welcome_due = now + welcome_timeout
        self._ack_timeout = ack_timeout
        self._ids = count(1)
        self._queue: deque[_Queued] = deque()
        self._sent_at: deque[float] = deque()
        self._pending: dict[str, float] = {}  # request id -> when it counts as unanswered
        self._readers: dict[str, Reader] = {}  # by topic
        self._kinds: dict[type[Any], Reader] = {}  # by payload
        self._shapes: dict[bytes, Reader] = {}  # by the first bytes of a message

    def connected(self, now: float) -> None:
        """Note that the socket is open: the welcome is due from here."""
        self._welcome_due = now + self._welcome_timeout

    # -- in --------------------------------------------------------------------------------------------------

    def receive(self, batch: Iterable[bytes], now: float) -> list[Event]:
        """Return what the messages of one socket read mean, in order; some mean nothing."""
        shapes = self._shapes
        events: list[Event] = []
        for data in batch:
            try:
                _, decode, amends = shapes[data[:_HEAD]]
                push = decode(data)
                amend = amends[push.topic]
            except _GUESSED_WRONG:
                try:
                    event = self._slowly(data, now)
                except RemoteProtocolError as exc:
                    event = Unreadable(exc)
                if event is not None:
                    events.append(event)
                continue
            if amend is not None:
                force_setattr(push.data, amend[0], amend[1] or push.subject)
            events.append(push)
        self._heartbeat.received(now)
        return events

    def _slowly(self, data: bytes, now: float) -> Event | None:
        """Decode the envelope, then what is in it."""
        try:
            envelope = _decode_envelope(data)
        except _UNDECODABLE as exc:
            raise RemoteProtocolError(f"undecodable message: {exc}") from exc
        if envelope.type != "message":
            return self._control(envelope, now)
        topic = envelope.topic
        if (reader := self._readers.get(topic)) is None:
            row, argument = _row(envelope)
            if topics.told_by_subject(row):
                return _told_by_subject(row, argument, envelope)
            reader = self._reader(row, argument, topic)
        push = _push(reader.payload, envelope)
        if (amend := reader.amends[topic]) is not None:
            force_setattr(push.data, amend[0], amend[1] or push.subject)
        if len(self._shapes) < _SHAPES:
            self._shapes[data[:_HEAD]] = reader
        return push

    def _reader(self, row: Topic, argument: str, topic: str) -> Reader:
        if len(self._readers) >= 2 * self._limits.topics_per_connection:  # a hostile server must not fill memory
            self._readers.clear()
            self._kinds.clear()
            self._shapes.clear()
        payload = row.payload
        if payload not in self._kinds:
            self._kinds[payload] = Reader(payload, decoder(Push[payload]).decode, {})  # type: ignore[valid-type]
        reader = self._readers[topic] = self._kinds[payload]
        reader.amends[topic] = _amend(payload, argument)
        return reader

    def _control(self, envelope: Envelope, now: float) -> Event | None:
        request_id = "" if envelope.id is None else str(envelope.id)
        match envelope.type:
            case "welcome":
                if self.state is not State.CONNECTING:
                    return None
                self.state = State.OPEN
                return Opened(request_id)
            case "pong":
                round_trip = self._heartbeat.ponged(now)
                return None if round_trip is None else Ponged(round_trip)
            case "ack":
                return Acknowledged(request_id) if self._pending.pop(request_id, None) is not None else None
            case "error":
                return self._error(envelope, request_id)
            case _:  # "notice" and "command" are in old documents only
                return None

    def _error(self, envelope: Envelope, request_id: str) -> Event:
        code, reason = _error_code(envelope.code), _error_text(envelope.data)
        known = self._pending.pop(request_id, None) is not None
        if known or (self.state is State.OPEN and code != _BAD_TOKEN):
            return Rejected(request_id if known else "", code, reason)
        return Failed(reason, code)

    # -- out -------------------------------------------------------------------------------------------------

    def subscribe(self, topic: str, *, private: bool = False) -> str:
        """Queue a subscribe of a wire topic, which may be a comma list; return its request id."""
        return self._command("subscribe", topic, private)

    def unsubscribe(self, topic: str, *, private: bool = False) -> str:
        """Queue an unsubscribe; return its request id."""
        return self._command("unsubscribe", topic, private)

    def _command(self, kind: str, topic: str, private: bool) -> str:
        if self.state is not State.OPEN:
            raise LocalProtocolError(f"{kind} on a connection that is {self.state.value}")
        request_id = str(next(self._ids))
        frame = Command(id=request_id, type=kind, topic=topic, private_channel=private, response=True)
        self._queue.append(_Queued(encode(frame), request_id))
        return request_id

    def data_to_send(self, now: float) -> Sequence[bytes]:
        """Return the frames to send now, within the limit on commands. Call :meth:`tick` for the rest."""
        frames = []
        while self._queue and self._may_send(now):
            queued = self._queue.popleft()
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
            return self._welcome_due
        due = self._heartbeat.next_tick()
        if self._pending:
            due = min(due, next(iter(self._pending.values())))  # in order of sending
        if self._queue and self._sent_at:
            due = min(due, self._sent_at[0] + self._limits.window)
        return due

    def tick(self, now: float) -> list[Event]:
        """Do what is due; afterwards send :meth:`data_to_send`."""
        if self.state is State.CONNECTING:
            return [Failed("no welcome")] if now >= self._welcome_due else []
        if self.state is State.CLOSED:
            return []
        events: list[Event] = []
        for request_id in [key for key, due in self._pending.items() if due <= now]:
            del self._pending[request_id]
            events.append(Unanswered(request_id))
        match self._heartbeat.tick(now):
            case Beat.PING:
                self._queue.appendleft(_Queued(encode(Command(id=str(next(self._ids)), type="ping")), None))
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


def _row(envelope: Envelope) -> tuple[Topic, str]:
    try:
        return topics.parse(envelope.topic, envelope.subject)
    except KeyError:
        about = f"{envelope.topic[:100]!r}, subject {envelope.subject[:100]!r}"
        raise RemoteProtocolError(f"a push of an unknown topic: {about}") from None


def _push(payload: type[T], envelope: Envelope) -> Push[T]:
    try:
        return Push(envelope.topic, decoder(payload).decode(envelope.data), envelope.subject)
    except _UNDECODABLE as exc:
        topic = envelope.topic
        raise RemoteProtocolError(f"undecodable push of {topic[:100]!r}: {exc}", topic) from exc


def _told_by_subject(row: Topic, argument: str, envelope: Envelope) -> Push[Any]:
    """Decode a push whose topic alone does not say what it is. These are few: nothing is kept of them."""
    push = _push(row.payload, envelope)
    for name, value in (("symbol", argument), ("subject", envelope.subject)):
        if getattr(push.data, name, None) == "":
            force_setattr(push.data, name, value)
    return push


def _amend(payload: type[Any], argument: str) -> Amend | None:
    """Return what the payload does not carry on the wire."""
    if not hasattr(payload, "__struct_fields__"):  # a map
        return None
    names = {field.name: field for field in fields(payload)}
    if "interval" in names:
        return "interval", argument.rpartition("_")[2]
    if "symbol" not in names or names["symbol"].required:
        return None
    return "symbol", argument


def _error_code(code: int | str | None) -> int:
    try:
        return int(code or 0)
    except ValueError:
        return 0


def _error_text(data: msgspec.Raw) -> str:
    try:
        reason = msgspec.json.decode(data)
    except _UNDECODABLE:
        reason = None
    return printable(reason) if reason else "no reason given"
