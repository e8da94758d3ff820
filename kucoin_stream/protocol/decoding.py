"""What one message of a connection means, as pure functions: for the machines, and for :func:`decode`.

Each generation of connections has its own envelopes around pushes and answers (protocol.md 3, 6, 7). Here an envelope
is decoded first, and its payload then; the machines have a shorter way for pushes that look like one before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Raw
from msgspec.structs import fields, force_setattr

from kucoin_stream.errors import RemoteProtocolError, UsageError, printable
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.bookfeeds import futures_delta, pro_delta
from kucoin_stream.protocol.catalogue import pro as catalogue
from kucoin_stream.protocol.conversation import LONGEST_TOPIC
from kucoin_stream.protocol.events import Answered
from kucoin_stream.protocol.inflate import inflate, is_json
from kucoin_stream.protocol.messages import Integer, decoder, futures, spot
from kucoin_stream.protocol.messages.control import (
    Control,
    Reply,
    SessionText,
    command,
    first_text,
    is_given,
    meaning,
    time_ns,
)
from kucoin_stream.protocol.messages.envelope import UNDECODABLE, Envelope, Push, read
from kucoin_stream.protocol.messages.mending import decode_payload
from kucoin_stream.protocol.messages.pro import KINDS, Address, Book
from kucoin_stream.protocol.messages.pro import Envelope as ProEnvelope
from kucoin_stream.protocol.messages.wsapi import RESULTS, SUCCESS, RateLimit, Request
from kucoin_stream.protocol.topic import Connection, Topic

Message = Push[Any] | Control | Answered | SessionText | Request

Amend = tuple[str, str]
"""A field of a payload that the payload does not carry on the wire, and what it is, or where the envelope has it."""


def decode(data: bytes | str, connection: str | Connection) -> Message:
    """Return what one message of a connection says, as a typed struct (protocol.md 3, 4, 6, 7).

    ``connection`` is one of the nine keys of :class:`Connection`; those of one generation read the same messages. A
    push is a :class:`Push`, the answer to an order an :class:`Answered`; all else is one of the structs of
    :mod:`kucoin_stream.protocol.messages.control`, or the command that a client sends. Times and sizes are in the
    units that each struct states. Binary frames may be compressed (6.1).

    Raises :class:`RemoteProtocolError`, with the topic where it could be read, for what is malformed, unknown, or of a
    topic no longer served; :class:`UsageError` for an unknown connection, or what is no message at all.
    """
    try:
        generation = _GENERATIONS[Connection(connection)]
    except ValueError:
        raise UsageError(f"no such connection {connection!r}; there are: {', '.join(Connection)}") from None
    match data:
        case bytes():
            return generation(inflated(data))
        case str():
            return generation(_encoded(data))
    raise UsageError(f"a message is bytes or text, not {type(data).__name__}")


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as exc:
        raise RemoteProtocolError(f"undecodable message: {exc.reason}") from exc


def inflated(data: bytes) -> bytes:
    """Return the text of a binary frame, which may be compressed; raises :class:`RemoteProtocolError`."""
    return data if is_json(data) else inflate(data)


# -- classic ---------------------------------------------------------------------------------------------------------


def classic_message(data: bytes) -> Push[Any] | Control:
    """Return what a message of a classic connection means."""
    envelope = read(Envelope, data)
    return classic_push(envelope)[0] if envelope.is_push else control(data)


def control(data: bytes) -> Control:
    """Return what a message means that is neither a push nor about an order."""
    return meaning(read(Reply, data), data)


def classic_push(envelope: Envelope) -> tuple[Push[Any], Topic, str]:
    """Return a push, the row of its topic, and the topic's argument.

    Where the data are those of another subject (4.16), its subject is that.
    """
    try:
        return _classic_push(envelope, envelope.subject)
    except RemoteProtocolError:
        if other := _SWAPPED.get(envelope.subject):
            with contextlib.suppress(RemoteProtocolError):
                return _classic_push(envelope, other)
        raise


_SWAPPED = {"debt.ratio": "position.status", "position.status": "debt.ratio"}
"""What KuCoin's SDK takes for each other."""


