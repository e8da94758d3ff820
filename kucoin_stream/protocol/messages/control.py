"""What is said on a connection beside its pushes: how it looks on the wire, and what it means.

The three generations say the same few things, each in its own words; sources differ on the words too (protocol.md 3.1
to 3.4, 6.1 to 6.4, 7.2 to 7.5). So there is one struct for what comes, and one for each thing that it can mean.
"""

from __future__ import annotations

import math
import re
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from kucoin_stream.errors import RemoteProtocolError, printable
from kucoin_stream.protocol.messages import NANOSECONDS, Integer, decoder, in_unit, pro
from kucoin_stream.protocol.messages.envelope import UNDECODABLE, Command
from kucoin_stream.protocol.messages.wsapi import SUCCESS

T = TypeVar("T")

UNAUTHORISED = 401
NO_REASON = "no reason given"

_EXPIRED = re.compile("token is ")  # Pro has such frames without a code; protocol.md 6.2

# -- what it means -------------------------------------------------------------------------------------------------


class Welcome(Struct, frozen=True):
    """The connection is usable. ``id`` is the connection's, or its session's; the times are Pro's and the WS API's.

    A ping is wanted every ``ping_interval_ms``; a pong later than ``ping_timeout_ms`` counts as missed.
    """

    id: str
    ping_interval_ms: float | None = None
    ping_timeout_ms: float | None = None


class Ack(Struct, frozen=True):
    """The command ``id`` succeeded; empty where the exchange does not say which."""

    id: str


class Error(Struct, frozen=True):
    """The command ``id`` failed, or the whole connection. ``code`` is 0 where none was sent (protocol.md 3.4, 9.4)."""

    id: str
    code: int
    reason: str


class Pong(Struct, frozen=True):
    """The answer to the ping ``id``; ``time_ns`` is the exchange's clock, which older connections do not tell."""

    id: str
    time_ns: int | None = None


class Ping(Struct, frozen=True):
    """A client's heartbeat, with its clock where it says it."""

    id: str
    time_ns: int | None = None


class Notice(Struct, frozen=True):
    """A message to people, mentioned in old documents only."""

    id: str
    text: str


class SessionText(Struct, frozen=True):
    """What the WS API wants signed: ``text``, exactly as it came (protocol.md 7.2). ``timestamp_ms`` is its clock."""

    session_id: str
    timestamp_ms: int
    text: str


Control = Welcome | Ack | Error | Pong | Ping | Notice | Command | pro.Command

# -- how it looks ----------------------------------------------------------------------------------------------------


class Reply(Struct, frozen=True, rename="camel", gc=False):
    """Any frame but a push, on any connection. Lax about everything: no answer to an order may be lost."""

    id: str | int | None = None
    type: str | None = None
    op: str | None = None
    action: str | None = None
    code: int | str | None = None
    result: Raw = Raw()  # true, 1, false, or one of them as text
    data: Raw = Raw()
    message: Raw = Raw()
    msg: Raw = Raw()
    reason: Raw = Raw()
    args: Raw = Raw()
    session_id: str | int | None = None
    ping_interval: Raw = Raw()
    ping_timeout: Raw = Raw()
    ts: Raw = Raw()
    timestamp: Raw = Raw()
    in_time: Raw = Raw()
    out_time: Raw = Raw()
    user_rate_limit: Raw = Raw()
    rate_limit: Raw = Raw()

    @property
    def request_id(self) -> str:
        """The id as text, empty where there is none."""
        return "" if self.id is None else str(self.id)

    @property
    def is_welcome(self) -> bool:
        """Whether any field says so: sources differ on which."""
        return self.type == "welcome" or b'"welcome"' in (bytes(self.data).lower(), bytes(self.message).lower())

    @property
    def number(self) -> int:
        """The code, 0 where there is none."""
        try:
            return int(self.code or 0)
        except ValueError:
            return 0


def meaning(reply: Reply, data: bytes) -> Control:
    """Return what a frame means that is neither a push nor about an order; ``data`` is the frame.

    Raises :class:`RemoteProtocolError` where it means nothing known.
    """
    kind, request_id = reply.type or reply.op or "", reply.request_id
    match kind:
        case "pong":
            return Pong(request_id, time_ns(reply.ts or reply.timestamp))
        case "ping":
            return Ping(request_id, time_ns(reply.ts or reply.timestamp))
        case "ack":
            return Ack(request_id)
        case "error":
            return _error(reply, first_text(reply.data, reply.msg, reply.reason, reply.message))
        case "notice" | "command":
            return Notice(request_id, first_text(reply.data, reply.msg, reply.message))
        case "subscribe" | "unsubscribe" | "openTunnel" | "closeTunnel":
            return command(Command, reply, data)
    return _told_by_fields(reply, data, kind)


def _told_by_fields(reply: Reply, data: bytes, kind: str) -> Control:
    if reply.is_welcome:
        session = str(reply.session_id or reply.request_id)
        return Welcome(session, _milliseconds(reply.ping_interval), _milliseconds(reply.ping_timeout))
    if reply.action:
        return command(pro.Command, reply, data)
    code, reason = reply.number, first_text(reply.msg, reply.reason, reply.message)
    if is_given(reply.result):
        return Ack(reply.request_id) if _is_true(reply.result) else _error(reply, reason)
    if code == SUCCESS:
        return Ack(reply.request_id)
    if code or reason or _EXPIRED.match(first_text(reply.data)):
        return _error(reply, reason or first_text(reply.data))
    raise RemoteProtocolError(f"a message that says nothing known: {kind[:100]!r}")


def _error(reply: Reply, reason: str) -> Error:
    code = reply.number
    if not code and _EXPIRED.match(reason):
        code = UNAUTHORISED
    return Error(reply.request_id, code, reason or NO_REASON)


def command(kind: type[T], reply: Reply, data: bytes) -> T:
    """Return a client's frame as a struct whose ``id`` is text, as it would be echoed."""
    try:
        fields = msgspec.json.decode(data) | {"id": reply.request_id}
        given = {name: value for name, value in fields.items() if value is not None}
        return msgspec.convert(given, kind, strict=False)
    except UNDECODABLE as exc:
        raise RemoteProtocolError(f"undecodable {kind.__name__.lower()}: {printable(exc)}") from exc


# -- fields that may be anything -------------------------------------------------------------------------------------


def is_given(field: Raw) -> bool:
    """Whether a field is there, and not ``null``."""
    return bytes(field) not in (b"", b"null")


def _is_true(result: Raw) -> bool:
    return bytes(result).strip(b'"').lower() in (b"true", b"1")


def first_text(*candidates: Raw) -> str:
    """Return the first of these that says something, fit to be shown; empty where none does."""
    for candidate in candidates:
        try:
            said = msgspec.json.decode(candidate) if candidate else None
            if said:
                return printable(said)
        except UNDECODABLE:
            continue
    return ""


def time_ns(time: Raw) -> int | None:
    """Return a time in ns, of whatever unit; ``None`` where it is none."""
    try:
        number = decoder(Integer).decode(time) if time else None
    except UNDECODABLE:
        return None
    return None if number is None else in_unit(number, *NANOSECONDS)


def _milliseconds(interval: Raw) -> float | None:
    try:
        number = decoder(float).decode(interval) if interval else math.nan
    except UNDECODABLE:
        return None
    return number if math.isfinite(number) else None
