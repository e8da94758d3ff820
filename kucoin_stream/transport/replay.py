"""Plays a tape in place of an exchange: no sockets, the same machines, books and frames.

Theory of operation. The engine's loop runs in the time of the tape (``tapeloop``). One task goes through the lines: it
waits for each line's time and hands its messages to the connection of that kind, where they take the way that they
took when they came. Commands are acknowledged here. A REST call waits until the tape comes to its answer, so that it
comes between the same two messages as it did; where the tape is past the last one, that one answers at once. What
happened to recorded connections is told to the readers of their topics at its time.

The tape stands at its begin until something was subscribed and nothing more came for a while (``tapestart``), or until
:meth:`Deck.play`. At full speed it waits for slow consumers, as the audience tells of them; at any other it does not.
Who moves the tape has it for himself until it is where he wants it: others wait for their turn.

It is wound to the nearest of three places before the goal: where it stands, a mark made when it was played
(``tapemarks``), its begin. Where that is far from the goal, it rather begins with books that are on the tape itself;
tables are then without what was before.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Literal, cast

from kucoin_stream.errors import LocalProtocolError, StoppedError, UsageError
from kucoin_stream.protocol.events import Disconnected, Gap, News, Restarted
from kucoin_stream.recording.lines import Answer, Begin, Book, Data, Event, Hole, Line, Market, Odd
from kucoin_stream.recording.reader import Tape
from kucoin_stream.settings import Settings
from kucoin_stream.transport.tapeaudience import Audience
from kucoin_stream.transport.tapelinks import Links
from kucoin_stream.transport.tapeloop import MAX, Clock, TapeLoop, TapeThread
from kucoin_stream.transport.tapemarks import Mark, Marks
from kucoin_stream.transport.taperest import Answers, TapeRest
from kucoin_stream.transport.tapesocket import Sockets
from kucoin_stream.transport.tapestart import Starter

if TYPE_CHECKING:
    from kucoin_stream.transport.pool import Pool

Speed = float | Literal["max"]

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

    ``position_ns``, ``playing``, ``ended`` and ``state`` may be read from any thread.
    """

    def __init__(self, tape: Tape, speed: Speed = 1.0) -> None:
        self.tape = tape
        self.speed = factor(speed)
        self.position_ns = tape.start_ns
        self.ended = False
        self.audience: Audience | None = None
        self.past: Callable[[Any, Any], Any] | None = None  # a frame as it was at a time
        self.lag_limit = 50_000  # messages: a consumer further behind is waited for
        self.marks = Marks(tape)
        self._clock = Clock()
        self._answers = Answers(tape, lambda: self.position_ns)
        self._starter = Starter(lambda: self._go(self.speed))
        self._sockets = Sockets(tape, self._starter.soon, lambda: self._clock.now)
        self.wire = self._sockets.wire
        self._links = Links(self._tell)
        self._task: asyncio.Task[None] | None = None
        self._moving = asyncio.Lock()  # whose turn it is
        self._goal = _NEVER  # stop before this time (Unix ns), and after so many lines
        self._there: asyncio.Future[bool] | None = None  # what the task waits for, between two lines
        self._arrived: asyncio.Future[None] | None = None
        self._going = asyncio.Event()
        self._since_turn = 0  # lines played since the loop had a turn

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

    @property
    def state(self) -> str:
        """What it does: ``playing``, ``paused`` or ``ended``."""
        return "ended" if self.ended else "playing" if self.playing else "paused"

    def now(self) -> float:
        """Return the tape's time as Unix seconds."""
        return self.tape.start_ns / 1e9 + self._clock.now

    # -- controls ------------------------------------------------------------------------------------------------

    def load(self, pool: Pool) -> None:
        """Be ready to play, for the readers of ``pool``."""
        self._pool = pool
        self._loop = cast(TapeLoop, asyncio.get_running_loop())
        self._wind(0)

    def eject(self) -> None:
        """Play no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        self.pause()
        self.tape.close()

    async def play(self, speed: Speed | None = None) -> None:
        """Go on, at another speed where one is given."""
        wanted = None if speed is None else factor(speed)
        async with self._turn():
            self.speed = self.speed if wanted is None else wanted
            self._go(self.speed)

    def pause(self) -> None:
        """Stand still; a step or a seek that is under way ends where the tape is."""
        self._starter.hold()
        self._clock.run(0.0)
        self._arrive()

    async def step(self, count: int = 1) -> None:
        """Go on by so many socket reads, then stand still."""
        async with self._turn():
            self.pause()
            await self._until(MAX, count)

    async def seek(self, time_ns: int) -> None:
        """Go to a time (Unix ns) as fast as can be: all up to it, and nothing after it, has happened; then stand still.

        The module's docstring says where it begins.
        """
        async with self._turn():
            self.pause()
            self._approach(time_ns)
            if await self._until(time_ns, -1):
                self._clock.jump(max(self._clock.now, (time_ns - self.tape.start_ns) / 1e9))
                self.position_ns = max(self.position_ns, min(time_ns, self.tape.end_ns))

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for one's turn, and have it; raises :class:`StoppedError` where the tape was ejected meanwhile."""
        async with self._moving:
            self._check()
            yield
            self._check()

    def _check(self) -> None:
        if self._task is None:
            raise StoppedError("the connection was stopped meanwhile")

    async def finished(self) -> None:
        """Wait for the end of the tape, or until it stands still."""
        if self.ended or (self._starter.held and not self.playing):
            return
        if self._arrived is None:
            self._arrived = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._arrived)

    async def _until(self, time_ns: float, count: int) -> bool:
        """Go to a goal, then stand still; return whether it was reached, not given up or paused before."""
        self._goal = (time_ns, count)
        if self._there is not None and not self._there.done():
            self._there.set_result(False)
        self._go(MAX)
        try:
            await self.finished()
        finally:
            reached = self._goal == _NEVER
            if not reached:
                self._goal = _NEVER
                self.pause()
        return reached

    def _go(self, speed: float) -> None:
        self._starter.hold()
        played = len(self.tape.blocks)
        if self.ended and self.tape.refresh():
            self._wind(played)
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

    # -- the tape ------------------------------------------------------------------------------------------------

    def _wind(self, block: int, since_ns: int = 0) -> None:
        """Go on with a block, leaving out lines from before a time."""
        if self._task is not None:
            self._task.cancel()
        self.ended = False
        self._going.clear()
        self._task = self._loop.create_task(self._run(block, since_ns))

    def _approach(self, time_ns: int) -> None:
        """Wind to where the way to a time is short, if need be."""
        tape, audience, here = self.tape, self.audience, self.position_ns
        if audience is None:
            raise LocalProtocolError("a tape without an audience cannot be wound")
        self.marks.keep(audience.covers)
        mark = self.marks.before(time_ns)
        if here <= time_ns and (mark is None or mark.position_ns <= here):
            mark, nearest = None, here
        else:
            nearest = tape.start_ns if mark is None else mark.position_ns
        books = tape.books(time_ns)
        if (
            books
            and tape.messages_between(nearest, books[0].t) > _FAR
            and audience.begins_with({book.topic for book in books})
        ):
            self._begin_with(books, audience)
        elif mark is not None:
            self._recall(mark, audience)
        elif here > time_ns:
            self._rewind(audience)

    def _rewind(self, audience: Audience) -> None:
        """Be at the begin."""
        audience.forget(None)
        self._interrupt(self.tape.start_ns, 0.0)
        self._wind(0)

    def _recall(self, mark: Mark, audience: Audience) -> None:
        """Be where a mark was made."""
        audience.forget(None)
        self._interrupt(mark.position_ns, mark.now, mark.fresh)
        audience.recall(mark.moment)
        self._wind(mark.block)

    def _begin_with(self, books: list[Book], audience: Audience) -> None:
        """Be where the tape has these books."""
        t = books[0].t
        audience.forget(t)
        self._interrupt(t, (t - self.tape.start_ns) / 1e9 - _LEAD)
        self._wind(self.tape.block_of(t), t)
        for book in books:
            self._learn(book)

    def _interrupt(self, position_ns: int, now: float, fresh: frozenset[str] | None = None) -> None:
        """Be at another place, with all readers as after a loss."""
        topics = self._pool.routes.topics
        for topic in topics:
            self._tell(Disconnected(topic, "the tape is wound"))
        self._links.be_at(self.tape, position_ns)
        self._clock.jump(now)
        self.position_ns = position_ns
        self._sockets.restart(fresh)
        for topic in topics:
            self._tell(Restarted(topic))

    def _tell(self, news: News) -> None:
        self._pool.routes.tell(news)

    async def _run(self, block: int, since_ns: int) -> None:
        await self._going.wait()
        for number, lines in self.tape.blocks_from(block):
            self._mark(number)
            for line in lines:
                if line.t >= since_ns:
                    await self._play(line)
        self.ended = True
        self._halt()

    def _mark(self, block: int) -> None:
        """Make a mark at the begin of a block, if it is time for one and everything is at rest."""
        if self.audience is None or not self.marks.due(block):
            return
        moment = self.audience.remember() if self._links.whole else None
        if moment is None:
            self.marks.not_now(block)
        else:
            self.marks.add(Mark(block, self._clock.now, self.position_ns, self._sockets.fresh, moment))

    async def _play(self, line: Line) -> None:
        """Perform a line when its time has come."""
        while not await self._comes(line):
            pass  # its time, or the goal, is another one by now
        try:
            await self._perform(line)
        except Exception as exc:  # noqa: BLE001  the connection's main loop: one line
            self._pool.failed(exc)

    async def _comes(self, line: Line) -> bool:
        """Wait for a line's time, or stand at a goal before it; return whether it is to be performed."""
        clock, start, goal = self._clock, self.tape.start_ns, self._goal
        beyond = line.t > goal[0] or goal[1] == 0
        at = (line.t - start) / 1e9
        self._since_turn += 1
        quick = clock.speed == MAX and self._since_turn < min(_GIVE_WAY, self.lag_limit // 50)
        if quick and not beyond and self._loop.idle_until(at):
            clock.now = max(clock.now, at)
            return True
        self._since_turn = 0
        if goal[1]:  # what is due by the goal happens before it is reached
            there = await self._reach(min(at, (goal[0] - start) / 1e9))
            if not there or goal is not self._goal:
                return False
        if beyond:
            self._halt()
            await self._going.wait()
        return not beyond

    async def _reach(self, at: float) -> bool:
        """Wait for a time of the tape, and at full speed for consumers; return False where there is another goal."""
        while self._clock.speed == MAX and self.audience and self.audience.lag() > self.lag_limit:
            time.sleep(_NAP)  # noqa: ASYNC251  the whole loop is to wait, and its time to stand
            await asyncio.sleep(0)
        there: asyncio.Future[bool] = self._loop.create_future()
        self._there = there

        def arrive() -> None:
            if not there.done():  # the task may have been cancelled in this turn of the loop
                there.set_result(True)

        timer = self._loop.call_at(max(at, self._clock.now), arrive)
        try:
            return await there
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
                self._links.happened(line)
            case Begin():
                self._links.begun(line)
            case Hole(missed=missed):
                for topic in self._pool.routes.topics:
                    self._tell(Gap(topic, "the recording has a hole", missed))
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
        self._sockets.deliver(on, batch)

    def _learn(self, book: Book) -> None:
        """Let those begin with a book who wait for it: by REST, or in the stream where its snapshots come there."""
        self._answers.reached_book(book)
        self._sockets.learn(book)
