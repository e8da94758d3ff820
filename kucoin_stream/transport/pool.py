"""Performs the plan: opens connections, subscribes, and tells the readers what came of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, assert_never

from msgspec import Struct

from kucoin_stream.errors import (
    KucoinStreamError,
    RefusedError,
    RemoteProtocolError,
    ResponseError,
    StoppedError,
)
from kucoin_stream.protocol import lifecycle
from kucoin_stream.protocol.events import Answered, Disconnected, Gap, OrderEvent, Refused, Restarted
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.topic import ORDERS, PRIVATE
from kucoin_stream.protocol.topic import Connection as Key
from kucoin_stream.protocol.topics import collective
from kucoin_stream.settings import Settings
from kucoin_stream.transport.connection import Command, Connection
from kucoin_stream.transport.dial import Line
from kucoin_stream.transport.mishaps import Mishaps
from kucoin_stream.transport.pace import Pace
from kucoin_stream.transport.plan import (
    Action,
    Active,
    Close,
    Open,
    Plan,
    Refuse,
    Restored,
    Subscribe,
    TopicState,
    Unsubscribe,
)
from kucoin_stream.transport.routes import Routes, Subscriber
from kucoin_stream.transport.waiters import Waiters
from kucoin_stream.transport.watchers import Watchers

log = logging.getLogger("kucoin_stream")

_FINAL = range(400, 500)  # codes of errors that asking again does not mend
_ASK_AGAIN = 5.0  # seconds after a refusal that may pass: 500, 509
_KEY_CODES = frozenset({*range(400001, 400012), 411100, 411200})
"""What the exchange says of an API key that it does not accept: it will say so again (protocol.md 9.3, 9.4)."""

_UNAUTHORISED = 401  # a token that is over, which a fresh one mends, or a wrong signature without a code of its own

Wanted = Hashable
"""A topic, or the number of a connection that is held."""


class Life(Struct):
    """The counters of one of the plan's connections, over all its sockets."""

    key: Key
    state: str = "connecting"
    reason: str = ""
    attempts: int = 0  # in a row without success
    reconnects: int = 0
    since: float = 0.0  # Unix seconds of the last change of state
    connection: Connection | None = None
    task: asyncio.Task[None] | None = None


