"""A websocket read by ``picows``, a parser in C: the extra ``[fast]``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Any, NoReturn, cast

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSInvalidHeaderError,
    WSInvalidMessageError,
    WSInvalidURL,
    WSListener,
    WSMsgType,
    WSProtocolError,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    ws_connect,
)
from python_socks import ProxyError
from websockets.exceptions import InvalidProxy, InvalidURI, PayloadTooBig, ProtocolError, WebSocketException
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
from websockets.frames import Close, Frame, Opcode
from websockets.headers import build_extension, parse_extension
from websockets.proxy import get_proxy, parse_proxy
from websockets.uri import parse_uri

from kucoin_stream.settings import Settings
from kucoin_stream.transport.socket import BAD_ADDRESS, NO_ANSWER, NOT_HTTP, Deliver, Farewell, ignore, logger, why
from kucoin_stream.transport.target import is_loopback

_READ_BYTES = 2**17  # of one socket read: bounds how long a batch holds the loop
_DEFLATE = ClientPerMessageDeflateFactory(client_max_window_bits=True)
_OFFER = {"Sec-WebSocket-Extensions": build_extension([(_DEFLATE.name, _DEFLATE.get_request_params())])}

_TEXT, _CONTINUATION = WSMsgType.TEXT, WSMsgType.CONTINUATION
_CONTROL = 125  # bytes of a control frame at most: what is longer is data, and cheaper to tell than by its kind
_OPCODES = {_TEXT: Opcode.TEXT, WSMsgType.BINARY: Opcode.BINARY, _CONTINUATION: Opcode.CONT}


class _Sips:
    """The protocol of picows, which reads ever more at a time while there is more, with a bound on one read."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    def get_buffer(self, sizehint: int) -> Any:
        """Offer less room than there is."""
        return self._protocol.get_buffer(sizehint)[:_READ_BYTES]


class PicowsSocket(WSListener):
    """See :class:`Socket`. Its ``on_...`` methods are what picows calls."""

    def __init__(self, deliver: Deliver, settings: Settings, deflate: PerMessageDeflate | None) -> None:
        self._deliver = deliver
        self._settings = settings
        self._deflate = deflate
        self._batch: list[bytes] = []
        self._message: bytearray | None = None  # whose end has not come yet
        self._ended = False  # nothing more is delivered
        self._transport: WSTransport

    # -- in ------------------------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport, and bound what one read may bring."""
        self._transport = transport
        below = transport.underlying_transport
        below.set_protocol(cast(asyncio.BaseProtocol, _Sips(below.get_protocol())))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Keep a message; hand over what one read brought."""
        if (
            frame.payload_size > _CONTROL
            and frame.fin
            and self._message is None
            and not (frame.rsv1 or frame.rsv2 or frame.rsv3)
        ):
            self._batch.append(frame.get_payload_as_bytes())
        else:
            self._other(transport, frame)
        if frame.last_in_buffer and self._batch:
            if transport.is_close_frame_sent:  # picows found a violation
                self._end(before=frame.tail_size > 0)
            else:
                batch, self._batch = self._batch, []
                self._deliver(batch)

    def _end(self, *, before: bool = True) -> None:
        """Hand over what came ``before`` the violation, and nothing more: picows reads on for a moment."""
        batch, self._batch = self._batch, []
        if batch and before:
            self._deliver(batch)
        self._ignore()

    def _ignore(self) -> None:
        self._ended = True
        self._deliver = ignore
        self._message = bytearray()  # so that no frame is simply a message

    def _other(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if self._ended:
            if kind is WSMsgType.CLOSE:
                transport.disconnect()
            return
        if frame.rsv2 or frame.rsv3 or (frame.rsv1 and not (self._deflate and kind in _OPCODES)):
            self._fail(WSCloseCode.PROTOCOL_ERROR, "reserved bits must be 0")
        match kind:
            case WSMsgType.TEXT | WSMsgType.BINARY | WSMsgType.CONTINUATION:
                self._data(frame)
            case WSMsgType.PING:
                transport.send_pong(frame.get_payload_as_bytes())
            case WSMsgType.CLOSE:
                self._close(transport, frame)

    def _close(self, transport: WSTransport, frame: WSFrame) -> None:
        try:
            Close.parse(frame.get_payload_as_bytes())
        except ProtocolError as exc:  # a code that no frame may hold
            self._fail(WSCloseCode.PROTOCOL_ERROR, str(exc))
        self._end()
        code = frame.get_close_code()
        transport.send_close(WSCloseCode.OK if code is WSCloseCode.NO_INFO else code)
        transport.disconnect()
        self._limit()

    def _fail(self, code: WSCloseCode, reason: str) -> NoReturn:
        self._end()
        self._limit()
        raise WSProtocolError(code, reason)

    def _limit(self) -> None:
        """Give what is still to be sent the time of a close."""
        asyncio.get_running_loop().call_later(self._settings.close_timeout, self.abort)

    def _data(self, frame: WSFrame) -> None:
        """Take a frame that is not simply a whole message."""
        if (frame.msg_type is _CONTINUATION) is (self._message is None):
            self._fail(WSCloseCode.PROTOCOL_ERROR, "fragments out of order")
        message = self._message = self._message or bytearray()
        message += self._inflated(frame)
        if len(message) > self._settings.frame_bytes:
            self._fail(WSCloseCode.MESSAGE_TOO_BIG, "message too big")
        if frame.fin:
            self._batch.append(bytes(message))
            self._message = None

    def _inflated(self, frame: WSFrame) -> bytes:
        data = frame.get_payload_as_bytes()
        if self._deflate is None:
            return data
        try:
            plain = self._deflate.decode(
                Frame(_OPCODES[frame.msg_type], data, frame.fin, frame.rsv1), max_size=self._settings.frame_bytes
            )
        except PayloadTooBig as exc:
            self._fail(WSCloseCode.MESSAGE_TOO_BIG, str(exc))
        except WebSocketException as exc:
            self._fail(WSCloseCode.PROTOCOL_ERROR, str(exc))
        if plain.rsv1:  # of a fragment that is not the first
            self._fail(WSCloseCode.PROTOCOL_ERROR, "reserved bits must be 0")
        return bytes(plain.data)

    def pause_writing(self) -> None:
        """Go on: what is sent is small and within the exchange's limits."""

    def resume_writing(self) -> None:
        """Go on."""

    # -- out -----------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        transport = self._transport
        lost = transport.is_disconnected or transport.underlying_transport.is_closing()
        return not (self._ended or lost or transport.close_handshake)

    def send(self, messages: Iterable[bytes]) -> None:
        """Send each as a text message."""
        for message in messages:
            if self.is_open:
                self._transport.send(WSMsgType.TEXT, message)

    async def close(self) -> None:
        """Close in order, within ``close_timeout``."""
        self._ignore()
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
        self._ignore()
        self._transport.disconnect(graceful=False)

    async def wait_closed(self) -> str:
        """Wait for the end; return why it came."""
        violated = False
        try:
            await self._transport.wait_disconnected()
        except WSError:  # the close frame sent says how, whatever came meanwhile
            violated = True
        passed = self._transport.close_handshake
        if passed is None:
            return why(None, None, server_first=False)
        received = None if violated else _farewell(passed.recv)
        return why(received, _farewell(passed.sent), server_first=passed.recv_then_sent)


