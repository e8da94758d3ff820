"""A websocket read by ``websockets``: its connection, without the queue and ``recv()``, a third of the cost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHeader, InvalidProxy, InvalidURI, SecurityError, WebSocketException
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State

from kucoin_stream.settings import Settings
from kucoin_stream.transport.socket import BAD_ADDRESS, NO_ANSWER, NOT_HTTP, Deliver, Farewell, ignore, logger, why
from kucoin_stream.transport.target import is_loopback

_READ_BYTES = 2**14  # of one socket read: bounds how long a batch holds the loop
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class _Connection(ClientConnection):
    """Collects the messages of one read."""

    deliver: Deliver

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._batch: list[bytes] = []
        self._fragments = bytearray()
        self._ends = False

    def connection_made(self, transport: Any) -> None:
        """Bound how much one read may bring."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            transport.max_size = _READ_BYTES

    def data_received(self, data: bytes) -> None:
        """Read frames, then hand over what was whole."""
        super().data_received(data)
        if self.close_deadline is not None and not self._ends:  # the library waits for the server to hang up
            self._ends = True
            self.loop.call_at(self.close_deadline, self.transport.abort)
        if self._batch:
            batch, self._batch = self._batch, []
            self.deliver(batch)

    def process_event(self, event: Any) -> None:
        """Keep a message; leave control frames to the library."""
        if type(event) is not Frame or event.opcode not in _DATA:
            super().process_event(event)
        elif event.fin and event.opcode is not Opcode.CONT:
            self._batch.append(bytes(event.data))
        else:
            self._fragments += event.data
            if event.fin:  # the protocol has checked order and total size
                self._batch.append(bytes(self._fragments))
                self._fragments.clear()


class WebsocketsSocket:
    """See :class:`Socket`."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._connection.state is State.OPEN and not self._connection.transport.is_closing()

    def send(self, messages: Iterable[bytes]) -> None:
        """Send each as a text message."""
        if not self.is_open:
            return
        for message in messages:
            self._connection.protocol.send_text(message)
        self._connection.send_data()

    async def close(self) -> None:
        """Close in order, within ``close_timeout``."""
        self._connection.deliver = ignore
        try:
            async with asyncio.timeout(self._connection.close_timeout):
                await self._connection.close()
        except TimeoutError:  # what was sent before is not read either
            self.abort()
            await self._connection.wait_closed()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._connection.deliver = ignore
        self._connection.transport.abort()

    async def wait_closed(self) -> str:
        """Wait for the end; return why it came."""
        await self._connection.wait_closed()
        protocol = self._connection.protocol
        return why(
            _farewell(protocol.close_rcvd),
            _farewell(protocol.close_sent),
            server_first=bool(protocol.close_rcvd_then_sent),
        )


def _farewell(close: Close | None) -> Farewell | None:
    return Farewell(close.code, close.reason) if close else None


class _Direct(connect):
    """Follows no redirect."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the error itself."""
        return exc


async def open_websockets(url: str, deliver: Deliver, settings: Settings) -> WebsocketsSocket:
    """Connect; see :func:`open_socket`."""

    def create(*args: Any, **kwargs: Any) -> _Connection:
        connection = _Connection(*args, **kwargs)
        connection.deliver = deliver
        return connection

    try:
        connection = await _Direct(
            url,
            create_connection=create,  # type: ignore[arg-type]
            proxy=None if is_loopback(url) else True,
            compression="deflate" if settings.compression else None,
            open_timeout=settings.open_timeout,
            close_timeout=settings.close_timeout,
            ping_interval=None,  # the exchange's own heartbeat counts, not RFC 6455's
            max_size=settings.frame_bytes,
            logger=logger,
        )
    except TimeoutError:
        raise ConnectionError(NO_ANSWER) from None
    except WebSocketException as exc:
        raise ConnectionError(_told(exc)) from None
    return WebsocketsSocket(connection)  # type: ignore[arg-type]


def _told(exc: WebSocketException) -> str:
    match exc:
        case InvalidHeader(name=name):
            return f"missing or invalid {name} header"
        case InvalidURI() | InvalidProxy():
            return BAD_ADDRESS
        case SecurityError():  # more or longer lines than any server sends
            return NOT_HTTP
        case _:
            return str(exc)
