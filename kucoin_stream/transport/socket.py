"""One websocket as a connection sees it, whichever library reads it.

A socket hands over the messages of one read as one list, and never calls back for a single one. ``picows`` reads them
where it is installed, ``websockets`` otherwise; both keep the same promises, and one set of tests holds them to it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import NamedTuple, Protocol

from kucoin_stream.errors import UsageError, printable
from kucoin_stream.settings import Settings

Deliver = Callable[[list[bytes]], None]

# both libraries log the request line, and so the token, at DEBUG: this logger is never that talkative
logger = logging.getLogger("kucoin_stream.websocket")
logger.setLevel(logging.WARNING)


class Socket(Protocol):
    """An open websocket. Lives on the loop thread."""

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""

    def send(self, messages: Iterable[bytes]) -> None:
        """Send each as a text message."""

    async def close(self) -> None:
        """Close in order, within ``close_timeout``."""

    def abort(self) -> None:
        """Drop the connection at once."""

    async def wait_closed(self) -> str:
        """Wait for the end; return why it came."""


# what both libraries' errors are told as: their own texts may hold the address, and so the token, or a proxy's password
BAD_ADDRESS = "the address of the websocket, or of its proxy, is not valid"
NO_ANSWER = "timed out during the opening handshake"
NOT_HTTP = "did not receive a valid HTTP response"


def ignore(batch: list[bytes]) -> None:
    """Take the place of a ``deliver`` that has heard the last message."""


class Farewell(NamedTuple):
    """A close frame."""

    code: int
    reason: str


def why(received: Farewell | None, sent: Farewell | None, *, server_first: bool) -> str:
    """Return why a socket ended, from the close frames that passed."""
    if received and server_first:
        return f"closed by the server: {received.code} {printable(received.reason)}".rstrip()
    if sent and sent.code != 1000:  # the server broke the protocol or a limit
        return f"closed: {sent.code} {sent.reason}".rstrip()
    return "closed" if received else "the connection was lost"


async def open_socket(url: str, deliver: Deliver, settings: Settings) -> Socket:
    """Connect to ``url``; messages go to ``deliver``, the first perhaps before this returns.

    Follows no redirect: the address holds a token, which goes nowhere else. Raises :class:`OSError` for whatever
    keeps the socket from opening, within ``open_timeout``.
    """
    picows = takes_picows(settings)
    try:
        if picows:
            from kucoin_stream.transport.socket_picows import open_picows

            return await open_picows(url, deliver, settings)
        from kucoin_stream.transport.socket_websockets import open_websockets

        return await open_websockets(url, deliver, settings)
    except OSError:  # of which a certificate's is a ValueError too
        raise
    except ValueError:  # a port of letters, a host name too long
        raise ConnectionError(BAD_ADDRESS) from None


def takes_picows(settings: Settings) -> bool:
    """Whether picows is to read; raises :class:`UsageError` where it is asked for and not there."""
    installed = all(find_spec(name) for name in ("picows", "websockets.proxy"))
    if settings.transport == "picows" and not installed:
        raise UsageError("transport='picows' needs picows: pip install 'kucoin-stream[fast]'")
    return installed and settings.transport != "websockets"
