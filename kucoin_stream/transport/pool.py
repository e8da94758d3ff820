"""Performs the plan: opens connections, subscribes, and routes what arrives to those who asked for it."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol, assert_never

from msgspec import Struct

from kucoin_stream.errors import KucoinStreamError, NotReadyError, RefusedError, RemoteProtocolError, StoppedError
from kucoin_stream.protocol.events import Disconnected, Event, Gap, News, Refused, Restarted
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.topic import Connection as Key
from kucoin_stream.settings import Settings
from kucoin_stream.transport.connection import Connection
from kucoin_stream.transport.dial import Line
from kucoin_stream.transport.plan import (
    Action,
    Active,
    Batch,
    Close,
    Open,
    Plan,
    Refuse,
    Restored,
    Subscribe,
    TopicState,
    Unsubscribe,
)

log = logging.getLogger("kucoin_stream")

_FINAL = range(400, 500)  # codes of errors that asking again does not mend
_ASK_AGAIN = 5.0  # seconds after a refusal that may pass: 500, 509
_MINUTE = 60.0
_TOLD = 100  # different errors that are logged; all are counted


class Subscriber(Protocol):
    """Reads topics. All calls come on the loop thread, in the order of the socket."""

    pending: list[Any]
    """Where the pool puts the messages of one socket read."""

    def flush(self) -> None:
        """Work off what is pending: all messages of one socket read are there."""

    def news(self, news: News, /) -> None:
        """Take what happened to a topic, in order with its messages."""


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
        self._dial = dial
        self.errors = 0
        self.last_error = ""
        self._told: set[str] = set()
        self.messages = 0
        self.reconnects = 0
        self._settings = settings
        self._breathe = breathe
        self._plan = Plan(settings.limits)
        self._lives: dict[int, Life] = {}
        self._routes: dict[str, list[Subscriber]] = {}
        self._refusals: dict[str, RefusedError] = {}
        self._waiters: dict[str, list[asyncio.Future[None]]] = {}
        self._opened_at: deque[float] = deque()
        self._closing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Pool {self.describe()}>"

    def describe(self) -> str:
        """Return how much there is, for people."""
        return f"{len(self._lives)} connections, {len(self._routes)} topics"

    @property
    def readers(self) -> int:
        """How many feeds and live frames read topics."""
        return len({id(reader) for readers in list(self._routes.values()) for reader in readers})

    # -- what readers want ---------------------------------------------------------------------------------------

    def attach(self, topics: Iterable[str], subscriber: Subscriber) -> None:
        """Give ``subscriber`` the messages of ``topics`` from now on; one subscription on the wire serves all."""
        fresh = []
        for topic in topics:
            readers = self._routes.setdefault(topic, [])
            if subscriber not in readers:
                self._routes[topic] = [*readers, subscriber]
            if not readers or self._plan.state(topic) is TopicState.REFUSED:
                self._refusals.pop(topic, None)
                fresh.append(topic)
        self._perform(self._plan.want(fresh))

    def detach(self, topics: Iterable[str], subscriber: Subscriber) -> None:
        """Give ``subscriber`` no more; the last reader's leaving unsubscribes."""
        gone = []
        for topic in topics:
            readers = [each for each in self._routes.get(topic, ()) if each is not subscriber]
            if readers:
                self._routes[topic] = readers
            elif self._routes.pop(topic, None) is not None:
                self._refusals.pop(topic, None)
                gone.append(topic)
        self._perform(self._plan.unwant(gone))

    def renew(self, topics: Iterable[str]) -> None:
        """Leave ``topics`` on the wire and subscribe again: what they begin with is sent anew."""
        self._perform(self._plan.renew(topics))

    def active(self, topic: str) -> bool:
        """Whether the exchange has acknowledged ``topic`` and its connection is open."""
        return self._plan.state(topic) is TopicState.ACTIVE

    async def settled(self, topics: Iterable[str], timeout: float) -> None:
        """Wait until all ``topics`` are active.

        Raises :class:`RefusedError` for the first one refused, :class:`NotReadyError` after ``timeout`` seconds.
        """
        waits: dict[str, asyncio.Future[None]] = {}
        for topic in topics:
            if topic in self._refusals:
                raise self._refusals[topic]
            if not self.active(topic):
                future = asyncio.get_running_loop().create_future()
                self._waiters.setdefault(topic, []).append(future)
                waits[topic] = future
        if not waits:
            return
        try:
            async with asyncio.timeout(timeout):
                await asyncio.gather(*waits.values())
        except TimeoutError:
            raise NotReadyError(f"not acknowledged within {timeout:g} s{self._why_waiting()}") from None
        finally:
            for topic, future in waits.items():
                future.cancel()
                if left := [each for each in self._waiters.pop(topic, ()) if each is not future and not each.done()]:
                    self._waiters[topic] = left

    def _why_waiting(self) -> str:
        reasons = [life.reason for life in self._lives.values() if life.reason]
        return f": {reasons[0]}" if reasons else ""

    async def close(self) -> None:
        """End all connections in order."""
        lives, self._lives = list(self._lives.values()), {}
        self._routes.clear()
        for waiters in self._waiters.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(StoppedError("the connection was stopped"))
        tasks = [life.task for life in lives if life.task is not None]
        closing = [life.connection.close() for life in lives if life.connection]
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
                        connection.subscribe(batch)
                case Unsubscribe(connection=number, batch=batch):
                    if connection := self._connection(number):
                        connection.unsubscribe(batch)
                case Active(topic=topic):
                    self._settle(topic, None)
                    self._tell(topic, Restarted(topic))
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
        if life.connection is not None:
            task = asyncio.get_running_loop().create_task(life.connection.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        elif life.task is not None:
            life.task.cancel()

    def _refuse(self, topic: str, code: int, reason: str) -> None:
        error = RefusedError(topic, code, reason)
        self._refusals[topic] = error
        self._settle(topic, error)
        self._tell(topic, Refused(topic, code, reason))

    def _settle(self, topic: str, error: RefusedError | None) -> None:
        for waiter in self._waiters.pop(topic, ()):
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    def _tell(self, topic: str, news: News) -> None:
        for subscriber in self._routes.get(topic, ()):
            try:
                if subscriber.pending:  # came before
                    self._flush(subscriber)
                subscriber.news(news)
                subscriber.flush()
            except Exception as exc:  # noqa: BLE001  the connection's main loop: one reader, one piece of news
                self.failed(exc)

    def _restored(self, number: int) -> None:
        life = self._lives[number]
        life.attempts = 0
        life.reconnects += 1
        self.reconnects += 1
        self._set_state(life, "open")
        log.info("connection %d: reconnected, all topics active", number)

    # -- the life of a connection --------------------------------------------------------------------------------

    async def _live(self, number: int, life: Life) -> None:
        """Open one socket and wait for its end; report both to the plan."""
        await asyncio.sleep(self._delay(life))
        life.attempts += 1
        connection = Connection(number, lambda: self._dial(life.key), self._settings, self)
        try:
            self._opened_at.append(time.monotonic())
            await connection.open()
        except KucoinStreamError as exc:
            self._lost(number, life, str(exc))
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
        self._perform(self._plan.opened(number))
        reason = await connection.ended()
        life.connection = None
        if self._lives.get(number) is life:
            self._lost(number, life, reason)

    def _delay(self, life: Life) -> float:
        """Seconds to wait before the next attempt: growing, jittered, and within the connections a minute."""
        settings = self._settings
        now = time.monotonic()
        while self._opened_at and self._opened_at[0] <= now - _MINUTE:
            self._opened_at.popleft()
        over = len(self._opened_at) - settings.limits.connections_per_minute
        room = self._opened_at[over] + _MINUTE - now if over >= 0 else 0.0
        if not life.since:
            return room
        grown: float = min(settings.reconnect_delay * 2 ** min(life.attempts, 16), settings.reconnect_delay_max)
        return max(room, grown * random.uniform(0.5, 1.0))

    def _lost(self, number: int, life: Life, reason: str) -> None:
        if self._lives.get(number) is not life:
            return
        if life.state in {"open", "restoring"}:
            log.warning("connection %d lost: %s; reconnecting", number, reason)
        life.reason = reason
        self._set_state(life, "reconnecting")
        for topic in self._plan.topics(number):
            if topic not in self._refusals:
                self._tell(topic, Disconnected(topic, reason))
        self._perform(self._plan.lost(number))

    def _set_state(self, life: Life, state: str) -> None:
        life.state = state
        life.since = time.time()
        if state == "open":
            life.reason = ""
            life.attempts = 0

    # -- what connections tell (Owner) ---------------------------------------------------------------------------

    def received(self, events: list[Event], handle: Callable[[Event], None]) -> None:
        """Give the messages of one socket read to their readers; ``handle`` takes all else, in order."""
        routes, astray = self._routes, 0
        dirty: list[Subscriber] = []
        for event in events:
            if type(event) is not Push:
                astray += 1
                try:
                    handle(event)
                except Exception as exc:  # noqa: BLE001  the connection's main loop: one event
                    self.failed(exc)
                continue
            readers = routes.get(event.topic)
            if readers is None:  # on its way when the last reader left
                astray += 1
                continue
            for reader in readers:
                pending = reader.pending
                if not pending:
                    dirty.append(reader)
                pending.append(event.data)
        self.messages += len(events) - astray
        self._breathe(len(events))
        for reader in dirty:
            self._flush(reader)

    def _flush(self, reader: Subscriber) -> None:
        """Let a reader work off a read; where it fails in the midst of it, tell it that the rest is lost."""
        try:
            reader.flush()
        except Exception as exc:  # noqa: BLE001  the connection's main loop: one reader, one read
            self.failed(exc)
            reader.pending.clear()
            for topic in [topic for topic, readers in self._routes.items() if reader in readers]:
                with suppress(Exception):  # told already
                    reader.news(Gap(topic, f"an error here: {type(exc).__name__}"))

    def acknowledged(self, number: int, batch: Batch) -> None:
        """Note that a batch is served."""
        self._perform(self._plan.acknowledged(number, batch))

    def rejected(self, number: int, batch: Batch, code: int, reason: str) -> None:
        """Note that a batch is refused, or ask again later where the refusal may pass."""
        if not batch:
            self.failed(RefusedError("a command", code, reason))
        elif code in _FINAL:
            self._perform(self._plan.rejected(number, batch, code, reason))
        else:
            self.failed(RefusedError(", ".join(batch)[:100], code, reason))
            asyncio.get_running_loop().call_later(_ASK_AGAIN, self.unanswered, number, batch)

    def unanswered(self, number: int, batch: Batch) -> None:
        """Ask again for what was not answered."""
        self._perform(self._plan.unanswered(number, batch))

    def spoiled(self, error: RemoteProtocolError) -> None:
        """Count a message that cannot be read, and tell the readers of its topic that one is missing."""
        self.failed(error)
        if error.topic:
            self._tell(error.topic, Gap(error.topic, "a message that cannot be read", 1))

    def failed(self, error: Exception) -> None:
        """Count an error that cost one message; log the first of an episode."""
        self.errors += 1
        self.last_error = text = f"{type(error).__name__}: {error}"
        if text not in self._told and len(self._told) < _TOLD:
            self._told.add(text)
            log.warning("a message was lost to an error: %s", text)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
