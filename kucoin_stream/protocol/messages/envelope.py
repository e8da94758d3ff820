"""The frames of a classic connection, in and out (protocol.md 3)."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from msgspec import Raw, Struct

T = TypeVar("T")

FrameType = Literal["message", "ack", "error", "pong", "welcome", "notice", "command"]


class Envelope(Struct, frozen=True, gc=False):
    """Any frame that a classic server sends. One flat struct, so that a push is decoded in one pass.

    ``data`` stays undecoded: the topic's row names its type. It is a view of the bytes received.
    """

    type: FrameType = "message"  # some old pushes have none
    topic: str = ""
    subject: str = ""
    data: Raw = Raw()
    id: str | int | None = None
    code: int | str | None = None


class Push(Struct, Generic[T], frozen=True, gc=False):
    """A push with its payload, decoded in one pass; ``topic`` is the single-symbol form as on the wire."""

    topic: str
    data: T
    subject: str = ""
    type: Literal["message"] = "message"


class Command(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A frame that a client sends: ``ping``, ``subscribe`` or ``unsubscribe``.

    ``id`` is echoed as text. ``response`` asks for an ack.
    """

    id: str | int | None = None
    type: str = ""
    topic: str = ""
    private_channel: bool | str = False
    response: bool = False
