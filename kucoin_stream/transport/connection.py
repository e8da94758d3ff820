"""One connection, from token to close: the thin shell around a protocol machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import urlencode

from kucoin_stream.errors import RefusedError, RemoteProtocolError, UnreachableError
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.classic import State
from kucoin_stream.protocol.events import (
    Acknowledged,
    Event,
    Failed,
    Opened,
    Ponged,
    Rejected,
    Unanswered,
    Unreadable,
)
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.settings import Settings
from kucoin_stream.transport.dial import Line, Machine
from kucoin_stream.transport.plan import Batch
from kucoin_stream.transport.socket import Socket, open_socket

Dial = Callable[[], Awaitable[Line]]


class Owner(Protocol):
    """What a connection tells the pool."""

    def received(self, events: list[Event], handle: Callable[[Event], None]) -> None:
        """Route the pushes of one socket read; ``handle`` takes all else, in order."""

    def acknowledged(self, number: int, batch: Batch) -> None:
        """Note that a batch is served."""

    def rejected(self, number: int, batch: Batch, code: int, reason: str) -> None:
        """Note that a batch is refused; an empty batch is an error that answers no command."""

    def unanswered(self, number: int, batch: Batch) -> None:
        """Note that no answer came for a batch."""

    def spoiled(self, error: RemoteProtocolError) -> None:
        """Note a message that cannot be read."""

    def failed(self, error: Exception) -> None:
        """Note an error that costs one message."""


class Connection:
    """One socket's life. ``number`` is the plan's. Lives on the loop thread."""

    def __init__(self, number: int, dial: Dial, settings: Settings, owner: Owner) -> None:
        self.number = number
        self.messages = 0
        self.round_trip: float | None = None  # seconds, of the last ping
        self._dial = dial
        self._settings = settings
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._machine: Machine | None = None
        self._socket: Socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._batches: dict[str, Batch] = {}  # request id -> what it subscribes
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._failure: str | None = None

    async def open(self) -> None:
        """Fetch a token, connect, and wait for the welcome.

        Raises :class:`KucoinStreamError`; afterwards the connection is closed.
        """
        line = await self._dial()
        try:
            await self._connect(line)
            await self._opened
        except BaseException as exc:
            await self.close()
            if isinstance(exc, OSError | ValueError):
                raise UnreachableError("websocket", f"no websocket: {_scrubbed(exc, line.token)}") from None
            raise

    async def _connect(self, line: Line) -> None:
        self._machine = line.machine
        self._socket = await open_socket(line.url, self._deliver, self._settings)
        line.machine.connected(self._loop.time())
        self._arm()
        self._ended = self._loop.create_task(self._watch(self._socket))

    async def _watch(self, socket: Socket) -> str:
        """Wait for the end of the socket; return why it ended."""
        why = await socket.wait_closed()
        if self._timer is not None:
            self._timer.cancel()
        if self._machine is not None:
            self._machine.close()
        reason = self._failure or why
        if not self._opened.done():
            self._opened.set_exception(UnreachableError("websocket", f"closed before the welcome: {reason}"))
        return reason

    async def ended(self) -> str:
        """Wait until the connection has ended; return why."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """Close in order, within ``close_timeout``."""
        if self._machine is not None:
            self._machine.close()
        if self._socket is not None:
            await self._socket.close()

    # -- commands ------------------------------------------------------------------------------------------------

    def subscribe(self, batch: Batch) -> None:
        """Subscribe ``batch``; the owner hears of the answer."""
        self._command("subscribe", batch)

    def unsubscribe(self, batch: Batch) -> None:
        """Unsubscribe ``batch``."""
        self._command("unsubscribe", batch)

    def _command(self, kind: str, batch: Batch) -> None:
        machine = self._machine
        if machine is None or machine.state is not State.OPEN:
            return  # lost meanwhile: the plan hears of it
        row = topics.parse(batch[0])[0]
        wire = row.wire(",".join(topics.parse(topic)[1] for topic in batch))
        if kind == "subscribe":
            self._batches[machine.subscribe(wire, private=row.private)] = batch
        else:
            machine.unsubscribe(wire, private=row.private)
        self._send()

    def _send(self) -> None:
        socket, machine = self._socket, self._machine
        if socket is None or machine is None or not socket.is_open:
            return  # on its way down: the plan hears of it
        socket.send(machine.data_to_send(self._loop.time()))
        self._arm()

    # -- time ----------------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._machine is not None and self._machine.state is not State.CLOSED:
            self._timer = self._loop.call_at(self._machine.next_tick(), self._tick)

    def _tick(self) -> None:
        if self._machine is None:
            return
        for event in self._machine.tick(self._loop.time()):
            try:
                self._handle(event)
            except Exception as exc:  # noqa: BLE001  the connection's main loop: the heartbeat goes on
                self._owner.failed(exc)
        self._send()

    # -- messages ------------------------------------------------------------------------------------------------

    def _deliver(self, batch: list[bytes]) -> None:
        machine = self._machine
        if machine is None or machine.state is State.CLOSED:
            return
        self.messages += len(batch)
        self._owner.received(machine.receive(batch, self._loop.time()), self._handle)

    def _handle(self, event: Event) -> None:
        match event:
            case Opened():
                if not self._opened.done():
                    self._opened.set_result(None)
                self._arm()
            case Acknowledged(request_id=request_id):
                self._owner.acknowledged(self.number, self._batches.pop(request_id, ()))
            case Rejected(request_id=request_id, code=code, reason=reason):
                self._owner.rejected(self.number, self._batches.pop(request_id, ()), code, reason)
            case Unanswered(request_id=request_id):
                self._owner.unanswered(self.number, self._batches.pop(request_id, ()))
            case Ponged(round_trip=round_trip):
                self.round_trip = round_trip
            case Failed(reason=reason, code=code):
                self._fail(reason, code)
            case Unreadable(error=error):
                self._owner.spoiled(error)
            case Push():
                pass  # the owner has it

    def _fail(self, reason: str, code: int) -> None:
        self._failure = reason if not code else f"{code} {reason}"
        if not self._opened.done():
            refused = (
                RefusedError("the connection was", code, reason) if code else UnreachableError("websocket", reason)
            )
            self._opened.set_exception(refused)
        if self._socket is not None:
            self._socket.abort()  # the other side may be gone: do not wait for its close frame
        if self._machine is not None:
            self._machine.close()


def _scrubbed(exc: BaseException, token: str) -> str:
    text = str(exc) or type(exc).__name__
    return text.replace(token, "***").replace(urlencode({"": token})[1:], "***")[:300]
