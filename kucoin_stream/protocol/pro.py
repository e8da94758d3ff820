"""One Pro (V2) connection as a machine without I/O and without a clock (protocol.md 6).

Theory of operation. As :mod:`kucoin_stream.protocol.conversation` says, and with the face of
:class:`~kucoin_stream.protocol.classic.ClassicProtocol`. The way in may include an authentication; so send
:meth:`ProProtocol.data_to_send` after every ``receive`` while the connection is not open.

    CONNECTING --welcome--> (auth frame --its success-->) OPEN --failure, close--> CLOSED

Pro names no topic; the texts that name one here are those of :mod:`kucoin_stream.protocol.catalogue.pro`. What a push
says of itself (``T``, ``dp``, symbol, interval) becomes such a text. A push begins like one before it: its first bytes
say which payload to expect, so that it is decoded in one pass, and what it says of itself is looked up as it is. That
is a guess; where it is wrong, and for everything else, the envelope is decoded first and the payload then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Unpack

from msgspec.structs import force_setattr

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.protocol.catalogue import pro as catalogue
from kucoin_stream.protocol.conversation import (
    GUESSED_WRONG,
    LONGEST_TOPIC,
    SHAPES,
    TOPICS,
    Conversation,
    Options,
    Queued,
    State,
)
from kucoin_stream.protocol.decoding import PRO_AMENDMENTS, Amend, control, inflated, pro_push
from kucoin_stream.protocol.events import Authenticated, Event, Opened, Unreadable
from kucoin_stream.protocol.messages import decoder, encode
from kucoin_stream.protocol.messages.control import UNAUTHORISED, Welcome
from kucoin_stream.protocol.messages.envelope import Push, read
from kucoin_stream.protocol.messages.pro import Book, BookFrame, Envelope, Frame
from kucoin_stream.protocol.topic import Topic
from kucoin_stream.settings import Limits

PUBLIC_LIMITS = Limits(topics_per_connection=600, commands_per_window=270)  # of 300; protocol.md 6.3
PRIVATE_LIMITS = Limits(topics_per_connection=400, commands_per_window=90)  # of 100; protocol.md 6.3

SHORTEST_PING = 1.0  # seconds: "not more than one ping per second"; protocol.md 6.3

ENDS = frozenset({UNAUTHORISED, 400011, 400012, 400400, 400401, 411200, 420001, 501000})
"""Gateway codes after which the connection is of no more use (protocol.md 6.2, 9.4)."""

_HEAD = 20  # bytes of a message by which its shape is guessed: T, and nothing of the time that may follow it


class Reader(NamedTuple):
    """How to read the pushes of one kind of payload."""

    decode: Callable[[bytes], Frame[Any]]  # the whole push
    key: Callable[[Frame[Any]], Any]  # what a push says of itself
    topics: dict[Any, str]  # by that
    amend: Amend | None  # a field of the payload that only the envelope says, and where it stands there


class ProProtocol(Conversation):
    """Frames in, events out. See the module's theory of operation.

    ``auth`` is the frame of :func:`~kucoin_stream.protocol.signing.auth_frame`, sent after the welcome; without it the
    connection is public, or the address holds a token (6.4).
    """

    shortest_ping = SHORTEST_PING
    ends = ENDS

    def __init__(
        self, *, now: float, limits: Limits | None = None, auth: bytes | None = None, **options: Unpack[Options]
    ) -> None:
        super().__init__(now=now, limits=limits or (PUBLIC_LIMITS if auth is None else PRIVATE_LIMITS), **options)
        self._auth = auth
        self._welcome: Welcome | None = None  # while the answer to the auth frame is awaited
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
            except GUESSED_WRONG:
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
        text = inflated(data)
        envelope = read(Envelope, text)
        if not envelope.channel:
            return self._heard(control(text), now)
        push, row = pro_push(envelope)
        if isinstance(push.data, list):
            return [Push(push.topic, payload, push.subject) for payload in push.data]
        if len(envelope.channel) + len(push.topic) <= LONGEST_TOPIC:
            self._learn(row, Frame(envelope.channel, push.data, envelope.depth), push.topic, text[:_HEAD])
        return [push]

    def _learn(self, row: Topic, frame: Frame[Any], topic: str, head: bytes) -> None:
        """Keep what the next such message will be recognised by."""
        if self._known >= TOPICS:
            self._readers.clear()
            self._shapes.clear()
            self._known = 0
        reader = self._reader(row)
        key = reader.key(frame)
        if key not in reader.topics:
            reader.topics[key] = topic
            self._known += 1
        if b'"T"' in head and len(self._shapes) < SHAPES:  # no guess where the time comes first
            self._shapes[head] = reader

    def _reader(self, row: Topic) -> Reader:
        parts = _parts(row)
        reader = self._readers.get((row.payload, parts))
        if reader is None:
            kind: Any = BookFrame if row.payload is Book else Frame[row.payload]  # type: ignore[name-defined]
            decode = decoder(kind).decode
            reader = Reader(decode, attrgetter(*parts), {}, PRO_AMENDMENTS[row.payload])
            self._readers[row.payload, parts] = reader
        return reader

    # -- the way in ------------------------------------------------------------------------------------------

    def _welcomed(self, welcome: Welcome, now: float) -> Sequence[Event]:
        if self.state is not State.CONNECTING or self._welcome is not None:
            return []
        if self._auth is None:
            self._open(welcome, now)
            return [Opened(welcome.id)]
        self._welcome = welcome
        self._queue.append(Queued(self._auth))
        self._expect("no answer to the authentication", now)
        return []

    def _succeeded(self, request_id: str, now: float) -> Sequence[Event]:
        if self.state is not State.CONNECTING:
            return super()._succeeded(request_id, now)
        welcome = self._welcome
        if welcome is None:  # the success of nothing that was asked
            return []
        self._open(welcome, now)
        return [Authenticated(welcome.id), Opened(welcome.id)]

    # -- out -------------------------------------------------------------------------------------------------

    def subscribe(self, topic: str, *, private: bool = False) -> str:  # noqa: ARG002  the topic says it
        """Queue a subscribe of a topic, which may list symbols by commas where its row does; return its request id."""
        return self._command("SUBSCRIBE", topic)

    def unsubscribe(self, topic: str, *, private: bool = False) -> str:  # noqa: ARG002
        """Queue an unsubscribe; return its request id."""
        return self._command("UNSUBSCRIBE", topic)

    def _command(self, action: str, topic: str) -> str:
        request_id = self._next_id(action.lower())
        self._queue.append(Queued(encode(catalogue.command(action, topic, request_id)), request_id))
        return request_id


def _parts(row: Topic) -> tuple[str, ...]:
    """Return the attributes of a frame that tell the topics of a row, and of those like it, apart."""
    parts = {"@": "depth", "{symbol}": "data.symbol", "{interval}": "data.interval"}
    return ("channel", *(part for sign, part in parts.items() if sign in row.path))
