"""The frames of a classic connection, in and out (protocol.md 3), and the push that all connections give."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import Raw, Struct

from kucoin_stream.errors import RemoteProtocolError, printable
from kucoin_stream.protocol.messages import decoder
from kucoin_stream.protocol.messages.blanks import Text, WithBlanks

T = TypeVar("T")

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a decoder raises."""


class Envelope(WithBlanks, frozen=True, gc=False):
    """Any frame that a classic server sends, as far as a push needs it (3.7).

    What is of another ``type`` is a :class:`~kucoin_stream.protocol.messages.control.Reply`. ``data`` stays undecoded:
    the topic's row names its type. It is a view of the bytes received.
    """

    type: Text = ""  # some old pushes have none
    topic: str = ""
    subject: Text = ""
    data: Raw = Raw()

    @property
    def is_push(self) -> bool:
        """Whether it is one."""
        return self.type in ("message", "")


class Push(Struct, Generic[T], frozen=True, gc=False):
    """A push with its payload; ``topic`` is the single-symbol form as on the wire.

    ``data`` is a list where a Pro message carries several payloads: all funding rates, as :func:`decode` returns them.
    """

    topic: str
    data: T
    subject: str = ""
    type: Literal["message"] = "message"


class Command(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A frame that a client sends: ``ping``, ``subscribe``, ``unsubscribe``, and of old the two of tunnels (3.5).

    ``id`` is echoed as text. ``response`` asks for an ack.
    """

    id: str | int | None = None
    type: str = ""
    topic: str = ""
    private_channel: bool | str = False
    response: bool = False
    tunnel_id: str = ""
    new_tunnel_id: str = ""


def read(kind: type[T], data: bytes) -> T:
    """Decode a whole message; raise :class:`RemoteProtocolError` where it is none of this kind."""
    try:
        return decoder(kind).decode(data)
    except UNDECODABLE as exc:
        raise RemoteProtocolError(f"undecodable message: {printable(exc)}") from exc
