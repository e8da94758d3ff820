"""The lines of a tape: one JSON object each, told apart by ``kind``. Times ``t`` are Unix ns of this machine."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct, field

from kucoin_stream.errors import RemoteProtocolError

Market = Literal["spot", "futures"]
Time = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""Unix ns."""


class Begin(Struct, frozen=True, tag="begin", tag_field="kind", omit_defaults=True):
    """A recording begins (again). ``topics`` are received already, by connection; ``signed``: with an API key."""

    t: Time
    target: str
    mode: str
    signed: bool = False
    private: bool = False
    only: list[str] | None = None  # the topics chosen; None: all
    topics: dict[str, list[str]] = field(default_factory=dict)


class End(Struct, frozen=True, tag="end", tag_field="kind"):
    """The recording was ended in order."""

    t: Time


class Data(Struct, frozen=True, tag="data", tag_field="kind"):
    """The pushes of one socket read, as received, on a connection: ``spotPublicV1#2``."""

    t: Time
    on: str
    messages: list[Raw]


class Odd(Struct, frozen=True, tag="odd", tag_field="kind"):
    """Messages that are not one line of JSON, in base64; else as :class:`Data`."""

    t: Time
    on: str
    messages: list[bytes]


class Control(Struct, frozen=True, tag="control", tag_field="kind"):
    """What the exchange said that is no push: acks, errors, pongs. Kept to be read, not replayed."""

    t: Time
    on: str
    messages: list[Raw]


class Answer(Struct, frozen=True, tag="rest", tag_field="kind", omit_defaults=True):
    """The answer to a REST call such as ``GET /api/v1/symbols``; ``status`` 0: none came, and ``error`` says why.

    ``text`` takes the place of ``body`` where that is no JSON. ``made``: it was not asked for, but put together by the
    recorder from what it knew.
    """

    t: Time
    market: Market
    call: str
    status: int
    body: Raw = Raw(b"null")
    text: str = ""
    error: str = ""
    made: bool = False

    @property
    def path(self) -> str:
        """The path that was called."""
        return self.call.partition("?")[0].partition(" ")[2]


class Event(Struct, frozen=True, tag="event", tag_field="kind", omit_defaults=True):
    """What happened to a connection: ``open reconnect close subscribe unsubscribe refused``."""

    t: Time
    on: str
    event: str
    topics: list[str] = field(default_factory=list)
    reason: str = ""


class Hole(Struct, frozen=True, tag="hole", tag_field="kind"):
    """Here ``missed`` messages are missing: the writer could not keep up."""

    t: Time
    missed: int


class Book(Struct, frozen=True, tag="book", tag_field="kind"):
    """A whole book as it was right after the line before, best levels first: from here a replay can begin."""

    t: Time
    topic: str
    symbol: str
    sequence: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]


Pushed = Data | Odd
"""Lines with messages to be replayed."""

Note = Begin | End | Answer | Event | Hole
"""Lines that say what a tape holds."""

Line = Data | Odd | Control | Answer | Event | Begin | End | Hole | Book

_DECODER: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def read(data: bytes) -> list[Line]:
    """Return the lines of a block; raises :class:`RemoteProtocolError` where they are not those of a tape."""
    try:
        return _DECODER.decode_lines(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise RemoteProtocolError(f"not lines of a tape: {exc}") from None


# -- messages: the one thing written in bulk, so it is put together by hand ----------------------------------------


class _Head(Struct):
    """Of a message, what tells a push from all else."""

    type: str = ""
    topic: str = ""
    T: str = ""


_HEAD = msgspec.json.Decoder(_Head)


def data_lines(t: int, on: str, messages: list[bytes]) -> list[bytes]:
    """Return the lines that hold the messages of one socket read: one, where all of them are pushes."""
    lines: list[bytes] = []
    kind, run = "", list[bytes]()
    for message in messages:
        its_kind = _kind(message)
        if its_kind != kind and run:
            lines.append(_line(kind, t, on, run))
            run = []
        kind = its_kind
        run.append(message)
    return [*lines, _line(kind, t, on, run)] if run else lines


def _kind(message: bytes) -> str:
    try:
        head = _HEAD.decode(message)
        if not message.isascii():
            message.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "odd"
    if b"\n" in message or b"\r" in message:
        return "odd"
    return "data" if head.T or (head.topic and head.type in ("message", "")) else "control"


def _line(kind: str, t: int, on: str, messages: list[bytes]) -> bytes:
    if kind == "odd":
        return msgspec.json.encode(Odd(t, on, messages))
    return b'{"kind":"%b","t":%d,"on":"%b","messages":[%b]}' % (kind.encode(), t, on.encode(), b",".join(messages))
