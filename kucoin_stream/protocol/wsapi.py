"""One WS API connection, for orders over a websocket, as a machine without I/O and without a clock (protocol.md 7).

Theory of operation. As :mod:`kucoin_stream.protocol.conversation` says. The way in differs by generation; in both, send
:meth:`WsApiProtocol.data_to_send` after every ``receive``, and after :meth:`WsApiProtocol.signed`, until the connection
is open.

    1: CONNECTING --session text--> SignatureWanted, signed() --welcome--> OPEN --failure, close--> CLOSED
    2: CONNECTING --auth frame at once, welcome--> OPEN --failure, close--> CLOSED

The session text is to be signed exactly as it came, by whatever signs for the user. It is only asked for once, and only
where the text is a session text: a server cannot have anything else signed. :meth:`WsApiProtocol.request` queues an
operation; its answer is told by its id, in any order. An answer that comes after its time is told all the same: the
order may be in the market.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

import msgspec
from msgspec import Struct

from kucoin_stream.errors import LocalProtocolError, RemoteProtocolError
from kucoin_stream.protocol.conversation import BAD_REQUEST, Conversation, Options, Queued, State
from kucoin_stream.protocol.decoding import order_message
from kucoin_stream.protocol.events import (
    Answered,
    Authenticated,
    Failed,
    Opened,
    OrderEvent,
    SignatureWanted,
    Unreadable,
)
from kucoin_stream.protocol.messages import Integer, decoder, encode
from kucoin_stream.protocol.messages.control import NO_REASON, Ack, Error, SessionText, Welcome
from kucoin_stream.protocol.messages.envelope import UNDECODABLE
from kucoin_stream.protocol.messages.wsapi import SUCCESS, Ping, Request
from kucoin_stream.protocol.pro import ENDS, SHORTEST_PING
from kucoin_stream.settings import Limits

LIMITS = Limits(commands_per_window=1000)  # none is documented: the quota of orders, 4,000 in 30 s, runs out first
SIGNING_TIMEOUT = 30.0  # seconds, after which the exchange gives up: code 400012; protocol.md 7.2

_LONGEST_SESSION_TEXT = 500  # letters; the one seen has 78


class _OnlySession(Struct, forbid_unknown_fields=True, rename="camel"):
    session_id: str | int
    timestamp: Integer  # ms


class WsApiProtocol(Conversation):
    """Frames in, events out. See the module's theory of operation.

    With ``auth``, the frame of :func:`~kucoin_stream.protocol.signing.auth_frame`, it speaks generation 2.
    """

    shortest_ping = SHORTEST_PING
    ends = ENDS
    most_patience = 1.0  # who waits for an order's answer waits no longer than they said

    def __init__(
        self, *, now: float, limits: Limits | None = None, auth: bytes | None = None, **options: Unpack[Options]
    ) -> None:
        super().__init__(now=now, limits=limits or LIMITS, **options)
        self._auth = auth
        self._session_due = auth is None  # only generation 1 has a session to sign
        self._signature_due = False
        self._epoch_ms = 0.0  # Unix time at 0 on our clock, by the exchange's or the shell's

    def connected(self, now: float) -> None:
        """Note that the socket is open: the session text, or the welcome, is due from here."""
        super().connected(now)
        if self._auth is not None:
            self._epoch_ms = _timestamp_of(self._auth) - now * 1000
            self._queue.append(Queued(self._auth))
            self._auth = None

    # -- in --------------------------------------------------------------------------------------------------

    def receive(self, batch: Iterable[bytes], now: float) -> list[OrderEvent]:
        """Return what the messages of one socket read mean, in order; some mean nothing."""
        events: list[OrderEvent] = []
        for data in batch:
            try:
                events += self._one(data, now)
            except RemoteProtocolError as exc:
                events.append(Unreadable(exc))
        self._heartbeat.received(now)
        return events

    def _one(self, data: bytes, now: float) -> Sequence[OrderEvent]:
        match said := order_message(data):
            case Answered():
                return self._answered(said)
            case Ack(id=request_id) if request_id in self._pending:
                return self._answered(Answered(request_id, "", SUCCESS))
            case Error(id=request_id) if request_id in self._pending:
                return self._answered(Answered(request_id, "", said.code or BAD_REQUEST, message=said.reason))
            case SessionText():
                return self._challenged(said, now)
            case Request():
                raise RemoteProtocolError("a frame that only clients send")
            case _:
                return self._heard(said, now)

    def _answered(self, answer: Answered) -> Sequence[OrderEvent]:
        asked = self._pending.pop(answer.request_id, None) is not None
        if asked or (answer.request_id and answer.op):
            return [answer]
        if answer.code in (0, SUCCESS):
            return []
        return [self._refused(Error(answer.request_id, answer.code, answer.message or NO_REASON))]

    def _challenged(self, challenge: SessionText, now: float) -> Sequence[OrderEvent]:
        if self.state is not State.CONNECTING or not self._session_due:
            return []
        if not _is_only_session(challenge.text):
            raise RemoteProtocolError("asked to sign what is no session text")
        self._session_due, self._signature_due = False, True
        self._epoch_ms = challenge.timestamp_ms - now * 1000
        self._expect("the session was not signed in time", now, SIGNING_TIMEOUT)
        return [SignatureWanted(challenge.text)]

    def _welcomed(self, welcome: Welcome, now: float) -> Sequence[Authenticated | Opened]:
        if self.state is not State.CONNECTING:
            return []
        self._open(welcome, now)
        return [Authenticated(welcome.id), Opened(welcome.id)]

    # -- out -------------------------------------------------------------------------------------------------

    def signed(self, signature: str) -> None:
        """Queue the signature of the session text, as :class:`SignatureWanted` asked for it."""
        if self.state is State.CLOSED:
            return  # while the user's function was signing
        if not self._signature_due:
            raise LocalProtocolError("no signature is asked for")
        self._signature_due = False
        if self.state is State.CONNECTING:  # the exchange may not have waited for it
            self._failure = Failed("no welcome after the signature")
            self._due += self._welcome_timeout  # a signature in the last moment has an answer too
            self._queue.append(Queued(signature.encode()))

    def request(self, op: str, args: Mapping[str, Any] | list[Any]) -> str:
        """Queue an operation, such as ``spot.order`` (7.6); return its request id."""
        request_id = self._next_id(op)
        self._queue.append(Queued(encode(Request(request_id, op, args)), request_id))
        return request_id

    def _ping(self, request_id: str, now: float) -> bytes:
        return encode(Ping(request_id, str(round(self._epoch_ms + now * 1000))))


def _is_only_session(text: str) -> bool:
    """Whether a text holds a session, its time, and nothing else that a signature would cover."""
    try:
        decoder(_OnlySession).decode(text)
    except UNDECODABLE:
        return False
    return len(text) <= _LONGEST_SESSION_TEXT


def _timestamp_of(auth: bytes) -> float:
    """Return the time in an auth frame, in ms."""
    try:
        return int(msgspec.json.decode(auth)["kc-api-timestamp"])
    except (*UNDECODABLE, LookupError, TypeError, ValueError):
        raise LocalProtocolError("not an auth frame") from None
