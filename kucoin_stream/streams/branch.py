"""From the loop thread to streamz's loop: one bounded inbox and one pump per direct child of a source.

The pump runs on streamz's loop and awaits its own branch only, so that back-pressure (``rate_limit``, ``delay``,
``buffer``) ends here, and siblings run at full rate. An exception costs its own message. Only the pump's own thread
starts a pump.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from inspect import isawaitable, iscoroutine
from time import monotonic, time_ns
from typing import Any

from streamz import Stream
from tornado import gen

from kucoin_stream.protocol.topics import Overflow
from kucoin_stream.streams import running
from kucoin_stream.streams.failure import Failure, failure
from kucoin_stream.streams.inbox import Inbox
from kucoin_stream.streams.origin import cell, note
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.latency import Samples

_TURN = 0.01  # seconds after which the pump lets others on its loop have a turn
_LOOK = 16  # messages, at most, between two looks at the clock
_LAST = 1.0  # seconds for what waits when nothing more can come
_APART = 0.01  # seconds between two messages whose waiting is timed


class Branch(Inbox):
    """The way of one child. ``put`` runs on the loop thread, the pump on streamz's."""

    def __init__(
        self,
        node: Stream,
        source: Stream,
        post: Callable[..., None],
        *,
        topic: str,
        limit: int,
        overflow: Overflow,
        news: bool,
    ) -> None:
        loop: asyncio.AbstractEventLoop = (node.loop or source.loop).asyncio_loop
        super().__init__(loop, post, topic=topic, limit=limit, overflow=overflow, news=news)
        self.error_count = 0  # messages that an exception in the user's graph cost
        self.busy = 0.0  # seconds for which the user's graph had the thread
        self.since = 0.0  # when it got the thread, on the monotonic clock; 0 while it does not have it
        self.thread = 0  # ident of the pump's thread
        self.loops: dict[asyncio.AbstractEventLoop, int] = {}  # of sinks with threads of their own; ident of each
        self.queued = Samples()  # how long messages waited in the inbox
        self.taken = Samples()  # what the user's graph needs for what it is given in one go
        self._put = 0  # messages that ever came into the inbox
        self._marks: deque[tuple[int, float]] = deque()  # the timed ones: which one it is, and when it came
        self._marked = 0.0
        self._last: list[Callable[[], None]] = []  # to be done once nothing waits
        self.grown = False  # whether there was ever a node behind the child
        self._kind = type(node).__name__
        self._node = weakref.ref(node, self._orphaned)
        self._source = weakref.ref(source)
        self._cell = cell.get()
        self._pumping = False
        self._waits: list[Any] = []  # what the pump waits for
        self.context = contextvars.copy_context()  # of the cell: output appears there
        note(self, "branch")

    @property
    def gone(self) -> bool:
        """Whether the child no longer exists, or has left its source."""
        return self._left or self._node() is None

    @property
    def node(self) -> Stream | None:
        """The child, while it exists."""
        return self._node()

    @property
    def source(self) -> Any:
        """The source, while it exists."""
        return self._source()

    @property
    def engine(self) -> Engine | None:
        """Whose messages come this way."""
        return getattr(self._source(), "_engine", None)

    def waits(self, now: float) -> list[float]:
        """Return for how many seconds the timed messages have waited that still do."""
        return [now - came for _, came in list(self._marks)]

    def last(self, what: Callable[[], None]) -> None:
        """Do ``what`` once nothing waits, after a second at the latest; nothing may come. Safe from any thread."""
        self._last.append(what)
        if self._pumping or self._inbox:
            with suppress(RuntimeError):  # the loop was closed
                self.loop.call_soon_threadsafe(self.loop.call_later, _LAST, self._finish)
        if not (self.loop.is_running() and (self._pumping or self._inbox)):
            self._finish()

    def _finish(self) -> None:
        while self._last:
            with suppress(IndexError):  # the pump and the end of the client may both be here
                self._last.pop()()

    # -- loop thread ---------------------------------------------------------------------------------------------

    def _extend(self, messages: Sequence[Any]) -> None:
        now = monotonic()
        if now - self._marked >= _APART:
            self._marked = now
            self._marks.append((self._put, now))  # before the message itself, which the pump may take at once
        self._put += len(messages)
        self._inbox.extend(messages)

    # -- streamz's loop ------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._task = self.loop.create_task(self._pump(), context=self.context)

    async def _pump(self) -> None:
        end = monotonic() + _TURN
        self.thread = threading.get_ident()
        try:
            while self._next():
                over, waits = self._hand_on(end)
                if waits:
                    self._waits = waits
                    await (self.finish(waits[0]) if len(waits) == 1 else asyncio.gather(*map(self.finish, waits)))
                    self._waits = []
                if over:
                    await asyncio.sleep(0)
                    end = monotonic() + _TURN
        finally:
            self._pumping = self._awake = False  # one wake-up too many does no harm
            self._finish()
        if self._full:
            self._post(self.refill)

    def _orphaned(self, _: object) -> None:
        """End a pump that waits for a queue which went with its node, not for a user's coroutine."""
        if not (self.grown or self.received or self._left or sys.is_finalizing()):
            hint = "so it is gone: name it, or end it with .sink(...)"
            self.context.copy().run(running.tell, f"{self._topic}: nobody held its .{self._kind}(...), {hint}\n")

        def end() -> None:
            if self._waits and all(type(each) is asyncio.Future for each in self._waits):
                self._task.cancel()

        with suppress(RuntimeError):  # the loop was closed
            self.loop.call_soon_threadsafe(end)

    def _hand_on(self, end: float) -> tuple[bool, list[Any]]:
        """Give the child messages until the turn is over, or one has to be waited for: return whether it is, and it.

        ``end`` of the turn is in seconds of the monotonic clock.
        """
        node, source, inbox = self._node(), self._source(), self._inbox
        if node is None or source is None or self._left:
            inbox.clear()
            self._marks.clear()
            return False, []
        waits: list[Any] = []
        update, ran, most = node.update, running.enter(self), 1
        self.since = begin = now = monotonic()
        try:
            while inbox and now < end and not (waits or self._left):
                waits = self._give(update, source, self._unmarked(min(most, len(inbox)), now))
                most = min(2 * most, _LOOK)
                now = monotonic()
        finally:
            self.since = 0.0
            self.taken.add(now - begin)
            self.busy += now - begin
            running.leave(ran)
        return now >= end, waits

    def _unmarked(self, most: int, now: float) -> int:
        """Time the message that is next if it is marked; return how many, of ``most``, come before the next mark."""
        marks, at = self._marks, self.received
        while marks and marks[0][0] <= at:
            self.queued.add(now - marks.popleft()[1])
        return min(most, marks[0][0] - at) if marks else most

    def _give(self, update: Callable[..., Any], source: Stream, most: int) -> list[Any]:
        """Give the child ``most`` messages, which are there, until one has to be waited for; return that."""
        inbox, given = self._inbox, 0
        try:
            for given in range(1, most + 1):  # noqa: B007
                try:
                    result = update(inbox.popleft(), who=source, metadata=[])
                except GeneratorExit:
                    raise
                except BaseException as exc:  # noqa: BLE001  sys.exit() and a cancelled await among them
                    self.failed(exc)
                else:
                    # almost always an empty list
                    if (type(result) is not list or result) and (waits := unfinished(result)):
                        return waits
                if self._left:
                    break
        finally:
            self.received += given
        return []

    async def finish(self, result: Any) -> None:
        """Wait for what a node returned; an exception costs its own message."""
        try:
            await (result if iscoroutine(result) else gen.convert_yielded(result))
        except GeneratorExit:
            raise
        except BaseException as exc:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise  # it is the pump that is being ended
            self.failed(exc)

    def emit(self, emit: Callable[..., Any], message: Any, metadata: Any) -> list[Any]:
        """Have a node of this branch emit from a coroutine of its own, which an exception would end for good."""
        ran = running.enter(self)
        try:
            waits = unfinished(emit(message, metadata))
        except GeneratorExit:
            raise
        except BaseException as exc:  # noqa: BLE001
            self.failed(exc)
            return []
        finally:
            running.leave(ran)
        return [self.loop.create_task(self.finish(each)) for each in waits]

    def failed(self, exc: BaseException) -> None:
        """Count what a node raised; show the first one in the cell that made the branch."""
        running.end_child(exc)
        self.error_count += 1
        count, moment = self.error_count, time_ns()

        def made() -> Failure:
            return failure(exc, self._node(), feed=self._topic, cell=self._cell, time_ns=moment, count=count)

        if count == 1:
            first = made()
            running.tell(
                f"{first.feed}: {first.node} raised; later errors of this branch are only counted\n{first.traceback}"
            )
        if (source := self._source()) is not None:
            source._failed(made)


def unfinished(result: Any) -> list[Any]:
    """Return what has to be waited for of what a node's ``update`` returned."""
    if isinstance(result, list):
        return [each for one in result for each in unfinished(one)]
    return [result] if isawaitable(result) and not _done(result) else []


def _done(each: Any) -> bool:
    return isinstance(each, asyncio.Future) and each.done() and not each.cancelled() and each.exception() is None
