"""What a websocket does: token, welcome, one public subscription, one ping. The client's own connection is used."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from kucoin_stream.diagnosis.chart import Found, Section
from kucoin_stream.diagnosis.hosts import Hosts
from kucoin_stream.diagnosis.services import TIMEOUT
from kucoin_stream.errors import NotReadyError, RefusedError, RemoteProtocolError, UnreachableError
from kucoin_stream.protocol.events import OrderEvent
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.topic import Connection as Key
from kucoin_stream.settings import Settings
from kucoin_stream.transport.connection import Command, Connection, Dial, Wire
from kucoin_stream.transport.dial import Dialler, Line

_OPEN = 2 * TIMEOUT  # seconds: a handshake and a welcome
T = TypeVar("T")

_BEAT = 0.3  # seconds to the first ping; Pro allows one a second


def hurried(settings: Settings) -> Settings:
    """Return settings for a connection that has seconds to live.

    It is never found dead for want of a pong: no check is that patient, and each of them says so in words of its own.
    """
    return replace(
        settings,
        request_timeout=TIMEOUT + 1, welcome_timeout=TIMEOUT, open_timeout=TIMEOUT, ack_timeout=TIMEOUT,
        close_timeout=0.3, ping_interval=_BEAT, pong_timeout=2 * TIMEOUT,
    )  # fmt: skip


class _Hearer:
    """Hears of the answers to one command and to the pings. Lives on the loop of its connection."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.acked: asyncio.Future[None] = loop.create_future()
        self.ponged: asyncio.Future[float] = loop.create_future()

    def received(self, source: Connection, events: Sequence[OrderEvent]) -> None:
        for event in events:
            if not isinstance(event, Push):
                source.handle(event)
        if source.round_trip is not None and not self.ponged.done():
            self.ponged.set_result(source.round_trip)

    def authenticated(self, source: Connection) -> None:  # noqa: ARG002  none is private
        return

    def acknowledged(self, source: Connection, command: Command) -> None:  # noqa: ARG002  the only one
        if not self.acked.done():
            self.acked.set_result(None)

    def rejected(self, source: Connection, command: Command, code: int, reason: str) -> None:  # noqa: ARG002
        self._fail(RefusedError(", ".join(command.batch) or "a command", code, reason))

    def unanswered(self, source: Connection, command: Command) -> None:  # noqa: ARG002
        self._fail(NotReadyError("no ack"))

    def spoiled(self, source: Connection, error: RemoteProtocolError) -> None:  # noqa: ARG002
        self._fail(error)

    def failed(self, error: Exception) -> None:
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self.acked.done():
            self.acked.set_exception(error)


class Talk:
    """Opens connections of one exchange and talks on each."""

    def __init__(self, dialler: Dialler, settings: Settings, hosts: Hosts, secrets: set[str]) -> None:
        self._dialler = dialler
        self._settings = hurried(settings)
        self._hosts = hosts
        self._secrets = secrets

    async def talk(self, section: Section, name: str, key: Key, topic: str) -> None:
        """Add the rows of one kind of connection."""
        address = f"{name} address"
        line = await section.check(address, TIMEOUT, self._address(key), timed=False)
        if line is None:
            return
        if not await self._hosts.reached(line.url):
            section.doubt(address, "its host is not reached", "see the rows of that host")
            return
        hearer = _Hearer()
        connection = Connection(1, key, Wire(_taken(line)), self._settings, hearer)
        if not await section.check(f"{name} welcome", _OPEN, _opened(connection)):
            return
        try:
            await asyncio.gather(
                section.check(f"{name} subscription", TIMEOUT, _subscribed(connection, hearer, topic)),
                section.check(f"{name} heartbeat", TIMEOUT + 1, _beaten(connection, hearer)),
            )
        finally:
            await connection.close()

    async def _address(self, key: Key) -> Found[Line]:
        line = await self._dialler.dial(key)
        self._secrets.update(line.secrets)
        token = " with a token" if line.secrets else ""
        return Found(line, f"{line.url.partition('?')[0]}{token}")


def _taken(line: Line) -> Dial:
    async def dial(_: Key) -> Line:
        return line

    return dial


async def _opened(connection: Connection) -> Found[Literal[True]]:
    await connection.open()
    return Found(True, "welcomed")


async def _subscribed(connection: Connection, hearer: _Hearer, topic: str) -> Found[Literal[True]]:
    connection.command(Command("subscribe", (topic,)))
    await _while_open(connection, hearer.acked)
    return Found(True, f"ack of {topic}")


async def _beaten(connection: Connection, hearer: _Hearer) -> Found[Literal[True]]:
    seconds = await _while_open(connection, hearer.ponged)
    return Found(True, "pong", seconds=seconds)


async def _while_open(connection: Connection, wanted: asyncio.Future[T]) -> T:
    """Wait for an answer; raise :class:`UnreachableError` where the connection ends before it comes."""
    ended: asyncio.Future[Any] = asyncio.ensure_future(connection.ended())
    try:
        await asyncio.wait({ended, asyncio.ensure_future(wanted)}, return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            return wanted.result()
        raise UnreachableError("websocket", f"the connection was lost: {ended.result()}")
    finally:
        ended.cancel()
