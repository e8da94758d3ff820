"""One websocket of the exchange: what its session decides, done. Lives on the exchange's loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable

from aiohttp import WSMsgType, web

from kucoin_stream.simulator.conversation import (
    Abort,
    Close,
    Conversation,
    Output,
    Send,
    Subscribed,
    Unsubscribed,
)
from kucoin_stream.simulator.faults import Faults

OUTBOX_SIZE = 100_000  # messages a slow reader may lag behind before it is cut off
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing sends RST


class Client:
    """A connected websocket with its session, and the queue of what it is to be sent.

    ``subscribed`` and ``unsubscribed`` are told the topics; ``time_us`` tells the market's time for pongs.
    """

    def __init__(
        self,
        websocket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        session: Conversation,
        faults: Faults,
        *,
        subscribed: Callable[[Client, Iterable[str]], None],
        unsubscribed: Callable[[Client, Iterable[str]], None],
        time_us: Callable[[], int],
    ) -> None:
        self.session = session
        self.sent = 0
        self.idle = asyncio.Event()  # nothing waits to be sent
        self.idle.set()
        self._websocket = websocket
        self._transport = transport
        self._faults = faults
        self._subscribed = subscribed
        self._unsubscribed = unsubscribed
        self._time_us = time_us
        self._outbox: deque[str | bytes | Close] = deque()
        self._waiting = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._dead = False

    def __repr__(self) -> str:
        return f"<Client {self.session!r}, {len(self._outbox)} waiting>"

    async def serve(self) -> None:
        """Talk until either side ends it."""
        writer = self._loop.create_task(self._write())
        if (first := self.session.welcome()) is not None:
            self._reply(first)
        self._watch()
        try:
            async for message in self._websocket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._perform(self.session.receive(message.data, self._loop.time(), self._time_us()))
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self.session.topics:
                self._unsubscribed(self, tuple(self.session.topics))
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
            self.idle.set()

    def say(self, text: str) -> None:
        """Queue a frame of the kind that this connection has."""
        self.send(text.encode() if self.session.binary else text)

    def send(self, data: str | bytes | Close) -> None:
        """Queue a frame as it is: text or binary; a reader that lags too far behind is cut off."""
        if self._dead:
            return
        if len(self._outbox) >= OUTBOX_SIZE:
            self.abort()
            return
        self._outbox.append(data)
        self.idle.clear()
        self._waiting.set()

    def abort(self) -> None:
        """Cut the connection without a close frame."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            with contextlib.suppress(OSError):
                raw = transport.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()
        self._outbox.clear()
        self.idle.set()

    def go_dead(self) -> None:
        """Send and read nothing any more, and leave the connection as it is."""
        self._dead = True
        self._outbox.clear()
        self.idle.set()
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    async def close(self, code: int, reason: str) -> None:
        """Close with a close frame, waiting for the other side's a moment only."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._websocket.close(code=code, message=reason.encode())

    def _watch(self) -> None:
        """Look at the session's clock when it may be up; a frame in the meantime moves its deadline."""
        if self._dead:
            return
        self._perform(self.session.tick(self._loop.time()))
        if not self.session.closed:
            self._timer = self._loop.call_at(self.session.deadline + 0.001, self._watch)

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Send():
                    self._reply(output)
                case Subscribed(topics):
                    self._subscribed(self, topics)
                case Unsubscribed(topics):
                    self._unsubscribed(self, topics)
                case Close():
                    self.send(output)
                case Abort():
                    self.abort()

    def _reply(self, answer: Send) -> None:
        delay = self._faults.delay(answer.kind)
        if delay is None:
            return
        if delay:
            self._loop.call_later(delay, self.say, answer.text)
        else:
            self.say(answer.text)

    async def _write(self) -> None:
        try:
            while True:
                if not self._outbox:
                    self.idle.set()
                    self._waiting.clear()
                    await self._waiting.wait()
                    continue
                item = self._outbox.popleft()
                if self._faults.slow_frames:
                    await asyncio.sleep(self._faults.slow_frames)
                if isinstance(item, Close):
                    await self.close(item.code, item.reason)
                    return
                if isinstance(item, str):
                    await self._websocket.send_str(item)
                else:
                    await self._websocket.send_bytes(item)
                self.sent += 1
        except (ConnectionError, RuntimeError):  # the other side is gone; the reader notices too
            self._outbox.clear()
        finally:
            self.idle.set()