def _classic_push(envelope: Envelope, subject: str) -> tuple[Push[Any], Topic, str]:
    topic = envelope.topic
    try:
        row, argument = topics.parse(topic, subject)
    except KeyError:
        about = f"{topic[:100]!r}, subject {subject[:100]!r}"
        raise RemoteProtocolError(f"a push of an unknown topic: {about}", topic[:LONGEST_TOPIC]) from None
    push = Push(topic, _payload(row.payload, envelope.data, lambda: topic, _told(row, argument)), subject)
    if topics.told_by_subject(row):
        for name, value in (("symbol", argument), ("subject", subject)):
            if getattr(push.data, name, None) == "":
                force_setattr(push.data, name, value)
    elif (amend := amendment(row.payload, argument)) is not None:
        force_setattr(push.data, amend[0], amend[1] or subject)
    return push, row, argument


def _told(row: Topic, argument: str) -> Mapping[str, str]:
    """Return what a topic says of the payload, by the names of the wire; it counts where the payload must say it."""
    if not row.by_symbol:
        return {}
    symbol = argument.rpartition("_")[0] if "{interval}" in row.path else argument
    return {"symbol": symbol, "tag": symbol}  # the latter of an isolated margin position (4.17)


def amendment(payload: type[Any], argument: str) -> Amend | None:
    """Return the field that only a classic topic says, and its value; the push's subject where that is empty."""
    name = _TOLD_BY_TOPIC[payload]
    if name is None:
        return None
    return name, argument.rpartition("_")[2] if name == "interval" else argument


def _told_by_topic(payload: type[Any]) -> str | None:
    if not hasattr(payload, "__struct_fields__"):  # a map
        return None
    optional = {field.name: not field.required for field in fields(payload)}
    if "interval" in optional:
        return "interval"
    return "symbol" if optional.get("symbol") else None


_TOLD_BY_TOPIC = {row.payload: _told_by_topic(row.payload) for row in topics.CATALOGUE}


def _payload(kind: Any, data: Raw, whose: Callable[[], str], told: Mapping[str, str] | None = None) -> Any:
    try:
        payload = decode_payload(kind, data, told)
        if kind in _CHECKS:
            _CHECKS[kind](payload)
    except (*UNDECODABLE, RemoteProtocolError) as exc:
        topic = whose()[:LONGEST_TOPIC]
        raise RemoteProtocolError(f"undecodable push of {topic[:100]!r}: {printable(exc)}", topic) from exc
    return payload


def _check_run(delta: spot.BookDelta) -> None:
    if delta.sequence_end < delta.sequence_start:
        raise RemoteProtocolError(f"a run from sequence {delta.sequence_start} back to {delta.sequence_end}")


_CHECKS: Mapping[Any, Callable[[Any], object]] = {
    futures.BookChange: futures_delta,
    Book: pro_delta,
    spot.BookDelta: _check_run,
}
"""What a decoder cannot check of a payload. The machines' shorter way leaves it to whoever syncs the book."""


# -- Pro -------------------------------------------------------------------------------------------------------------


def pro_message(text: bytes) -> Push[Any] | Control:
    """Return what a message of a Pro connection means."""
    envelope = read(ProEnvelope, text)
    return pro_push(envelope)[0] if envelope.channel else control(text)


def pro_push(envelope: ProEnvelope) -> tuple[Push[Any], Topic]:
    """Return a push, whose data is a list where its channel sends lists, and the row of its topic."""
    try:
        row, account = catalogue.row_of(envelope.channel, envelope.depth)
    except KeyError:
        about = f"{envelope.channel[:100]!r}, depth {envelope.depth[:100]!r}"
        raise RemoteProtocolError(f"a push of an unknown channel: {about}") from None
    kind: Any = row.payload if row.list_limit else list[row.payload]  # type: ignore[name-defined]
    data = _payload(kind, envelope.payload, lambda: _address(row, account, envelope.payload))
    payloads = data if isinstance(data, list) else [data]
    if (amend := PRO_AMENDMENTS[row.payload]) is not None:
        for payload in payloads:
            force_setattr(payload, amend[0], getattr(envelope, amend[1]))
    topic = catalogue.topic_of(row, account, getattr(data, "symbol", ""), getattr(data, "interval", ""))
    if row.payload is Book and envelope.subject not in KINDS:
        raise RemoteProtocolError(f"a book that is {envelope.subject[:100]!r}", topic[:LONGEST_TOPIC])
    return Push(topic, data, envelope.subject), row