def _farewell(close: Any) -> Farewell | None:
    return Farewell(int(close.code) or 1005, close.reason or "") if close else None


async def open_picows(url: str, deliver: Deliver, settings: Settings) -> PicowsSocket:
    """Connect; see :func:`open_socket`."""

    made: PicowsSocket | None = None
    awaited = True
    tls: dict[str, Any] = {"ssl_shutdown_timeout": settings.close_timeout} if url.startswith("wss:") else {}

    def create(_request: WSUpgradeRequest, response: WSUpgradeResponse) -> PicowsSocket:
        nonlocal made
        if not awaited:  # picows goes on with a handshake that is given up
            raise WSHandshakeError(NO_ANSWER)
        made = PicowsSocket(deliver, settings, _agreed(response, settings))
        return made

    try:
        async with asyncio.timeout(settings.open_timeout):
            await ws_connect(
                create,
                url,
                websocket_handshake_timeout=settings.open_timeout,  # drops what the timeout above leaves half open
                logger_name=logger,
                enable_auto_pong=False,  # it would keep a ping that ends a read from the listener, and so the batch
                max_frame_size=settings.frame_bytes,
                max_redirects=0,
                use_aiofastnet=True,  # its transports take the protocol above for what it is
                extra_headers=_OFFER if settings.compression else None,
                proxy=None if is_loopback(url) else _proxy(url),
                **tls,
            )
    except TimeoutError:
        raise ConnectionError(NO_ANSWER) from None
    except (WSError, WebSocketException, ProxyError) as exc:
        raise ConnectionError(_told(exc)) from None
    except asyncio.CancelledError:
        if made:
            made.abort()
        raise
    finally:
        awaited = False
    if made is None:  # the server hung up
        raise ConnectionError(NOT_HTTP)
    return made


def _agreed(response: WSUpgradeResponse, settings: Settings) -> PerMessageDeflate | None:
    """Return what inflates messages, where the server accepted the offer; raise where it accepted anything else."""
    accepted = response.headers.getall("Sec-WebSocket-Extensions", [])
    match [extension for value in accepted for extension in parse_extension(value)]:
        case []:
            return None
        case [(_DEFLATE.name, parameters)] if settings.compression:
            return _DEFLATE.process_response_params(parameters, [])
    raise WSHandshakeError("the server uses an extension that was not offered")


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names, in the spelling of picows, which always lets it resolve names."""
    if (proxy := get_proxy(parse_uri(url))) is None:
        return None
    scheme = parse_proxy(proxy).scheme  # raises what websockets raises
    return {"socks5h": "socks5", "socks4a": "socks4"}.get(scheme, scheme) + proxy[len(scheme) :]


def _told(exc: Exception) -> str:
    head = getattr(exc, "raw_header", None) or b""
    if (status := re.match(rb"HTTP/1\.1 (\d{3})\b", head)) and status[1] != b"101":
        return f"server rejected WebSocket connection: HTTP {status[1].decode()}"
    match exc:
        case WSInvalidHeaderError(name=name):
            return f"missing or invalid {name} header"
        case WSInvalidMessageError():
            return NOT_HTTP
        case WSInvalidURL() | InvalidURI() | InvalidProxy():
            return BAD_ADDRESS
        case ProxyError():
            before, _, code = str(exc).partition(" with status ")
            return f"proxy rejected connection: HTTP {code}" if code else f"failed to connect to the proxy: {before}"
        case _:
            return str(exc)
