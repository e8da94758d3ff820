"""One classic (V1) connection as a machine without I/O and without a clock (protocol.md 3).

Theory of operation. As :mod:`kucoin_stream.protocol.conversation` says; the way in is a welcome. Commands are queued by
:meth:`ClassicProtocol.subscribe` and :meth:`ClassicProtocol.unsubscribe`.

Almost every message is a push that looks like one before it. Its first bytes say which payload to expect; so it is
decoded, topic and payload, in one pass. That is a guess, checked against the topic that comes out: where it was wrong,
and for everything else, the envelope is decoded first and the payload then. Where the topic alone does not say which
payload it is, but only with the subject (``/contract/instrument``), there is no short way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Unpack

from msgspec.structs import force_setattr

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.protocol import topics
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
from kucoin_stream.protocol.decoding import Amend, amendment, classic_push, control
from kucoin_stream.protocol.events import Event, Opened, Unreadable
from kucoin_stream.protocol.heartbeat import RECOMMENDED_INTERVAL
from kucoin_stream.protocol.messages import decoder, encode
from kucoin_stream.protocol.messages.control import Welcome
from kucoin_stream.protocol.messages.envelope import Command, Envelope, Push, read
from kucoin_stream.protocol.topic import Topic
from kucoin_stream.settings import Limits

__all__ = ["ClassicProtocol", "State"]

_HEAD = 24  # bytes of a message by which its shape is guessed: up to the stem of its topic, or its first fields


class Reader(NamedTuple):
    """How to read the pushes of one kind of payload."""

    decode: Callable[[bytes], Push[Any]]  # the whole push
    amends: dict[str, Amend | None]  # by topic: those whose payload is this


class ClassicProtocol(Conversation):
    """Frames in, events out. See the module's theory of operation."""

    def __init__(self, *, now: float, limits: Limits | None = None, **options: Unpack[Options]) -> None:
        if options.get("ping_interval") is None:
            options["ping_interval"] = RECOMMENDED_INTERVAL
        super().__init__(now=now, limits=limits or Limits(), **options)
        self._readers: dict[str, Reader] = {}  # by topic
        self._kinds: dict[type[Any], Reader] = {}  # by payload
        self._shapes: dict[bytes, Reader] = {}  # by the first bytes of a message

    # -- in --------------------------------------------------------------------------------------------------

    def receive(self, batch: Iterable[bytes], now: float) -> list[Event]:
        """Return what the messages of one socket read mean, in order; some mean nothing."""
        shapes = self._shapes
        events: list[Event] = []
        for data in batch:
            try:
                decode, amends = shapes[data[:_HEAD]]
                push = decode(data)
                amend = amends[push.topic]
            except GUESSED_WRONG:
                try:
                    events += self._slowly(data, now)
                except RemoteProtocolError as exc:
                    events.append(Unreadable(exc))
                continue
            if amend is not None:
                force_setattr(push.data, amend[0], amend[1] or push.subject)
            events.append(push)
        self._heartbeat.received(now)
        return events

    def _slowly(self, data: bytes, now: float) -> Sequence[Event]:
        """Decode the envelope, then what is in it."""
        envelope = read(Envelope, data)
        if not envelope.is_push:
            return self._heard(control(data), now)
        push, row, argument = classic_push(envelope)
        if len(push.topic) <= LONGEST_TOPIC and not topics.told_by_subject(row):
            reader = self._readers.get(push.topic) or self._reader(row, argument, push.topic)
            if len(self._shapes) < SHAPES:
                self._shapes[data[:_HEAD]] = reader
        return [push]

    def _reader(self, row: Topic, argument: str, topic: str) -> Reader:
        if len(self._readers) >= TOPICS:
            self._readers.clear()
            self._kinds.clear()
            self._shapes.clear()
        payload = row.payload
        if payload not in self._kinds:
            self._kinds[payload] = Reader(decoder(Push[payload]).decode, {})  # type: ignore[valid-type]
        reader = self._readers[topic] = self._kinds[payload]
        reader.amends[topic] = amendment(payload, argument)
        return reader

    def _welcomed(self, welcome: Welcome, now: float) -> Sequence[Event]:
        if self.state is not State.CONNECTING:
            return []
        self._open(welcome, now)
        return [Opened(welcome.id)]

    # -- out -------------------------------------------------------------------------------------------------

    def subscribe(self, topic: str, *, private: bool = False) -> str:
        """Queue a subscribe of a wire topic, which may be a comma list; return its request id."""
        return self._command("subscribe", topic, private)

    def unsubscribe(self, topic: str, *, private: bool = False) -> str:
        """Queue an unsubscribe; return its request id."""
        return self._command("unsubscribe", topic, private)

    def _command(self, kind: str, topic: str, private: bool) -> str:
        request_id = self._next_id(kind)
        frame = Command(id=request_id, type=kind, topic=topic, private_channel=private, response=True)
        self._queue.append(Queued(encode(frame), request_id))
        return request_id