def _address(row: Topic, account: str, payload: Raw) -> str:
    """Return the topic of a push whose payload is not readable; empty where not even that is."""
    try:
        address = decoder(Address).decode(payload) if row.by_symbol else Address()
    except UNDECODABLE:
        return ""
    return catalogue.topic_of(row, account, address.symbol, address.interval)


def _told_by_envelope(payload: type[Any]) -> Amend | None:
    names = dict(zip(payload.__struct_fields__, payload.__struct_encode_fields__, strict=True))
    if names.get("kind") == "kind":
        return "kind", "subject"
    return ("time_ns", "pushed_ns") if names.get("time_ns") == "time_ns" else None


PRO_AMENDMENTS: Mapping[type[Any], Amend | None] = {
    row.payload: _told_by_envelope(row.payload) for row in catalogue.ROWS
}
"""The field that only a Pro envelope says, and where it stands there: the kind of a book, or the time of a push."""


# -- WS API ----------------------------------------------------------------------------------------------------------

_NOT_ORDERS = {"ping", "pong", "auth"}


def order_message(data: bytes) -> Control | Answered | SessionText | Request:
    """Return what a message of a WS API connection means."""
    reply = read(Reply, data)
    if reply.op and reply.op not in _NOT_ORDERS:
        asked = reply.code is None and is_given(reply.args)
        return command(Request, reply, data) if asked else _answered(reply)
    if reply.op or reply.type or reply.is_welcome or is_given(reply.result):
        return meaning(reply, data)
    if reply.request_id:  # an answer that does not repeat the operation
        return _answered(reply)
    if reply.session_id is not None and reply.code is None:
        return _session_text(str(reply.session_id), reply, data)
    return meaning(reply, data)


def _session_text(session_id: str, reply: Reply, data: bytes) -> SessionText:
    try:
        return SessionText(session_id, decoder(Integer).decode(reply.timestamp), data.decode())
    except UNDECODABLE:
        raise RemoteProtocolError("asked to sign what is no session text") from None


def _answered(reply: Reply) -> Answered:
    code, op = reply.number, reply.op or ""
    return Answered(
        reply.request_id,
        op,
        code,
        _result(op, reply.data) if code == SUCCESS else None,
        first_text(reply.msg, reply.message, reply.reason),
        time_ns(reply.in_time),
        time_ns(reply.out_time),
        _rate_limit(reply.user_rate_limit if is_given(reply.user_rate_limit) else reply.rate_limit),
    )


def _result(op: str, data: Raw) -> Any:
    """Return what an operation brought; as it came where the operation or the shape is not known."""
    if not is_given(data):
        return None
    if op not in RESULTS:
        return data
    try:
        return decode_payload(RESULTS[op], data)
    except UNDECODABLE:
        return data


def _rate_limit(data: Raw) -> RateLimit | None:
    try:
        return decoder(RateLimit).decode(data) if data else None
    except UNDECODABLE:
        return None


_GENERATIONS: Mapping[Connection, Callable[[bytes], Message]] = {
    Connection.SPOT_PUBLIC: classic_message,
    Connection.SPOT_PRIVATE: classic_message,
    Connection.FUTURES_PUBLIC: classic_message,
    Connection.FUTURES_PRIVATE: classic_message,
    Connection.SPOT_PRO: pro_message,
    Connection.FUTURES_PRO: pro_message,
    Connection.PRIVATE_PRO: pro_message,
    Connection.SPOT_ORDERS: order_message,
    Connection.FUTURES_ORDERS: order_message,
}
