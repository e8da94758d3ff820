"""What a protocol machine reports to its shell, and the news that travels in a stream beside its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from msgspec import Struct

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.messages.wsapi import SUCCESS, RateLimit

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # Python 3.13 has the default itself

    R = TypeVar("R", default=Any)
else:
    from typing import TypeVar

    R = TypeVar("R")

# --- reported by a connection's machine -------------------------------------------------------------------


class Opened(Struct, frozen=True):
    """The welcome came: the connection is usable."""

    connection_id: str


class Acknowledged(Struct, frozen=True):
    """The command ``request_id`` succeeded."""

    request_id: str


class Rejected(Struct, frozen=True):
    """The command ``request_id`` failed: the exchange's ``code``, 400 where it gave none, and ``reason`` (3.4, 6.2).

    An error that answers no command of ours has an empty ``request_id``.
    """

    request_id: str
    code: int
    reason: str


class Unanswered(Struct, frozen=True):
    """No ack and no error came for ``request_id`` in time."""

    request_id: str


class Failed(Struct, frozen=True):
    """The connection is of no more use: close it.

    ``code`` is that of the exchange's error, 401 where it gave none; 0 where there was no error.
    """

    reason: str
    code: int = 0


class Unreadable(Struct, frozen=True):
    """A message that cannot be decoded; the connection stays usable. ``error.topic`` tells whose it was, if known."""

    error: RemoteProtocolError


class Ponged(Struct, frozen=True):
    """The answer to a ping came after ``round_trip`` seconds."""

    round_trip: float
    time_ns: int | None = None  # the exchange's clock, where the pong tells it


class Authenticated(Struct, frozen=True):
    """The exchange knows whose connection this is. ``Opened`` comes with it."""

    connection_id: str


class SignatureWanted(Struct, frozen=True):
    """The WS API wants exactly this ``text`` signed: answer with :meth:`WsApiProtocol.signed` (protocol.md 7.2)."""

    text: str


class Answered(Struct, Generic[R], frozen=True):
    """The answer to a WS API request, good or bad (protocol.md 7.5).

    ``code`` is 200000 where the exchange's gateway took the request; ``message`` says why it did not. ``data`` is what
    :data:`kucoin_stream.protocol.messages.wsapi.RESULTS` says for ``op``, or a :class:`msgspec.Raw` where the operation
    or the shape of its answer is not known. The times are those of the gateway, receiving and sending.
    """

    request_id: str
    op: str
    code: int
    data: R = None  # type: ignore[assignment]  # where it is bad
    message: str = ""
    in_time_ns: int | None = None
    out_time_ns: int | None = None
    rate_limit: RateLimit | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the gateway took the request; fills come on the private push topics."""
        return self.code == SUCCESS


Event = Opened | Acknowledged | Rejected | Unanswered | Failed | Unreadable | Ponged | Authenticated | Push[Any]

OrderEvent = Event | SignatureWanted | Answered
"""What a WS API connection reports."""


# --- news: travels in the stream, in order, where the reader asked for it ------------------------------------


class Disconnected(Struct, frozen=True):
    """The topic is not being received since here."""

    topic: str
    reason: str


class Restarted(Struct, frozen=True):
    """The topic is being received again; what was sent since ``Disconnected`` is lost."""

    topic: str


class Gap(Struct, frozen=True):
    """Messages are missing here: ``missed`` of them where that can be known, else ``None``."""

    topic: str
    reason: str
    missed: int | None = None


class Refused(Struct, frozen=True):
    """The exchange refused the topic."""

    topic: str
    code: int
    reason: str


News = Disconnected | Restarted | Gap | Refused
