"""A websocket that hands over all messages of one socket read as one list."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from kucoin_stream.settings import Settings
from kucoin_stream.transport.target import is_loopback

Deliver = Callable[[list[bytes]], None]

# websockets logs the request line, and so the token, at DEBUG: this logger is never that talkative
_logger = logging.getLogger("kucoin_stream.websocket")
_logger.setLevel(logging.WARNING)

_READ_BYTES = 2**14  # of one socket read: bounds how long a batch holds the loop


class Socket(ClientConnection):
    """The library's connection without its queue and its ``recv()``, a third of its cost per message."""

    deliver: Deliver

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._batch: list[bytes] = []
        self._fragments: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        """Bound how much one read may bring."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            transport.max_size = _READ_BYTES

    def data_received(self, data: bytes) -> None:
        """Read frames, then hand over what was whole."""
        super().data_received(data)
        if self._batch:
            batch, self._batch = self._batch, []
            self.deliver(batch)

    def process_event(self, event: Any) -> None:
        """Keep a message; leave control frames to the library."""
        if type(event) is not Frame or event.opcode not in _DATA:
            super().process_event(event)
        elif event.fin and event.opcode is not Opcode.CONT:
            self._batch.append(event.data)  # type: ignore[arg-type]
        else:
            self._fragments.append(bytes(event.data))
            if event.fin:  # the protocol has checked order and total size
                self._batch.append(b"".join(self._fragments))
                self._fragments.clear()


_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class _Direct(connect):
    """Follows no redirect: the address holds a token, which goes nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the error itself."""
        return exc


async def open_socket(url: str, deliver: Deliver, settings: Settings) -> Socket:
    """Connect to ``url``. Messages go to ``deliver``, at the earliest after this has returned control to the loop."""

    def create(*args: Any, **kwargs: Any) -> Socket:
        socket = Socket(*args, **kwargs)
        socket.deliver = deliver
        return socket

    return await _Direct(  # type: ignore[return-value]
        url,
        create_connection=create,  # type: ignore[arg-type]
        proxy=None if is_loopback(url) else True,
        compression=None,  # plain text costs less than what it saves
        open_timeout=settings.open_timeout,
        close_timeout=settings.close_timeout,
        ping_interval=None,  # the exchange's own heartbeat counts, not RFC 6455's
        max_size=settings.frame_bytes,
        logger=_logger,
    )
