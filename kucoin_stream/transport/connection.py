"""One connection, from token to close: the thin shell around a protocol machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, assert_never

from msgspec import Struct
from msgspec.structs import replace

from kucoin_stream.errors import (
    KucoinStreamError,
    LocalProtocolError,
    NotReadyError,
    RefusedError,
    RemoteProtocolError,
    StoppedError,
    UnreachableError,
)
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.classic import State
from kucoin_stream.protocol.events import (
    Acknowledged,
    Answered,
    Authenticated,
    Failed,
    Opened,
    OrderEvent,
    Ponged,
    Rejected,
    SignatureWanted,
    Unanswered,
    Unreadable,
)
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.topic import ORDERS
from kucoin_stream.protocol.topic import Connection as Key
from kucoin_stream.protocol.wsapi import WsApiProtocol
from kucoin_stream.settings import Settings
from kucoin_stream.transport.dial import Line, Machine
from kucoin_stream.transport.latency import EVERY, Latency
from kucoin_stream.transport.plan import Batch
from kucoin_stream.transport.socket import Deliver, Socket, open_socket

Dial = Callable[[Key], Awaitable[Line]]
Gate = Callable[[bytes, Push[Any]], None]
OpenSocket = Callable[[str, Deliver, Settings], Awaitable[Socket]]


class Listener(Protocol):
    """Hears what connections receive, as it came. Lives on the loop thread."""

    def heard(self, key: Key, number: int, batch: list[bytes]) -> None:
        """Take the messages of one socket read, before anything is made of them."""

    def hide(self, secrets: tuple[str, ...]) -> None:
        """Never show these."""


class Wire:
    """How connections reach the exchange: ``dial`` prepares an attempt, ``open`` makes its socket.

    ``listener``, where there is one, hears all that is received. Lives on the loop thread.
    """

    def __init__(self, dial: Dial, open: OpenSocket = open_socket) -> None:  # noqa: A002  what it does
        self.open = open
        self.listener: Listener | None = None
        self.latency = Latency()
        self.lasting = False  # the exchange never ends its connections
        self._dial = dial

    def __call__(self, key: Key) -> Awaitable[Line]:
        """Return what a connection of this kind needs; raises as ``dial``."""
        return self._dial(key)


class Command(Struct, frozen=True):
    """What was asked of the exchange."""

    kind: Literal["subscribe", "unsubscribe"]
    batch: Batch = ()  # empty: unknown, as of an error that answers nothing of ours


_LATE = 0.5  # seconds by which a timer may be late: more, and this process stood still
_READING = 0.1  # seconds given to what came meanwhile

_UNKNOWN = Command("subscribe")


class Owner(Protocol):
    """What a connection tells the pool."""

    def received(self, source: Connection, events: Sequence[OrderEvent]) -> None:
        """Route the pushes of one socket read, and give all else to ``source.handle``, in order."""

    def authenticated(self, source: Connection) -> None:
        """Note that the exchange accepted our request to authenticate."""

    def acknowledged(self, source: Connection, command: Command) -> None:
        """Note that a command succeeded."""

    def rejected(self, source: Connection, command: Command, code: int, reason: str) -> None:
        """Note that a command is refused."""

    def unanswered(self, source: Connection, command: Command) -> None:
        """Note that no answer came to a command."""

    def spoiled(self, source: Connection, error: RemoteProtocolError) -> None:
        """Note a message that cannot be read."""

    def failed(self, error: Exception) -> None:
        """Note an error of ours that costs one message."""


class Connection:
    """One socket's life. ``number`` is the plan's. Lives on the loop thread."""

    def __init__(self, number: int, key: Key, wire: Wire, settings: Settings, owner: Owner) -> None:
        self.number = number
        self.key = key
        self.messages = 0
        self.round_trip: float | None = None  # seconds, of the last ping
        self.owner = owner
        self.gate: Gate | None = None  # takes the pushes in the owner's place, each with the message it came in
        self._sample_at = 0.0  # when the next read is timed
        self._wire = wire
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._line: Line | None = None
        self._machine: Machine | None = None
        self._socket: Socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._commands: dict[str, Command] = {}  # by request id
        self._answers: dict[str, asyncio.Future[Answered]] = {}  # by request id
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._failure: str | None = None
        self._signing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Fetch a token, connect, and go the whole way in: to the welcome, or to that after authentication.

        Raises :class:`KucoinStreamError`; afterwards the connection is closed.
        """
        line = await self._wire(self.key)
        if self._wire.listener is not None:
            self._wire.listener.hide(line.secrets)
        try:
            await self._connect(line)
            await self._opened
        except BaseException as exc:
            await self.close()
            if isinstance(exc, OSError | ValueError):
                raise UnreachableError(
                    "websocket", f"no websocket: {line.scrubbed(str(exc) or type(exc).__name__)}"
                ) from None
            raise

    async def _connect(self, line: Line) -> None:
        self._line, self._machine = line, line.machine
        self._socket = await self._wire.open(line.url, self._deliver, self._settings)
        line.machine.connected(self._loop.time())
        self._send()
        self._ended = self._loop.create_task(self._watch(self._socket))

    async def _watch(self, socket: Socket) -> str:
        """Wait for the end of the socket; return why it ended."""
        why = await socket.wait_closed()
        if self._timer is not None:
            self._timer.cancel()
        if self._machine is not None:
            self._machine.close()
        if self._signing is not None:
            self._signing.cancel()
        reason = self._failure or self._clean(why)
        self._abandon(reason)
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

    def abandon(self, reason: str) -> None:
        """Drop it at once, for ``reason``."""
        self._fail(reason, 0)

    async def retire(self) -> None:
        """Close once what was asked for has been answered, or no answer has come for a while."""
        if self._answers:
            await asyncio.wait(self._answers.values(), timeout=self._settings.ack_timeout)
        await self.close()

    # -- commands ------------------------------------------------------------------------------------------------

    def command(self, command: Command) -> None:
        """Subscribe or unsubscribe topics; the owner hears of the answer."""
        machine = self._machine
        if machine is None or machine.state is not State.OPEN:
            return  # lost meanwhile: the plan hears of it
        if isinstance(machine, WsApiProtocol):
            raise LocalProtocolError("a connection for orders has no topics")
        row = topics.parse(command.batch[0])[0]
        wire = row.wire(",".join(topics.parse(topic)[1] for topic in command.batch))
        ask = machine.subscribe if command.kind == "subscribe" else machine.unsubscribe
        self._commands[ask(wire, private=row.private)] = command
        self._send()

    @property
    def held_back(self) -> bool:
        """Whether commands wait for the exchange's limit on them."""
        return self._machine is not None and self._machine.held_back

    async def request(self, op: str, args: Mapping[str, Any] | list[Any]) -> Answered:
        """Perform a WS API operation (protocol.md 7.6); return the exchange's answer, good or bad.

        Raises :class:`NotReadyError` where none came in time, :class:`StoppedError` where the connection was lost
        before it came: then nobody here knows whether the exchange took it.
        """
        machine = self._machine
        if not isinstance(machine, WsApiProtocol):
            raise LocalProtocolError(f"{op} on a connection that is not for orders")
        request_id = machine.request(op, args)
        answer: asyncio.Future[Answered] = self._loop.create_future()
        self._answers[request_id] = answer
        self._send()
        try:
            return await answer
        finally:
            self._answers.pop(request_id, None)

    def _abandon(self, reason: str) -> None:
        """Tell those who wait for answers that none will come."""
        for answer in self._answers.values():
            if not answer.done():
                error = StoppedError(f"the connection was lost ({reason}) before the answer: it may have been done")
                answer.set_exception(error)

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

    def doubt(self) -> None:
        """Ask at once whether the other side is still there; where it is not, this ends within seconds."""
        if self._machine is not None:
            self._machine.doubt(self._loop.time())
            self._arm()

    def _tick(self) -> None:
        if self._machine is None:
            return
        if self._timer is not None and self._loop.time() - self._timer.when() > _LATE:
            self._timer = self._loop.call_later(_READING, self._tick)  # nobody is dead whose answer waits to be read
            return
        for event in self._machine.tick(self._loop.time()):
            try:
                self.handle(event)
            except Exception as exc:  # noqa: BLE001  the connection's main loop: the heartbeat goes on
                self.owner.failed(exc)
        self._send()

    # -- messages ------------------------------------------------------------------------------------------------

    def _deliver(self, batch: list[bytes]) -> None:
        machine = self._machine
        if machine is None or machine.state is State.CLOSED:
            self.hear(batch)
            return
        entering = machine.state is not State.OPEN
        self.messages += len(batch)
        if self.gate is None:
            self.hear(batch)
            now = self._loop.time()
            events = machine.receive(batch, now)
            self.owner.received(self, events)
            if now >= self._sample_at:
                self._sample_at = now + EVERY
                self._wire.latency.sample(events, self._loop.time() - now)
        else:
            self._sift(machine, batch, self.gate)
        if entering:
            self._send()  # the next step of the way in

    def _sift(self, machine: Machine, batch: list[bytes], gate: Gate) -> None:
        for message in batch:
            for event in machine.receive([message], self._loop.time()):
                if isinstance(event, Push):
                    gate(message, event)
                else:
                    self.hear([message])
                    self.owner.received(self, [event])

    def hear(self, batch: list[bytes]) -> None:
        """Show messages to whoever listens to what is received."""
        if (listener := self._wire.listener) is not None:
            listener.heard(self.key, self.number, batch)

    def handle(self, event: OrderEvent) -> None:  # noqa: C901  a case for each event
        """Take what is not a push."""
        match event:
            case Opened():
                if not self._opened.done():
                    self._opened.set_result(None)
            case Acknowledged(request_id=request_id):
                self.owner.acknowledged(self, self._commands.pop(request_id, _UNKNOWN))
            case Rejected(request_id=request_id, code=code, reason=reason):
                self.owner.rejected(self, self._commands.pop(request_id, _UNKNOWN), code, self._clean(reason))
            case Unanswered(request_id=request_id):
                self._unanswered(request_id)
            case Answered(request_id=request_id):
                if (answer := self._answers.get(request_id)) is not None and not answer.done():
                    answer.set_result(replace(event, message=self._clean(event.message)))
            case SignatureWanted(text=text):
                self._signing = self._loop.create_task(self._sign(text))
            case Authenticated():
                self.owner.authenticated(self)
            case Ponged(round_trip=round_trip, time_ns=time_ns):
                self.round_trip = round_trip
                if time_ns is not None and self.key not in ORDERS:  # there it is our own, returned
                    self._wire.latency.clock.pong(time_ns, round_trip)
            case Failed(reason=reason, code=code):
                self._fail(self._clean(reason), code)
            case Unreadable(error=error):
                self.owner.spoiled(self, error)
            case Push():
                pass  # the owner has it
            case never:
                assert_never(never)

    def _clean(self, reason: str) -> str:
        """Return a server's text without parts of our key and token, should it repeat them."""
        return reason if self._line is None else self._line.scrubbed(reason)

    def _unanswered(self, request_id: str) -> None:
        if (answer := self._answers.get(request_id)) is None:
            self.owner.unanswered(self, self._commands.pop(request_id, _UNKNOWN))
        elif not answer.done():
            answer.set_exception(NotReadyError("no answer in time: it may have been done all the same"))

    async def _sign(self, text: str) -> None:
        line, machine = self._line, self._machine
        if line is None or line.sign is None or not isinstance(machine, WsApiProtocol):
            return
        try:
            signature = await line.sign(text)
        except KucoinStreamError as exc:
            self._fail(str(exc), 0)
        else:
            machine.signed(signature)
            self._send()

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
