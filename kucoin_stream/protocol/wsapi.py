"""One WS API connection, for orders over a websocket, as a machine without I/O and without a clock (protocol.md 7).

Theory of operation. The shell opens a socket and treats the machine as that of a Pro connection. The way in differs by
generation; in both, send :meth:`~kucoin_stream.protocol.pro.Conversation.data_to_send` after every ``receive``, and
after :meth:`WsApiProtocol.signed`, until the connection is open.

    1: CONNECTING --session text--> SignatureWanted, signed() --welcome--> OPEN --failure, close--> CLOSED
    2: CONNECTING --auth frame at once, welcome--> OPEN --failure, close--> CLOSED

The session text is to be signed exactly as it came, by whatever signs for the user. It is only asked for once, and only
where the text is a session text: a server cannot have anything else signed. :meth:`WsApiProtocol.request` queues an
operation; its answer is told by its id, in any order. An answer that comes after its time is told all the same: the
order may be in the market.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from kucoin_stream.errors import LocalProtocolError, RemoteProtocolError
from kucoin_stream.protocol.classic import State
from kucoin_stream.protocol.events import (
    Answered,
    Authenticated,
    Failed,
    Opened,
    OrderEvent,
    Rejected,
    SignatureWanted,
    Unreadable,
)
from kucoin_stream.protocol.messages import Integer, decoder, encode
from kucoin_stream.protocol.messages.pro import nanoseconds
from kucoin_stream.protocol.messages.wsapi import RESULTS, SUCCESS, Envelope, Ping, RateLimit, Request
from kucoin_stream.protocol.pro import (
    ENDS,
    NO_REASON,
    UNAUTHORISED,
    UNDECODABLE,
    Conversation,
    Queued,
    error_code,
    error_text,
    is_true,
    is_welcome,
)
from kucoin_stream.settings import Limits

LIMITS = Limits(commands_per_window=1000)  # none is documented: the quota of orders, 4,000 in 30 s, runs out first
SIGNING_TIMEOUT = 30.0  # seconds, after which the exchange gives up: code 400012; protocol.md 7.2

_LONGEST_SESSION_TEXT = 500  # bytes; the one seen has 78


class _SessionText(Struct, forbid_unknown_fields=True, rename="camel"):
    session_id: str
    timestamp: Integer  # ms


class WsApiProtocol(Conversation):
    """Frames in, events out. See the module's theory of operation.

    With ``auth``, the frame of :func:`~kucoin_stream.protocol.signing.auth_frame`, it speaks generation 2.
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
            limits=limits or LIMITS,
        )
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
        try:
            envelope = decoder(Envelope).decode(data)
        except UNDECODABLE as exc:
            raise RemoteProtocolError(f"undecodable message: {exc}") from exc
        request_id = "" if envelope.id is None else str(envelope.id)
        if envelope.op == "pong":
            return self._ponged(now)
        if is_welcome(envelope.data) or is_welcome(envelope.message):
            return self._welcomed(envelope, now)
        if request_id in self._pending or (request_id and envelope.op and envelope.op != "auth"):
            return [self._answer(request_id, envelope)]
        if envelope.session_id is not None and envelope.code is None:
            return self._challenged(data, now)
        return self._error(envelope)

    def _challenged(self, data: bytes, now: float) -> Sequence[OrderEvent]:
        if self.state is not State.CONNECTING or not self._session_due:
            return []
        try:
            challenge = decoder(_SessionText).decode(data) if len(data) <= _LONGEST_SESSION_TEXT else None
        except UNDECODABLE:
            challenge = None
        if challenge is None:
            raise RemoteProtocolError("asked to sign what is no session text")
        self._session_due, self._signature_due = False, True
        self._epoch_ms = challenge.timestamp - now * 1000
        self._expect("the session was not signed in time", now, SIGNING_TIMEOUT)
        return [SignatureWanted(data.decode())]

    def _welcomed(self, envelope: Envelope, now: float) -> Sequence[OrderEvent]:
        if self.state is not State.CONNECTING:
            return []
        self._open(envelope.ping_interval, now)
        session = envelope.session_id or ""
        return [Authenticated(session), Opened(session)]

    def _answer(self, request_id: str, envelope: Envelope) -> Answered:
        self._pending.pop(request_id, None)
        code, op = error_code(envelope.code), envelope.op or ""
        return Answered(
            request_id,
            op,
            code,
            _result(op, envelope.data) if code == SUCCESS else None,
            error_text(envelope.msg, envelope.message, envelope.reason),
            _nanoseconds(envelope.in_time),
            _nanoseconds(envelope.out_time),
            _rate_limit(envelope.user_rate_limit or envelope.rate_limit),
        )

    def _error(self, envelope: Envelope) -> Sequence[OrderEvent]:
        """Return what a frame means that answers no request."""
        code = error_code(envelope.code)
        refused = bool(envelope.result) and not is_true(envelope.result)
        if code in (0, SUCCESS) and not refused:
            return []
        reason = error_text(envelope.msg, envelope.reason, envelope.message, envelope.data) or NO_REASON
        if self.state is State.CONNECTING or code in ENDS:
            return [Failed(reason, code or UNAUTHORISED)]
        return [Rejected("", code, reason)]

    # -- out -------------------------------------------------------------------------------------------------

    def signed(self, signature: str) -> None:
        """Queue the signature of the session text, as :class:`SignatureWanted` asked for it."""
        if self.state is State.CLOSED:
            return  # while the user's function was signing
        if not self._signature_due:
            raise LocalProtocolError("no signature is asked for")
        self._signature_due = False
        self._failure = Failed("no welcome after the signature")
        self._queue.append(Queued(signature.encode()))

    def request(self, op: str, args: Mapping[str, Any] | list[Any]) -> str:
        """Queue an operation, such as ``spot.order`` (7.6); return its request id."""
        if self.state is not State.OPEN:
            raise LocalProtocolError(f"{op} on a connection that is {self.state.value}")
        request_id = str(next(self._ids))
        self._queue.append(Queued(encode(Request(request_id, op, args)), request_id))
        return request_id

    def _ping(self, request_id: str, now: float) -> bytes:
        return encode(Ping(request_id, str(round(self._epoch_ms + now * 1000))))


def _result(op: str, data: Raw) -> Any:
    """Return what an operation brought; as it came where the operation or the shape is not known."""
    if not data or op not in RESULTS:
        return data or None
    try:
        return decoder(RESULTS[op]).decode(data)
    except UNDECODABLE:
        return data


def _rate_limit(data: Raw) -> RateLimit | None:
    try:
        return decoder(RateLimit).decode(data) if data else None
    except UNDECODABLE:
        return None


def _nanoseconds(time: Raw) -> int | None:
    """Return a time in ns, which is in ms unless the address asked for ns (7.5)."""
    try:
        return nanoseconds(decoder(int).decode(time)) if time else None
    except UNDECODABLE:
        return None


def _timestamp_of(auth: bytes) -> float:
    """Return the time in an auth frame, in ms."""
    try:
        return int(msgspec.json.decode(auth)["kc-api-timestamp"])
    except (*UNDECODABLE, LookupError, TypeError, ValueError):
        raise LocalProtocolError("not an auth frame") from None