class Pool:
    """The shared background connection manager. Lives on the loop thread."""

    def __init__(
        self,
        dial: Callable[[Key], Awaitable[Line]],
        settings: Settings,
        breathe: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.mishaps = Mishaps()
        self.failed = self.mishaps.note  # takes an error that cost one message
        self.messages = 0
        self.reconnects = 0
        self.watchers = Watchers()
        self._dial = dial
        self._settings = settings
        self._breathe = breathe
        self._plan = Plan(settings.limits)
        self._lives: dict[int, Life] = {}
        self._routes = Routes(self.failed)
        self._waiters = Waiters()
        self._pace = Pace(settings)
        self._closing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Pool {self.describe()}>"

    def describe(self) -> str:
        """Return how much there is, for people."""
        return f"{len(self._lives)} connections, {len(self._routes)} topics"

    @property
    def readers(self) -> int:
        """How many feeds and live frames read topics."""
        return self._routes.readers

    # -- what readers want ---------------------------------------------------------------------------------------

    def attach(self, topics: Iterable[str], subscriber: Subscriber) -> None:
        """Give ``subscriber`` the messages of ``topics`` from now on; one subscription on the wire serves all."""
        fresh = []
        for topic in topics:
            self._routes.add(topic, subscriber)
            if self._plan.state(topic) in (None, TopicState.REFUSED):
                self._waiters.forget(topic)
                fresh.append(topic)
        self._perform(self._plan.want(fresh))

    def detach(self, topics: Iterable[str], subscriber: Subscriber) -> None:
        """Give ``subscriber`` no more; the last reader's leaving unsubscribes."""
        gone = [topic for topic in topics if self._routes.remove(topic, subscriber)]
        for topic in gone:
            self._waiters.forget(topic)
        self._perform(self._plan.unwant(gone))

    def renew(self, topics: Iterable[str]) -> None:
        """Leave ``topics`` on the wire and subscribe again: what they begin with is sent anew."""
        self._perform(self._plan.renew(topics))

    def hold(self, key: Key) -> int:
        """Open a connection for its own sake, such as one for orders; return its number."""
        number, actions = self._plan.hold(key)
        self._perform(actions)
        return number

    def release(self, number: int) -> None:
        """Hold a connection no more."""
        self._waiters.forget(number)
        self._perform(self._plan.release(number))

    async def request(self, number: int, op: str, args: Mapping[str, Any] | list[Any]) -> Answered:
        """Perform an operation on a connection for orders; raises as :meth:`Connection.request`."""
        connection = self._connection(number)
        if connection is None:
            raise StoppedError(f"{op}: the connection for orders is not open{self._why_waiting()}")
        return await connection.request(op, args)

    def active(self, wanted: Wanted) -> bool:
        """Whether the exchange has acknowledged a topic, or a connection that is held is open."""
        if isinstance(wanted, int):
            return self._connection(wanted) is not None
        return isinstance(wanted, str) and self._plan.state(wanted) is TopicState.ACTIVE

    async def settled(self, wanted: Iterable[Wanted], timeout: float) -> None:
        """Wait until all of ``wanted`` are active.

        Raises :class:`RefusedError` for the first one refused, :class:`NotReadyError` after ``timeout`` seconds.
        """
        await self._waiters.wait(wanted, self.active, timeout, self._why_waiting)

    def _why_waiting(self) -> str:
        reasons = [life.reason for life in self._lives.values() if life.reason]
        return f": {reasons[0]}" if reasons else ""

    async def close(self) -> None:
        """End all connections in order."""
        lives, self._lives = self._lives, {}
        self._routes.clear()
        self._waiters.end(StoppedError("the connection was stopped"))
        for number, life in lives.items():
            self.watchers.tell(lifecycle.CloseEvent, life.key, number, "the client is stopped")
        tasks = [life.task for life in lives.values() if life.task is not None]
        closing = [life.connection.close() for life in lives.values() if life.connection]
        await asyncio.gather(*closing, *self._closing, return_exceptions=True)  # each within close_timeout
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def statistics(self) -> list[dict[str, Any]]:
        """Return one row per connection."""
        return [
            {
                "name": f"{life.key.value} #{number}",
                "state": life.state,
                "reason": life.reason,
                "topics": len(self._plan.topics(number)),
                "messages": life.connection.messages if life.connection else 0,
                "rtt_ms": _milliseconds(life.connection.round_trip if life.connection else None),
                "reconnects": life.reconnects,
                "since": life.since,
            }
            for number, life in self._lives.items()
        ]

    # -- the plan's actions --------------------------------------------------------------------------------------

    def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Open(connection=number, key=key):
                    self._open(number, key)
                case Close(connection=number):
                    self._close(number)
                case Subscribe(connection=number, batch=batch):
                    if connection := self._connection(number):
                        connection.command(Command("subscribe", batch))
                case Unsubscribe(connection=number, batch=batch):
                    if connection := self._connection(number):
                        connection.command(Command("unsubscribe", batch))
                case Active(topic=topic):
                    self._waiters.settle(topic)
                    self._routes.tell(Restarted(topic))
                case Refuse(topic=topic, code=code, reason=reason):
                    self._refuse(topic, code, reason)
                case Restored(connection=number):
                    self._restored(number)
                case never:
                    assert_never(never)

    def _connection(self, number: int) -> Connection | None:
        life = self._lives.get(number)
        return life.connection if life else None

    def _open(self, number: int, key: Key) -> None:
        life = self._lives.setdefault(number, Life(key))
        life.task = asyncio.get_running_loop().create_task(self._live(number, life))

    def _close(self, number: int) -> None:
        life = self._lives.pop(number, None)
        if life is None:
            return
        life.state = "closed"
        self.watchers.tell(lifecycle.CloseEvent, life.key, number, life.reason or "nothing is wanted of it")
        if life.connection is not None:
            task = asyncio.get_running_loop().create_task(life.connection.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        elif life.task is not None:
            life.task.cancel()

    def _refuse(self, topic: str, code: int, reason: str) -> None:
        error = RefusedError(topic, code, reason)
        self._waiters.refuse(topic, error)
        self._routes.tell(Refused(topic, code, reason))

    def _restored(self, number: int) -> None:
        life = self._lives.get(number)
        if life is None:  # a reader that was refused left, and nothing else was wanted
            return
        life.attempts = 0
        life.reconnects += 1
        self.reconnects += 1
        self._set_state(life, "open")
        log.info("connection %d: reconnected, all topics active", number)
        self.watchers.tell(lifecycle.ReconnectedEvent, life.key, number)

    # -- the life of a connection --------------------------------------------------------------------------------

    async def _live(self, number: int, life: Life) -> None:
        """Open one socket and wait for its end; report both to the plan."""
        pace, key = self._pace, life.key
        await asyncio.sleep(pace.again(key, life.attempts) if life.since else pace.room(key))
        life.attempts += 1
        connection = Connection(number, life.key, self._dial, self._settings, self)
        try:
            pace.attempted()
            await connection.open()
        except KucoinStreamError as exc:
            self._not_opened(number, life, exc)
            return
        except Exception as exc:  # noqa: BLE001  the connection's main loop: whatever it is, it is told and tried again
            self.failed(exc)
            self._lost(number, life, f"{type(exc).__name__}: {exc}")
            return
        if self._lives.get(number) is not life:  # closed meanwhile
            await connection.close()
            return
        life.connection = connection
        self._set_state(life, "restoring" if self._plan.restoring(number) else "open")
        self.watchers.tell(lifecycle.OpenEvent, life.key, number)
        if life.key in PRIVATE:
            self.watchers.tell(lifecycle.AuthenticatedEvent, life.key, number)
        self._waiters.settle(number)
        self._perform(self._plan.opened(number))
        reason = await connection.ended()
        life.connection = None
        if self._lives.get(number) is life:
            self._lost(number, life, reason)

    def _not_opened(self, number: int, life: Life, error: KucoinStreamError) -> None:
        if self._lives.get(number) is not life:
            return
        self.watchers.tell(lifecycle.ExceptionEvent, life.key, number, error)
        refusal = _final(error) if life.key in PRIVATE else None
        if refusal is None:
            self._lost(number, life, str(error))
            return
        log.warning("connection %d: %s; not tried again", number, error)
        life.reason = str(error)
        answer = ("authenticate", (), False, refusal.code, refusal.reason)
        self.watchers.tell(lifecycle.ResponseEvent, life.key, number, *answer)
        self._waiters.refuse(number, refusal)
        self._perform(self._plan.denied(number, refusal.code, refusal.reason))

    def _lost(self, number: int, life: Life, reason: str) -> None:
        if self._lives.get(number) is not life:
            return
        if life.state in {"open", "restoring"}:
            log.warning("connection %d lost: %s; reconnecting", number, reason)
            self.watchers.tell(lifecycle.ReconnectEvent, life.key, number, reason)
        life.reason = reason
        self._set_state(life, "reconnecting")
        for topic in self._plan.topics(number):
            if topic not in self._waiters:
                self._routes.tell(Disconnected(topic, reason))
        if life.key in ORDERS and not self._settings.reauthenticate:
            self._perform(self._plan.release(number))
        else:
            self._perform(self._plan.lost(number))

    def _set_state(self, life: Life, state: str) -> None:
        life.state = state
        life.since = time.time()
        if state == "open":
            life.reason = ""
            life.attempts = 0

    # -- what connections tell (Owner) ---------------------------------------------------------------------------

    def received(self, source: Connection, events: Sequence[OrderEvent]) -> None:
        """Route the pushes of one socket read, and give all else to ``source.handle``, in order."""
        self._breathe(len(events))
        if self.watchers.want(lifecycle.UpdateEvent):
            for event in events:
                self.messages += self._routes.deliver((event,), source.handle)
                if isinstance(event, Push):
                    self.watchers.tell(lifecycle.UpdateEvent, source.key, source.number, event.topic, event.data)
        else:
            self.messages += self._routes.deliver(events, source.handle)

    def authenticated(self, source: Connection) -> None:
        """Note that the exchange accepted our request to authenticate."""
        self.watchers.tell(lifecycle.ResponseEvent, source.key, source.number, "authenticate")

    def acknowledged(self, source: Connection, command: Command) -> None:
        """Note that a command succeeded."""
        self.watchers.tell(lifecycle.ResponseEvent, source.key, source.number, command.kind, command.batch)
        if command.kind == "subscribe":
            self._perform(self._plan.acknowledged(source.number, command.batch))

    def rejected(self, source: Connection, command: Command, code: int, reason: str) -> None:
        """Note that a command is refused, or ask again later where the refusal may pass."""
        batch = command.batch
        if not batch:
            error = RefusedError("a command", code, reason)
            self.failed(error)
            self.watchers.tell(lifecycle.ExceptionEvent, source.key, source.number, error)
            return
        self.watchers.tell(lifecycle.ResponseEvent, source.key, source.number, command.kind, batch, False, code, reason)
        if command.kind == "unsubscribe":
            self.failed(RefusedError(f"unsubscribing {', '.join(batch)[:100]}", code, reason))
        elif code in _FINAL:
            self._perform(self._plan.rejected(source.number, batch, code, reason))
        else:
            self.failed(RefusedError(", ".join(batch)[:100], code, reason))
            asyncio.get_running_loop().call_later(_ASK_AGAIN, self.unanswered, source, command)

    def unanswered(self, source: Connection, command: Command) -> None:
        """Ask again for what was not answered."""
        if command.kind == "subscribe":
            self._perform(self._plan.unanswered(source.number, command.batch))

    def spoiled(self, source: Connection, error: RemoteProtocolError) -> None:
        """Count a message that cannot be read, and tell the readers of its topic that one is missing."""
        self.failed(error)
        self.watchers.tell(lifecycle.ExceptionEvent, source.key, source.number, error)
        for topic in {error.topic, collective(error.topic)}:
            self._routes.tell(Gap(topic, "a message that cannot be read", 1))


def _final(error: KucoinStreamError) -> RefusedError | None:
    """Return the refusal where the exchange does not accept the key, so that trying again is of no use."""
    if isinstance(error, ResponseError):
        code, reason = int(error.code) if error.code.isdecimal() else 0, error.reason
    elif isinstance(error, RefusedError):
        code, reason = error.code, error.reason
    else:
        return None
    denied = code in _KEY_CODES or (code == _UNAUTHORISED and not reason.startswith("token is"))
    return RefusedError("authentication", code, reason) if denied else None


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
