"""The watchdog: names the node that holds a loop of users' graphs for more than a second, and its cell.

Theory of operation: twice a second each loop with branches is asked for a sign of life. Where none comes for a second,
the stack of its thread says which node is at work and which line of the user's. That costs the graphs nothing, and also
finds what streamz runs outside of our pumps (``buffer``, ``timed_window``). When the sign comes, the stall is over.
Once a second the counters of all that lives are read, for the rates of ``ks.ps()``.

The thread starts with the first source and ends when no client with sources is left.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import weakref
from collections.abc import Iterable
from contextvars import Context
from typing import Any

from msgspec import Struct

from kucoin_stream.streams import running
from kucoin_stream.streams.branch import Branch
from kucoin_stream.streams.culprit import Culprit, of_thread
from kucoin_stream.streams.mended import branch_of
from kucoin_stream.streams.origin import living, origin, sample_all
from kucoin_stream.transport.engine import Engine

PATIENCE = 1.0  # seconds; design.md, law 2
_TICK = 0.5  # seconds
_LATE = 0.5  # seconds by which a tick may come late: more, and the whole process stood still


class Stall(Struct):
    """One episode: a loop that does not answer, and what keeps it."""

    node: str  # at work there; empty where none was found
    line: str  # of the user's function
    feed: str
    cell: str
    since: float  # seconds of the monotonic clock
    branch: Branch | None = None

    def describe(self, now: float) -> str:
        """Say what stalls, for people."""
        of = f" of {self.feed}" if self.feed else ""
        cell = f", made by {self.cell}" if self.cell else ""
        line = f" (in {self.line})" if self.line else ""
        seconds = f"{now - self.since:.1f} s"
        if not self.node:
            return f"a loop of users' graphs{of}{cell} has not answered for {seconds}"
        return f"{self.node}{of}{cell} has not returned to its loop for {seconds}{line}"


class _Pulse:
    """The signs of life of one loop."""

    def __init__(self) -> None:
        self.thread = 0
        self.asked = 0.0  # when a sign was asked for that has not come
        self.came = 0.0
        self.stall: Stall | None = None

    def ask(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        self.asked = now
        try:
            loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # closed
            self.asked = 0.0

    def _answer(self) -> None:
        self.thread = threading.get_ident()
        self.came = time.monotonic()
        self.asked = 0.0


class Watchdog:
    """Looks after all loops of the process. Safe from any thread."""

    def __init__(self) -> None:
        self.stalls: tuple[Stall, ...] = ()  # what stalls now
        self.episodes = 0
        self._engines: weakref.WeakSet[Engine] = weakref.WeakSet()
        self._pulses: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Pulse] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()  # guards the start of the thread
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def begin(self, engine: Engine) -> None:
        """Look after the branches of ``engine`` until it ends."""
        with self._lock:
            if engine not in self._engines:
                self._engines.add(engine)
                engine.on_end(self._ended)
            if not engine.ended and (self._thread is None or not self._thread.is_alive()):
                self._wake.clear()
                self._thread = threading.Thread(target=self._run, name="kucoin-stream-watch", daemon=True)
                self._thread.start()

    def _ended(self, _: str) -> None:
        self._wake.set()
        with self._lock:
            thread = None if self._wanted() else self._thread
        if thread is not None:
            thread.join(timeout=1.0)

    def _wanted(self) -> bool:
        return any(not engine.ended for engine in self._engines)

    def _run(self) -> None:
        last = sampled = time.monotonic()
        while True:
            self._wake.clear()  # before the look: an end that is told after it wakes
            with self._lock:
                if not self._wanted():
                    self._thread = None
                    return
            self._wake.wait(_TICK)
            now = time.monotonic()
            late, last = now - last > _TICK + _LATE, now
            self.tick(now, _branches(), late=late)
            if now - sampled >= 2 * _TICK:
                sampled = now
                sample_all()

    def tick(self, now: float, branches: Iterable[Branch], *, late: bool = False) -> None:
        """Ask the loops of ``branches`` for a sign of life, and name who keeps one from answering.

        ``late``: this process stood still, so nothing can be said of its loops.
        """
        by_loop: dict[asyncio.AbstractEventLoop, list[Branch]] = {}
        for branch in branches:
            for loop in () if branch.gone else (branch.loop, *branch.loops):
                if loop.is_running():
                    by_loop.setdefault(loop, []).append(branch)
        for loop in [each for each in self._pulses if not each.is_running()]:
            self._over(self._pulses.pop(loop), ended=True)
        for loop, theirs in by_loop.items():
            pulse = self._pulses.setdefault(loop, _Pulse())
            asked = pulse.asked
            if not asked:
                self._over(pulse)
                pulse.ask(loop, now)
            elif late and pulse.stall is None:
                pulse.asked = now
            elif now - asked >= PATIENCE and pulse.stall is None:
                pulse.stall = _blame(pulse.thread or _thread(loop, theirs), asked, theirs)
                self.episodes += 1
                self._tell(pulse.stall, pulse.stall.describe(now))
        self.stalls = tuple(stall for loop in by_loop if (stall := self._pulses[loop].stall) is not None)

    def _over(self, pulse: _Pulse, *, ended: bool = False) -> None:
        stall, pulse.stall = pulse.stall, None
        if stall is not None:
            name = stall.node or "a loop of users' graphs"
            after = f"went on after {pulse.came - stall.since:.1f} s"
            self._tell(stall, f"{name}: its loop has ended" if ended else f"{name} {after}")

    def _tell(self, stall: Stall, text: str) -> None:
        """Write in the cell that made the branch: by a copy of its context, for that itself is in use."""
        context = Context() if stall.branch is None else stall.branch.context.copy()
        context.run(running.tell, f"kucoin_stream: {text}\n")


def _branches() -> list[Branch]:  # a function of its own: while the thread sleeps, it must hold nothing
    return [each for each, _ in living("branch")]


def _thread(loop: asyncio.AbstractEventLoop, branches: list[Branch]) -> int:
    """Return the thread of a loop that has never answered, as far as a branch knows it."""
    return next(filter(None, (branch.loops.get(loop, branch.thread) for branch in branches)), 0)


def _blame(thread: int, asked: float, branches: list[Branch]) -> Stall:
    """Find out who holds the loop of ``branches``, which runs in ``thread``."""
    holder = next((branch for branch in branches if branch.since), None)
    culprit = of_thread(sys._current_frames().get(thread)) if thread else Culprit(None, "", 0)
    node: Any = culprit.node or (holder.node if holder else None)
    branch = (branch_of(culprit.node) if culprit.node is not None else None) or holder
    since = asked if branch is None or not branch.since else branch.since
    made = origin(branch) if branch is not None else None
    feed = getattr(branch.source, "title", "") if branch is not None else ""
    return Stall("" if node is None else str(node), culprit.line, feed, made.cell if made else "", since, branch)


def stalled() -> list[str]:
    """Say what stalls now in this process, for people."""
    now = time.monotonic()
    return [stall.describe(now) for stall in watchdog.stalls]


watchdog = Watchdog()
"""The one of this process. Nothing runs until there is a source."""
