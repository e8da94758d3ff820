"""A websocket read by ``picows``, a parser in C: the extra ``[fast]``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSProtocolError,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    ws_connect,
)
from python_socks import ProxyError
from websockets.exceptions import PayloadTooBig, WebSocketException
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.headers import build_extension, parse_extension
from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from kucoin_stream.settings import Settings
from kucoin_stream.transport.socket import Deliver, Farewell, logger, why
from kucoin_stream.transport.target import is_loopback

_BATCH = 64  # messages handed over at once: picows reads ever more at a time while there is more
_DEFLATE = ClientPerMessageDeflateFactory(client_max_window_bits=True)
_OFFER = {"Sec-WebSocket-Extensions": build_extension([(_DEFLATE.name, _DEFLATE.get_request_params())])}

_TEXT, _CONTINUATION = WSMsgType.TEXT, WSMsgType.CONTINUATION
_OPCODES = {_TEXT: Opcode.TEXT, WSMsgType.BINARY: Opcode.BINARY, _CONTINUATION: Opcode.CONT}


class PicowsSocket(WSListener):
    """See :class:`Socket`. Its ``on_...`` methods are what picows calls."""

    def __init__(self, deliver: Deliver, settings: Settings, deflate: PerMessageDeflate | None) -> None:
        self._deliver = deliver
        self._settings = settings
        self._deflate = deflate
        self._batch: list[bytes] = []
        self._fragments: list[bytes] = []  # of a message whose end has not come yet
        self._transport: WSTransport

    # -- in ------------------------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Keep a message; hand over what one read brought."""
        if frame.msg_type is _TEXT and frame.fin and not (self._fragments or frame.rsv1):
            self._batch.append(frame.get_payload_as_bytes())
        else:
            self._other(transport, frame)
        if frame.last_in_buffer or len(self._batch) >= _BATCH:
            batch, self._batch = self._batch, []
            self._deliver(batch)

    def _other(self, transport: WSTransport, frame: WSFrame) -> None:
        match frame.msg_type:
            case WSMsgType.TEXT | WSMsgType.BINARY | WSMsgType.CONTINUATION:
                self._data(frame)
            case WSMsgType.PING:
                transport.send_pong(frame.get_payload_as_bytes())
            case WSMsgType.CLOSE:
                if not transport.is_close_frame_sent:
                    code = frame.get_close_code()
                    transport.send_close(WSCloseCode.OK if code is WSCloseCode.NO_INFO else code)
                transport.disconnect()

    def _data(self, frame: WSFrame) -> None:
        """Take a frame that is not simply a whole message."""
        if (frame.msg_type is _CONTINUATION) is not bool(self._fragments):
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "fragments out of order")
        if frame.rsv2 or frame.rsv3 or (frame.rsv1 and not self._deflate):
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "reserved bits must be 0")
        self._fragments.append(self._inflated(frame))
        if sum(map(len, self._fragments)) > self._settings.frame_bytes:
            raise WSProtocolError(WSCloseCode.MESSAGE_TOO_BIG, "message too big")
        if frame.fin:
            self._batch.append(b"".join(self._fragments))
            self._fragments.clear()

    def _inflated(self, frame: WSFrame) -> bytes:
        data = frame.get_payload_as_bytes()
        if self._deflate is None:
            return data
        compressed = Frame(_OPCODES[frame.msg_type], data, frame.fin, frame.rsv1)
        try:
            return bytes(self._deflate.decode(compressed, max_size=self._settings.frame_bytes).data)
        except PayloadTooBig as exc:
            raise WSProtocolError(WSCloseCode.MESSAGE_TOO_BIG, str(exc)) from None
        except WebSocketException as exc:
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, str(exc)) from None

    def pause_writing(self) -> None:
        """Go on: what is sent is small and within the exchange's limits."""

    def resume_writing(self) -> None:
        """Go on."""

    # -- out -----------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return not (self._transport.is_disconnected or self._transport.close_handshake)

    def send(self, messages: Iterable[bytes]) -> None:
        """Send each as a text message."""
        for message in messages:
            self._transport.send(WSMsgType.TEXT, message)

    async def close(self) -> None:
        """Close in order, within ``close_timeout``."""
        if not self._transport.is_close_frame_sent:
            self._transport.send_close(WSCloseCode.OK)
        try:
            async with asyncio.timeout(self._settings.close_timeout):
                await self.wait_closed()
        except TimeoutError:
            self.abort()
            await self.wait_closed()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._transport.disconnect(graceful=False)

    async def wait_closed(self) -> str:
        """Wait for the end; return why it came."""
        with suppress(WSError):  # the server broke the protocol: the close frame sent says how
            await self._transport.wait_disconnected()
        passed = self._transport.close_handshake
        if passed is None:
            return why(None, None, server_first=False)
        return why(_farewell(passed.recv), _farewell(passed.sent), server_first=passed.recv_then_sent)


def _farewell(close: Any) -> Farewell | None:
    return Farewell(int(close.code) or 1005, close.reason or "") if close else None


async def open_picows(url: str, deliver: Deliver, settings: Settings) -> PicowsSocket:
    """Connect; see :func:`open_socket`."""

    def create(_request: WSUpgradeRequest, response: WSUpgradeResponse) -> PicowsSocket:
        accepted = response.headers.get("Sec-WebSocket-Extensions", "")
        return PicowsSocket(deliver, settings, _agreed(accepted, settings))

    try:
        async with asyncio.timeout(settings.open_timeout):
            _, socket = await ws_connect(
                create,
                url,
                websocket_handshake_timeout=settings.open_timeout,  # drops what the timeout above leaves half open
                logger_name=logger,
                enable_auto_pong=False,  # it would keep a ping that ends a read from the listener, and so the batch
                max_frame_size=settings.frame_bytes,
                max_redirects=0,
                extra_headers=_OFFER if settings.compression else None,
                proxy=None if is_loopback(url) else _proxy(url),
            )
    except TimeoutError:
        raise ConnectionError("timed out during the opening handshake") from None
    except (WSError, WebSocketException, ProxyError) as exc:
        raise ConnectionError(_told(exc)) from None
    assert isinstance(socket, PicowsSocket)  # noqa: S101
    return socket


def _agreed(accepted: str, settings: Settings) -> PerMessageDeflate | None:
    """Return what inflates messages, where the server accepted the offer; raise where it accepted anything else."""
    if not accepted:
        return None
    if not settings.compression:
        raise WSHandshakeError("the server uses an extension that was not offered")
    [(name, parameters)] = parse_extension(accepted)
    if name != _DEFLATE.name:
        raise WSHandshakeError("the server uses an extension that was not offered")
    return _DEFLATE.process_response_params(parameters, [])


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names, in the spelling of picows, which always lets it resolve names."""
    proxy = get_proxy(parse_uri(url))
    return proxy and proxy.replace("socks5h:", "socks5:").replace("socks4a:", "socks4:")


def _told(exc: Exception) -> str:
    status = getattr(getattr(exc, "response", None), "status", None)
    return f"server rejected WebSocket connection: HTTP {int(status)}" if status else str(exc)
