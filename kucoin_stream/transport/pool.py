"""Performs the plan: opens connections, subscribes, and tells the readers what came of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, assert_never

from kucoin_stream.errors import (
    RefusedError,
    RemoteProtocolError,
    StoppedError,
)
from kucoin_stream.protocol import lifecycle
from kucoin_stream.protocol.events import Answered, Disconnected, Gap, OrderEvent, Refused, Restarted
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.topic import ORDERS, PRIVATE
from kucoin_stream.protocol.topic import Connection as Key
from kucoin_stream.protocol.topics import collective
from kucoin_stream.settings import Settings
from kucoin_stream.transport.connection import Command, Connection, Wire
from kucoin_stream.transport.gaps import Gaps
from kucoin_stream.transport.life import Life
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
from kucoin_stream.transport.rotation import Rotation
from kucoin_stream.transport.routes import Routes, Subscriber
from kucoin_stream.transport.waiters import Waiters
from kucoin_stream.transport.watchers import Watchers

log = logging.getLogger("kucoin_stream")

_FINAL = range(400, 500)  # codes of errors that asking again does not mend
_ASK_AGAIN = 5.0  # seconds after a refusal that may pass: 500, 509
Wanted = Hashable
"""A topic, or the number of a connection that is held."""


class Pool:
    """The shared background connection manager. Lives on the loop thread."""

    def __init__(
        self,
        wire: Wire,
        settings: Settings,
        breathe: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.mishaps = Mishaps()
        self.failed = self.mishaps.note  # takes an error that cost one message
        self.messages = 0
        self.reconnects = 0
        self.watchers = Watchers()
        self.gaps = Gaps(time.time_ns)
        self._wire = wire
        self._settings = settings
        self._breathe = breathe
        self._plan = Plan(settings.limits)
        self._lives: dict[int, Life] = {}
        self.routes = Routes(self.failed)
        self._waiters = Waiters()
        self._pace = Pace(settings)
        self._closing: set[asyncio.Task[None]] = set()
        self._changed: dict[str, None] | None = None  # topics, within together()

    def __repr__(self) -> str:
        return f"<Pool {self.describe()}>"

    def describe(self) -> str:
        """Return how much there is, for people."""
        return f"{len(self._lives)} connections, {len(self.routes)} topics"

    @property
    def readers(self) -> int:
        """How many feeds and live frames read topics."""
        return self.routes.readers

    # -- what readers want ---------------------------------------------------------------------------------------

    def attach(self, topics: Iterable[str], subscriber: Subscriber) -> None:
        """Give ``subscriber`` the messages of ``topics`` from now on; one subscription on the wire serves all."""
        fresh = []
        for topic in topics:
            self.routes.add(topic, subscriber)
            if self._plan.state(topic) in (None, TopicState.REFUSED):
                self._waiters.forget(topic)
                fresh.append(topic)
        self._follow(fresh)

    def detach(self, topics: Iterable[str], subscriber: Subscriber) -> None:
        """Give ``subscriber`` no more; the last reader's leaving unsubscribes."""
        gone = [topic for topic in topics if self.routes.remove(topic, subscriber)]
        for topic in gone:
            self._waiters.forget(topic)
            self.gaps.heal("topic", topic, "nobody reads it")
        self._follow(gone)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Ask the exchange at the end for what is attached and detached within, in as few commands as may be.

        Nothing may be awaited within.
        """
        changed: dict[str, None] = {}
        self._changed = changed
        try:
            yield
        finally:
            self._changed = None
            self._follow(changed)

    def _follow(self, changed: Iterable[str]) -> None:
        """Have the plan follow what topics are read, now or at the end of :meth:`together`."""
        if self._changed is not None:
            self._changed.update(dict.fromkeys(changed))
            return
        topics = list(changed)
        self._perform(self._plan.want(topic for topic in topics if topic in self.routes))
        self._perform(self._plan.unwant(topic for topic in topics if topic not in self.routes))

    def renew(self, topics: Iterable[str]) -> None:
        """Leave ``topics`` on the wire and subscribe again: what they begin with is sent anew."""
        self._perform(self._plan.renew(topics))

    def rotate(self) -> None:
        """Replace all open connections by fresh ones, without a hole."""
        for life in self._lives.values():
            life.renew()

    def woke(self, slept: float) -> None:
        """After a sleep of this machine: every connection is in doubt."""
        log.warning("this machine, or this process, stood still for %.0f s: all connections are tried", slept)
        for life in self._lives.values():
            life.woke()

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

    def held_back(self, topic: str) -> bool:
        """Whether ``topic`` is not served yet, on a connection where commands wait for the exchange's limit."""
        home = self._plan.home(topic)
        connection = None if home is None or self.active(topic) else self._connection(home)
        return connection is not None and connection.held_back

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
        self.routes.clear()
        self._waiters.end(StoppedError("the connection was stopped"))
        for life in lives.values():
            life.end("the client is stopped")
        await asyncio.gather(*(life.close() for life in lives.values()), *self._closing, return_exceptions=True)

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
                "rotations": life.rotations,
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
                    self.gaps.heal("topic", topic, "subscribed again")
                    self.routes.tell(Restarted(topic))
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
        life = self._lives.get(number)
        if life is None:
            life = Life(number, key, self._wire, self._settings, self._pace, self, self.watchers)
            self._lives[number] = life
        life.open(partial(self._plan.served, number))

    def _close(self, number: int) -> None:
        life = self._lives.pop(number, None)
        if life is None:
            return
        life.end(life.reason or "nothing is wanted of it")
        task = asyncio.get_running_loop().create_task(life.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _refuse(self, topic: str, code: int, reason: str) -> None:
        error = RefusedError(topic, code, reason)
        self._waiters.refuse(topic, error)
        self.gaps.heal("topic", topic, "refused")
        self.routes.tell(Refused(topic, code, reason))

    def _restored(self, number: int) -> None:
        life = self._lives.get(number)
        if life is None:  # a reader that was refused left, and nothing else was wanted
            return
        life.reconnects += 1
        self.reconnects += 1
        life.set_state("open")
        log.info("connection %d: reconnected, all topics active", number)
        life.tell(lifecycle.ReconnectedEvent)

    # -- what lives tell (Keeper) --------------------------------------------------------------------------------

    def opened(self, life: Life) -> None:
        """Subscribe what is wanted."""
        life.set_state("restoring" if self._plan.restoring(life.number) else "open")
        life.tell(lifecycle.OpenEvent)
        if life.key in PRIVATE:
            life.tell(lifecycle.AuthenticatedEvent)
        self._waiters.settle(life.number)
        self._perform(self._plan.opened(life.number))

    def lost(self, life: Life, reason: str) -> None:
        """Tell the readers, and open it again."""
        for topic in self._plan.unsettled(life.number):
            self.routes.tell(Gap(topic, reason))  # messages may have come before the ack
        for topic in self._plan.topics(life.number):
            if self.active(topic):
                self.gaps.begin("topic", topic, reason)
            if topic not in self._waiters:
                self.routes.tell(Disconnected(topic, reason))
        if life.key in ORDERS and not self._settings.reauthenticate:
            self._perform(self._plan.release(life.number))
        else:
            self._perform(self._plan.lost(life.number))

    def denied(self, life: Life, refusal: RefusedError) -> None:
        """Give it up."""
        self._waiters.refuse(life.number, refusal)
        self._perform(self._plan.denied(life.number, refusal.code, refusal.reason))

    def renewed(self, rotation: Rotation) -> None:
        """Note what cannot be proven."""
        for topic in rotation.unproven:
            self.gaps.note("topic", topic, "a fresh connection", None, f"an overlap of {rotation.overlap:.1f} s")

    # -- what connections tell (Owner) ---------------------------------------------------------------------------

    def received(self, source: Connection, events: Sequence[OrderEvent]) -> None:
        """Route the pushes of one socket read, and give all else to ``source.handle``, in order."""
        self._breathe(len(events))
        if self.watchers.want(lifecycle.UpdateEvent):
            for event in events:
                self.messages += self.routes.deliver((event,), source.handle)
                if isinstance(event, Push):
                    self.watchers.tell(lifecycle.UpdateEvent, source.key, source.number, event.topic, event.data)
        else:
            self.messages += self.routes.deliver(events, source.handle)

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
            if topic in self.routes:  # else the other side could write what it likes into the gaps
                self.gaps.note("topic", topic, "a message that cannot be read", 1)
                self.routes.tell(Gap(topic, "a message that cannot be read", 1))


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
