"""What happens to connections, as users see it: events of the Node client ``kucoin-api``, typed (``client.events``).

| ``event`` | when |
|---|---|
| ``open`` | a connection is established |
| ``update`` | a push arrived, of the market or of the account |
| ``reconnect`` | an unexpected end was noticed; reconnection begins |
| ``reconnected`` | established again, and every topic is active again |
| ``close`` | a connection was closed, for nothing is wanted of it any more |
| ``response`` | the exchange answered a subscribe, unsubscribe or authenticate request |
| ``authenticated`` | the exchange knows whose private connection this is |
| ``exception`` | an error was received, a message could not be read, or an attempt to connect failed |
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from msgspec import Struct

from kucoin_stream.protocol.topic import Connection


class LifecycleEvent(Struct, frozen=True):
    """Something that happened to a connection: ``key`` says which kind it is, ``connection`` which one of its kind.

    ``connection`` is a number that stays the same over reconnections. ``time_ns`` is Unix time on this machine.
    """

    event: ClassVar[str]

    key: Connection
    connection: int
    time_ns: int


class OpenEvent(LifecycleEvent, frozen=True):
    """A connection is established; after a loss too."""

    event = "open"


class UpdateEvent(LifecycleEvent, frozen=True):
    """A push arrived: ``data`` is its payload, of the type that ``ks.schema()`` lists for its topic."""

    event = "update"

    topic: str
    data: Any


class ReconnectEvent(LifecycleEvent, frozen=True):
    """The connection ended unexpectedly; ``reason`` says why. A new one is being opened."""

    event = "reconnect"

    reason: str


class ReconnectedEvent(LifecycleEvent, frozen=True):
    """The connection is established again, and each of its topics is active or refused."""

    event = "reconnected"


class CloseEvent(LifecycleEvent, frozen=True):
    """The connection was closed in order; ``reason`` says why."""

    event = "close"

    reason: str


class ResponseEvent(LifecycleEvent, frozen=True):
    """The exchange answered ``request``. ``code`` and ``reason`` are those of a refusal (protocol.md 3.4, 9)."""

    event = "response"

    request: Literal["subscribe", "unsubscribe", "authenticate"]
    topics: tuple[str, ...] = ()
    success: bool = True
    code: int = 0
    reason: str = ""


class AuthenticatedEvent(LifecycleEvent, frozen=True):
    """The private connection has authenticated, by its token or by its own request."""

    event = "authenticated"


class ExceptionEvent(LifecycleEvent, frozen=True):
    """``error`` came up: an error frame, a message that cannot be read, or an attempt to connect that failed."""

    event = "exception"

    error: Exception


KINDS: tuple[type[LifecycleEvent], ...] = (
    OpenEvent,
    UpdateEvent,
    ReconnectEvent,
    ReconnectedEvent,
    CloseEvent,
    ResponseEvent,
    AuthenticatedEvent,
    ExceptionEvent,
)
"""All kinds of event."""
