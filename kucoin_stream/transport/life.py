"""The life of one of the plan's connections, over all its sockets: opened, lost, opened again, renewed in time."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import suppress
from typing import Any, Protocol

from kucoin_stream.errors import KucoinStreamError, RefusedError, ResponseError
from kucoin_stream.protocol import lifecycle
from kucoin_stream.protocol.topic import PRIVATE
from kucoin_stream.protocol.topic import Connection as Key
from kucoin_stream.settings import Settings
from kucoin_stream.transport.connection import Connection, Owner, Wire
from kucoin_stream.transport.pace import Pace
from kucoin_stream.transport.rotation import Rotation, Wanted
from kucoin_stream.transport.watchers import Watchers

log = logging.getLogger("kucoin_stream")

_KEY_CODES = frozenset({400001, *range(400003, 400012), 411100, 411200})  # 400002 is the clock: it may pass
"""What the exchange says of an API key that it does not accept: it will say so again (protocol.md 9.3, 9.4)."""

_UNAUTHORISED = 401  # a token that is over, which a fresh one mends, or a wrong signature without a code of its own
_SPREAD = 0.1  # of the time after which a connection is replaced: not all at the same moment
_LATER = 60.0  # seconds, where too many connections are being opened
_AGAIN = 300.0  # seconds between two attempts to replace a connection


class Keeper(Owner, Protocol):
    """What a life tells the pool, beside what its connections tell."""

    def opened(self, life: Life) -> None:
        """Note that a socket is open, and let in."""

    def lost(self, life: Life, reason: str) -> None:
        """Note that it has ended, or could not be opened."""

    def denied(self, life: Life, refusal: RefusedError) -> None:
        """Note that the exchange does not let us in, and that asking again would not mend it."""

    def renewed(self, rotation: Rotation) -> None:
        """Note that a fresh socket has taken the place of the old one."""


class Life:
    """One connection of the plan. Lives on the loop thread."""

    def __init__(
        self, number: int, key: Key, wire: Wire, settings: Settings, pace: Pace, keeper: Keeper, watchers: Watchers
    ) -> None:
        self.number = number
        self.key = key
        self.state = "connecting"
        self.reason = ""
        self.reconnects = 0
        self.rotations = 0
        self.attempts = 0  # in a row without success
        self.since = 0.0  # Unix seconds of the last change of state
        self.connection: Connection | None = None
        self._wire = wire
        self._settings = settings
        self._pace = pace
        self._keeper = keeper
        self._watchers = watchers
        self._loop = asyncio.get_running_loop()
        self._hurry = asyncio.Event()
        self._moved = asyncio.Event()  # a fresh socket has taken the old one's place
        self._task: asyncio.Task[None] | None = None
        self._renewal: asyncio.TimerHandle | None = None
        self._rotation: Rotation | None = None
        self._rotating: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Life {self.number} {self.key.value} | {self.state}>"

    def open(self, wanted: Wanted) -> None:
        """Open a socket. ``wanted``: its topics, for the day when it is replaced."""
        self._wanted = wanted
        self._task = self._loop.create_task(self._live())

    def end(self, reason: str) -> None:
        """Want it no more: nothing is opened again."""
        self.state = "closed"
        self.tell(lifecycle.CloseEvent, reason)

    async def close(self) -> None:
        """Close all its sockets, in order, each within ``close_timeout``."""
        self._stop_renewal()
        if self.connection is not None:
            await self.connection.close()
        tasks = [task for task in (self._task, self._rotating) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*self._retiring, return_exceptions=True)

    def set_state(self, state: str) -> None:
        """Note what has become of it, and when."""
        self.state = state
        self.since = time.time()
        if state == "open":
            self.reason = ""
            self.attempts = 0

    def tell(self, kind: type[Any], *details: Any) -> None:
        """Tell whoever watches."""
        self._watchers.tell(kind, self.key, self.number, *details)

    # -- one socket ----------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        """Open one socket and wait for its end; tell the keeper of both."""
        await self._pace.attempt(self.key, self._wait, self._pace.again(self.attempts) if self.since else 0.0)
        self.attempts += 1
        connection = self._connection(self._keeper)
        try:
            await connection.open()
        except KucoinStreamError as exc:
            self._not_opened(exc)
            return
        except Exception as exc:  # noqa: BLE001  the connection's main loop: whatever it is, it is told and tried again
            self._keeper.failed(exc)
            self._lost(f"{type(exc).__name__}: {exc}")
            return
        if self.state == "closed":  # meanwhile
            await connection.close()
            return
        self.connection = connection
        self._renew_in(self._lifetime())
        self._keeper.opened(self)
        reason = await self._ended(connection)
        self.connection = None
        self._lost(reason)

    async def _wait(self, seconds: float) -> None:
        self._hurry.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    def woke(self) -> None:
        """After a sleep of this machine: try again at once, and ask whether the other side is still there."""
        if self.connection is None:
            self._loop.call_later(self._pace.room(self.key), self._hurry.set)
        else:
            self.connection.doubt()

    def _connection(self, owner: Owner) -> Connection:
        return Connection(self.number, self.key, self._wire, self._settings, owner)

    async def _ended(self, connection: Connection) -> str:
        """Wait for the end of this socket, and of those that take its place; return why the last one ended."""
        while True:
            reason = await self._ended_or_moved(connection)
            if connection is self.connection and self._rotation is not None and self._rotation.ready:
                self._put(self._rotation)  # the fresh one has all topics already
            if connection is self.connection or self.connection is None:
                return reason
            connection = self.connection

    async def _ended_or_moved(self, connection: Connection) -> str:
        self._moved.clear()
        ending, moving = asyncio.ensure_future(connection.ended()), asyncio.ensure_future(self._moved.wait())
        try:
            await asyncio.wait({ending, moving}, return_when=asyncio.FIRST_COMPLETED)
            return ending.result() if ending.done() else ""
        finally:
            ending.cancel()
            moving.cancel()

    def _not_opened(self, error: KucoinStreamError) -> None:
        if self.state == "closed":
            return
        self.tell(lifecycle.ExceptionEvent, error)
        refusal = final(error) if self.key in PRIVATE else None
        if refusal is None:
            self._lost(str(error))
            return
        log.warning("connection %d: %s; not tried again", self.number, error)
        self.reason = str(error)
        self.tell(lifecycle.ResponseEvent, "authenticate", (), False, refusal.code, refusal.reason)
        self._keeper.denied(self, refusal)

    def _lost(self, reason: str) -> None:
        if self.state == "closed":
            return
        self._stop_renewal()
        if self.state in {"open", "restoring"}:
            log.warning("connection %d lost: %s; reconnecting", self.number, reason)
            self.tell(lifecycle.ReconnectEvent, reason)
        self.reason = reason
        self.set_state("reconnecting")
        self._keeper.lost(self, reason)

    # -- a fresh socket in the old one's place -------------------------------------------------------------------

    def _renew_in(self, seconds: float) -> None:
        if self._wire.lasting or self.state == "closed":
            return
        self._stop_renewal()
        self._renewal = self._loop.call_later(seconds, self.renew)

    def _stop_renewal(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        if self._rotating is not None:
            self._rotating.cancel()

    def renew(self) -> None:
        """Replace the socket by a fresh one; where that fails, all stays as it is, and it is tried again later."""
        if self.connection is None or (self._rotating is not None and not self._rotating.done()):
            return
        if not self._pace.spare(self.key):
            self._renew_in(_LATER)
            return
        self._rotating = self._loop.create_task(self._renew(self.connection))

    async def _renew(self, old: Connection) -> None:
        rotation = self._rotation = Rotation(old, self._connection, self._wanted, self._keeper, self._settings)
        try:
            await self._pace.attempt(self.key)
            await rotation.run()
        except Exception as exc:  # noqa: BLE001  whatever it is: the old socket goes on, and it is tried again
            log.warning("connection %d could not be replaced: %s", self.number, exc)
            if rotation.cut:
                old.abandon(f"in the midst of being replaced: {exc}")
        else:
            self._put(rotation)
        finally:
            self._rotation = self._rotating = None
            if self.connection is not rotation.fresh:
                rotation.give_up()
                self._retire(rotation.fresh)
                if self.connection is old:
                    self._renew_in(_AGAIN)

    def _put(self, rotation: Rotation) -> None:
        """Put the fresh socket in the old one's place."""
        rotation.take_over()
        old, self.connection = self.connection, rotation.fresh
        self._moved.set()
        self.rotations += 1
        log.info("connection %d: replaced by a fresh one", self.number)
        if old is not None:
            self._retire(old)
        self._renew_in(self._lifetime())
        self._keeper.renewed(rotation)

    def _retire(self, connection: Connection) -> None:
        task = self._loop.create_task(connection.retire())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    def _lifetime(self) -> float:
        return self._settings.rotate_after * random.uniform(1 - _SPREAD, 1)


def final(error: KucoinStreamError) -> RefusedError | None:
    """Return the refusal where the exchange does not accept the key, so that trying again is of no use."""
    if isinstance(error, ResponseError):
        code, reason = int(error.code) if error.code.isdecimal() else 0, error.reason
    elif isinstance(error, RefusedError):
        code, reason = error.code, error.reason
    else:
        return None
    denied = code in _KEY_CODES or (code == _UNAUTHORISED and not reason.startswith("token is"))
    return RefusedError("authentication", code, reason) if denied else None
