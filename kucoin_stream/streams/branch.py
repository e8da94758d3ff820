"""From the loop thread to streamz's loop: one bounded inbox and one pump per direct child of a source.

The pump runs on streamz's loop and awaits its own branch only, so that back-pressure (``rate_limit``, ``delay``,
``buffer``) ends here, and siblings run at full rate. An exception costs its own message. Only the pump's own thread
starts a pump.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import weakref
from collections.abc import Callable
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
from kucoin_stream.transport.latency import Samples

_TURN = 200  # messages before the pump lets others on its loop have a turn


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
        self.queued = Samples()  # from waking the pump until it takes the first message
        self.taken = Samples()  # what the user's graph needs for what it is given in one go
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
    def source(self) -> Stream | None:
        """The source, while it exists."""
        return self._source()

    # -- streamz's loop ------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._task = self.loop.create_task(self._pump(), context=self.context)

    async def _pump(self) -> None:
        left = _TURN
        self.thread = threading.get_ident()
        self.queued.add(monotonic() - self._roused)
        try:
            while self._next():
                left, waits = self._hand_on(left)
                if waits:
                    self._waits = waits
                    await (self.finish(waits[0]) if len(waits) == 1 else asyncio.gather(*map(self.finish, waits)))
                    self._waits = []
                if left <= 0:
                    await asyncio.sleep(0)
                    left = _TURN
        finally:
            self._pumping = self._awake = False  # one wake-up too many does no harm
        if self._full:
            self._post(self.refill)

    def _orphaned(self, _: object) -> None:
        """End a pump that waits for a queue which went with its node, not for a user's coroutine."""

        def end() -> None:
            if self._waits and all(type(each) is asyncio.Future for each in self._waits):
                self._task.cancel()

        with suppress(RuntimeError):  # the loop was closed
            self.loop.call_soon_threadsafe(end)

    def _hand_on(self, most: int) -> tuple[int, list[Any]]:
        """Give the child up to ``most`` messages, until one has to be waited for; return how many are left, and it."""
        node, source, inbox = self._node(), self._source(), self._inbox
        if node is None or source is None or self._left:
            inbox.clear()
            return most, []
        update, before, ran = node.update, most, running.enter(self)
        self.since = monotonic()
        try:
            while inbox and most > 0 and not self._left:
                most -= 1
                try:
                    result = update(inbox.popleft(), who=source, metadata=[])
                except GeneratorExit:
                    raise
                except BaseException as exc:  # noqa: BLE001  sys.exit() and a cancelled await among them
                    self.failed(exc)
                    continue
                if type(result) is list and not result:  # almost always
                    continue
                if waits := unfinished(result):
                    return most, waits
        finally:
            took, self.since = monotonic() - self.since, 0.0
            self.taken.add(took)
            self.busy += took
            self.received += before - most
            running.leave(ran)
        return most, []

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
