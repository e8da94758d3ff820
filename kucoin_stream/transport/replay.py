"""Plays a tape in place of an exchange: no sockets, the same machines, books and frames.

Theory of operation. The engine's loop runs in the time of the tape (``tapeloop``). One task goes through the lines: it
waits for each line's time and hands its messages to the connection of that kind, where they take the way that they
took when they came. Commands are acknowledged here. A REST call waits until the tape comes to its answer, so that it
comes between the same two messages as it did; where the tape is past the last one, that one answers at once. What
happened to recorded connections is told to the readers of their topics at its time.

The tape stands at its begin until something was subscribed and nothing more came for :data:`QUIET` seconds, or until
:meth:`Deck.play`. At full speed it waits for slow consumers, as ``lag`` tells of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, cast

from kucoin_stream.errors import RequestError, UsageError
from kucoin_stream.protocol.events import Disconnected, Gap, Restarted
from kucoin_stream.protocol.topic import ORDERS, Connection
from kucoin_stream.recording.lines import Answer, Begin, Book, Data, Event, Hole, Line, Market, Odd
from kucoin_stream.recording.reader import Tape
from kucoin_stream.settings import Settings
from kucoin_stream.transport.connection import Wire
from kucoin_stream.transport.dial import Line as Attempt
from kucoin_stream.transport.machines import key_of, machine_of
from kucoin_stream.transport.socket import Deliver
from kucoin_stream.transport.tapeloop import MAX, Clock, TapeLoop, TapeThread
from kucoin_stream.transport.taperest import Answers, TapeRest
from kucoin_stream.transport.tapesocket import TapeSocket, snapshot_frame

if TYPE_CHECKING:
    from kucoin_stream.transport.pool import Pool

Speed = float | Literal["max"]

QUIET = 0.5  # seconds without a new subscription after which the tape begins
_LEAD = 2.0  # seconds before the lines, when readers begin anew: a book without changes asks for its state after 1.5 s
_NEVER: tuple[float, int] = (MAX, -1)
_TURNS = 5  # of the loop, for tasks that were begun to come to where they wait
_GIVE_WAY = 100  # lines between two turns of the loop at full speed
_FAR = 100_000  # messages that a seek rather leaves out, where there are books behind them; about a second
_NAP = 0.002  # seconds between two looks at a consumer that is behind
_MARKETS: tuple[Market, Market] = ("spot", "futures")


def factor(speed: Speed) -> float:
    """Return a speed as a number; raise :class:`UsageError` where it is none."""
    if speed == "max":
        return MAX
    if not isinstance(speed, int | float) or isinstance(speed, bool) or not 0 < speed < MAX:
        raise UsageError(f'speed={speed!r}: a number above 0, or "max"')
    return float(speed)


class Deck:
    """Plays one tape for one engine. Lives on the loop thread, but for what says otherwise.

    ``position_ns``, ``playing`` and ``ended`` may be read from any thread.
    """

    def __init__(self, tape: Tape, speed: Speed = 1.0) -> None:
        self.tape = tape
        self.speed = factor(speed)
        self.position_ns = tape.start_ns
        self.ended = False
        self.wire = Wire(self._dial, self._open)
        self.forget: Callable[[], None] = lambda: None  # called where the tape is wound back
        self.past: Callable[[Any, Any], Any] | None = None  # a frame as it was at a time
        self.lag: Callable[[], int] = lambda: 0  # messages that the slowest consumer is behind
        self.lag_limit = 50_000  # messages: one further behind is waited for
        self._clock = Clock()
        self._answers = Answers(tape, lambda: self.position_ns)
        self._sockets: dict[Connection, list[TapeSocket]] = {}
        self._carried: dict[str, set[str]] = {}  # topics by recorded connection
        self._down: set[str] = set()  # topics that were lost, as the tape tells
        self._held = False  # by the user: do not begin by itself
        self._starter: threading.Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._goal = _NEVER  # stop before this time (Unix ns), and after so many lines
        self._arrived: asyncio.Future[None] | None = None
        self._going = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Deck {self.tape.path.name} | {self._clock!r}>"

    # -- what an engine is made of (any thread) --------------------------------------------------------------------

    def thread(self, name: str) -> TapeThread:
        """Return the loop thread."""
        return TapeThread(name, self._clock)

    def rests(self, settings: Settings) -> tuple[TapeRest, TapeRest]:
        """Return what answers REST calls of spot and of futures."""
        spot, futures = (TapeRest(self._answers, market, settings, self.now) for market in _MARKETS)
        return spot, futures

    @property
    def playing(self) -> bool:
        """Whether the tape moves."""
        return self._clock.speed > 0

    def now(self) -> float:
        """Return the tape's time as Unix seconds."""
        return self.tape.start_ns / 1e9 + self._clock.now

    # -- controls ------------------------------------------------------------------------------------------------

    def load(self, pool: Pool) -> None:
        """Be ready to play, for the readers of ``pool``."""
        self._pool = pool
        self._loop = cast(TapeLoop, asyncio.get_running_loop())
        self._wind(None)

    def eject(self) -> None:
        """Play no more."""
        self._held = True
        self._cancel_start()
        if self._task is not None:
            self._task.cancel()
        self._clock.run(0.0)
        self._arrive()
        self.tape.close()

    def play(self, speed: Speed | None = None) -> None:
        """Go on, at another speed where one is given."""
        if speed is not None:
            self.speed = factor(speed)
        self._go(self.speed)

    def pause(self) -> None:
        """Stand still."""
        self._held = True
        self._cancel_start()
        self._clock.run(0.0)
        self._arrive()

    async def step(self, count: int = 1) -> None:
        """Go on by so many socket reads, then stand still."""
        self.pause()
        await self._until(MAX, count)

    async def seek(self, time_ns: int) -> None:
        """Go to a time (Unix ns) as fast as can be: all up to it, and nothing after it, has happened; then stand still.

        Back, or far on, it begins at the last time before for which the tape has books.
        """
        self.pause()
        books = self.tape.books(time_ns)
        far = bool(books) and self.tape.messages_between(self.position_ns, books[0].t) > _FAR
        if far or time_ns < self.position_ns:
            self._rewind(books[0].t if books else None, books)
        await self._until(time_ns, -1)
        self._clock.jump(max(self._clock.now, (time_ns - self.tape.start_ns) / 1e9))
        self.position_ns = max(self.position_ns, min(time_ns, self.tape.end_ns))

    async def finished(self) -> None:
        """Wait for the end of the tape, or until it stands still."""
        if self.ended or (self._held and not self.playing):
            return
        if self._arrived is None:
            self._arrived = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._arrived)

    async def _until(self, time_ns: float, count: int) -> None:
        self._goal = (time_ns, count)
        self._go(MAX)
        await self.finished()

    def _go(self, speed: float) -> None:
        self._cancel_start()
        self._held = True
        if self.ended and self.tape.refresh():
            self._wind(self.position_ns + 1)
        if self.ended:
            self._goal = _NEVER
            return
        self._clock.run(speed)
        self._going.set()

    def _halt(self) -> None:
        self._clock.run(0.0)
        self._going.clear()
        self._goal = _NEVER
        self._arrive()

    def _arrive(self) -> None:
        arrived, self._arrived = self._arrived, None
        if arrived is not None and not arrived.done():
            arrived.set_result(None)

    def _begin_soon(self) -> None:
        """Begin once subscriptions have been quiet."""
        if self._held:
            return
        self._cancel_start()
        self._starter = threading.Timer(QUIET, self._knock)
        self._starter.daemon = True
        self._starter.start()

    def _knock(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed just now
            self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        if not self._held:
            self._go(self.speed)

    def _cancel_start(self) -> None:
        if self._starter is not None:
            self._starter.cancel()

    # -- the tape ------------------------------------------------------------------------------------------------

    def _wind(self, since_ns: int | None) -> None:
        """Go on with the lines since a time, or with the first one."""
        if self._task is not None:
            self._task.cancel()
        self.ended = False
        self._going.clear()
        self._task = self._loop.create_task(self._run(self.tape.lines(since_ns)))

    def _rewind(self, since_ns: int | None, books: list[Book]) -> None:
        """Be at an earlier time, or a later one, with all readers as after a loss."""
        start = self.tape.start_ns if since_ns is None else since_ns
        self._carried = _carried(self.tape, start)
        self._wind(since_ns)
        self.forget()
        topics = list(self._pool._routes._readers)
        for topic in topics:
            self._pool._routes.tell(Disconnected(topic, "the tape is wound"))
        self._down.clear()
        self._clock.jump((start - self.tape.start_ns) / 1e9 - _LEAD)
        self.position_ns = start
        for socket in self._all_sockets():
            socket.restart()
        for topic in topics:
            self._pool._routes.tell(Restarted(topic))
        for book in books:
            self._learn(book)

    async def _run(self, lines: Iterator[Line]) -> None:
        loop, clock, start, since_turn = self._loop, self._clock, self.tape.start_ns, 0
        await self._going.wait()
        for line in lines:
            while line.t > self._goal[0] or self._goal[1] == 0:
                if self._goal[1]:  # what is due by then happens first
                    await self._reach((self._goal[0] - start) / 1e9)
                self._halt()
                await self._going.wait()
            at = (line.t - start) / 1e9
            since_turn += 1
            if clock.speed == MAX and since_turn < min(_GIVE_WAY, self.lag_limit // 50) and loop.idle_until(at):
                clock.now = max(clock.now, at)
            else:
                since_turn = 0
                await self._reach(at)
            try:
                await self._perform(line)
            except Exception as exc:  # noqa: BLE001  the connection's main loop: one line
                self._pool.failed(exc)
        self.ended = True
        self._halt()

    async def _reach(self, at: float) -> None:
        """Wait for a time of the tape, and at full speed for consumers."""
        while self._clock.speed == MAX and self.lag() > self.lag_limit:
            time.sleep(_NAP)  # noqa: ASYNC251  the whole loop is to wait, and its time to stand
            await asyncio.sleep(0)
        there = self._loop.create_future()
        timer = self._loop.call_at(max(at, self._clock.now), there.set_result, None)
        try:
            await there
        finally:
            timer.cancel()

    async def _perform(self, line: Line) -> None:
        self.position_ns = max(self.position_ns, line.t)
        match line:
            case Data(on=on, messages=messages):
                self._deliver(on, [bytes(message) for message in messages])
            case Odd(on=on, messages=messages):
                self._deliver(on, messages)
            case Answer():
                await self._turns()
                self._answers.reached(line)
                await self._turns()
            case Event():
                self._happened(line)
            case Begin(topics=topics):
                self._begun(topics)
            case Hole(missed=missed):
                self._tell_all(lambda topic: Gap(topic, "the recording has a hole", missed))
            case Book():
                await self._turns()
                self._learn(line)
                await self._turns()

    async def _turns(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def _deliver(self, on: str, batch: list[bytes]) -> None:
        until, count = self._goal
        self._goal = (until, count - 1 if count > 0 else count)
        sockets = self._sockets.get(key_of(on))
        if sockets:
            sockets[0].deliver(batch)

    # -- what happened to recorded connections -------------------------------------------------------------------

    def _happened(self, event: Event) -> None:
        carried = self._carried.setdefault(event.on, set())
        match event.event:
            case "subscribe":
                carried.update(event.topics)
                self._up(event.topics)
            case "unsubscribe":
                carried.difference_update(event.topics)
                self._lose(event.topics, "not recorded from here on")
            case "reconnect" | "close":
                self._lose(carried, event.reason)

    def _begun(self, topics: dict[str, list[str]]) -> None:
        if any(self._carried.values()):
            self._lose({topic for each in self._carried.values() for topic in each}, "the recording was interrupted")
        self._carried = {on: set(each) for on, each in topics.items()}
        for each in topics.values():
            self._up(each)

    def _lose(self, topics: set[str] | list[str], reason: str) -> None:
        for topic in sorted(topics):
            if topic not in self._down:
                self._down.add(topic)
                self._pool._routes.tell(Disconnected(topic, reason))

    def _up(self, topics: list[str]) -> None:
        for topic in topics:
            if topic in self._down:
                self._down.discard(topic)
                self._pool._routes.tell(Restarted(topic))

    def _tell_all(self, news: Callable[[str], Gap]) -> None:
        for topic in list(self._pool._routes._readers):
            self._pool._routes.tell(news(topic))

    # -- books to begin with -------------------------------------------------------------------------------------

    def _learn(self, book: Book) -> None:
        """Let those begin with a book who wait for it: by REST, or in the stream where its snapshots come there."""
        self._answers.reached_book(book)
        for socket in self._all_sockets():
            if book.topic in socket.fresh and (frame := snapshot_frame(book)):
                socket.deliver([frame])

    def _all_sockets(self) -> list[TapeSocket]:
        return [socket for sockets in self._sockets.values() for socket in sockets]

    # -- the place of the network --------------------------------------------------------------------------------

    async def _dial(self, key: Connection) -> Attempt:
        if key in ORDERS:
            raise RequestError("a tape takes no orders")
        return Attempt(key.value, machine_of(key, self._clock.now))

    async def _open(self, url: str, deliver: Deliver, settings: Settings) -> TapeSocket:  # noqa: ARG002
        key = Connection(url)
        socket = TapeSocket(deliver, self.tape.topics, self._begin_soon, self._closed, key=key)
        self._sockets.setdefault(key, []).append(socket)
        return socket

    def _closed(self, socket: TapeSocket) -> None:
        for sockets in self._sockets.values():
            if socket in sockets:
                sockets.remove(socket)


def _carried(tape: Tape, until_ns: int) -> dict[str, set[str]]:
    """Return the topics by connection as they were at a time."""
    carried: dict[str, set[str]] = {}
    for note in tape.notes:
        if note.t >= until_ns:
            break
        if isinstance(note, Begin):
            carried = {on: set(topics) for on, topics in note.topics.items()}
        elif isinstance(note, Event) and note.event == "subscribe":
            carried.setdefault(note.on, set()).update(note.topics)
        elif isinstance(note, Event) and note.event == "unsubscribe":
            carried.setdefault(note.on, set()).difference_update(note.topics)
    return carried
