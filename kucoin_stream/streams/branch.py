"""From the loop thread to streamz's loop: one bounded inbox and one pump per direct child of a source.

The loop thread appends a list per socket read and wakes the pump only when it sleeps. The pump runs on streamz's loop
and awaits its own branch only, so that back-pressure (``rate_limit``, ``delay``, ``buffer``) ends here, and siblings
run at full rate. An exception costs its own message.

Hand-over without a lock: the deque's single operations are atomic, ``_awake`` is written by both sides but in an order
that can wake the pump once too often, never once too little, and only the pump's own thread starts a pump.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from inspect import isawaitable
from typing import Any

from streamz import Stream
from streamz.core import thread_state
from tornado import gen

from kucoin_stream.protocol.events import Gap, News
from kucoin_stream.protocol.topics import Overflow

# What a user's node may raise without ending more than its message: sys.exit() and a cancelled await among them.
_USERS_ERRORS = (Exception, asyncio.CancelledError, SystemExit)
_TURN = 200  # messages before the pump lets others on its loop have a turn


class Branch:
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
        self.dropped = 0  # messages that the overflow policy left out
        self.errors = 0  # messages that an exception in the user's graph cost
        self.peak = 0  # most messages that ever waited
        self.wants_news = news
        self._node = weakref.ref(node)
        self._source = weakref.ref(source)
        self._topic = topic
        self._limit = limit
        self._overflow = overflow
        self._inbox: deque[Any] = deque()  # the loop thread only appends, the pump only pops
        self._full = False  # then new messages are held back, in what follows
        self._missed = 0
        self._news: list[News] = []
        self._latest: dict[Any, Any] = {}  # by symbol
        self._post = post
        self._awake = False
        self._pumping = False
        self._left = False
        self._loop: asyncio.AbstractEventLoop = source.loop.asyncio_loop
        self._context = contextvars.copy_context()  # of the cell: output appears there
        _quiet_streamz()

    @property
    def gone(self) -> bool:
        """Whether the child no longer exists, or has left its source."""
        return self._left or self._node() is None

    def leave(self) -> None:
        """Hand the child no more, not even what waits for it. Safe from any thread."""
        self._left = True

    # -- loop thread ---------------------------------------------------------------------------------------------

    def put(self, messages: Sequence[Any]) -> None:
        """Take the messages of one socket read; hold them back where the inbox is full."""
        inbox = self._inbox
        if self._full or len(inbox) + len(messages) > self._limit:
            self._full = True
            self._hold(messages)
            self.refill()
        else:
            inbox.extend(messages)
        self.peak = max(self.peak, len(inbox))
        self._rouse()

    def _hold(self, messages: Sequence[Any]) -> None:
        for message in messages:
            if isinstance(message, News):
                self._news.append(message)
            elif self._overflow == "conflate":
                symbol = getattr(message, "symbol", None)
                self.dropped += symbol in self._latest
                self._latest[symbol] = message
            else:
                self.dropped += 1
                self._missed += 1

    def refill(self) -> None:
        """Put what was held back behind the rest, once half of the inbox is free: first the hole, then the news."""
        if not self._full or len(self._inbox) > self._limit // 2:
            return
        held: list[Any] = [*self._news, *self._latest.values()]
        if self._missed and self.wants_news:
            held.insert(0, Gap(self._topic, "the reader was too slow", self._missed))
        self._full, self._missed = False, 0
        self._news.clear()
        self._latest.clear()
        self._inbox.extend(held)
        self._rouse()

    def _rouse(self) -> None:
        if not self._awake and self._inbox:
            self._awake = True
            try:
                self._loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # streamz's loop was closed: nobody will ever read this
                self._inbox.clear()

    # -- streamz's loop ------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._task = self._loop.create_task(self._pump(), context=self._context)

    async def _pump(self) -> None:
        left = _TURN
        try:
            while self._next():
                left, waits = self._hand_on(left)
                for each in waits:
                    await self._finish(each)
                if left <= 0:
                    await asyncio.sleep(0)
                    left = _TURN
        finally:
            self._pumping = self._awake = False  # one wake-up too many does no harm
        if self._full:
            self._post(self.refill)

    def _next(self) -> bool:
        """Whether there is a message; if not, the next ``put`` wakes the pump again."""
        if not self._inbox:
            self._awake = False
            if not self._inbox:  # what was put before that line is seen here, what comes after wakes again
                return False
            self._awake = True
        return True

    def _hand_on(self, most: int) -> tuple[int, list[Any]]:
        """Give the child up to ``most`` messages, until one has to be waited for; return how many are left, and it."""
        node, source, inbox = self._node(), self._source(), self._inbox
        if node is None or source is None or self._left:
            inbox.clear()
            return most, []
        update = node.update
        thread_state.asynchronous = _here.pumping = True  # emit() inside the graph must not wait for this very loop
        try:
            while inbox and most > 0 and not self._left:
                most -= 1
                try:
                    result = update(inbox.popleft(), who=source, metadata=[])
                except _USERS_ERRORS as exc:
                    self._failed(exc)
                    continue
                if type(result) is list and not result:  # almost always
                    continue
                results = result if isinstance(result, list) else [result]
                if waits := [each for each in results if isinstance(each, list) or isawaitable(each)]:
                    return most, waits
        finally:
            thread_state.asynchronous = _here.pumping = False
        return most, []

    async def _finish(self, result: Any) -> None:
        try:
            await gen.convert_yielded(result)
        except _USERS_ERRORS as exc:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise  # it is the pump that is being ended
            self._failed(exc)

    def _failed(self, exc: BaseException) -> None:
        self.errors += 1
        if self.errors == 1:
            node = self._node()
            sys.stderr.write(f"{self._topic}: {node} raised; later errors of this branch are only counted\n")
            traceback.print_exception(exc)


_here = threading.local()


class _Quiet(logging.Filter):
    """streamz logs a traceback for every message a node raises on; the branch says it once."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        """Pass what does not come from under a pump."""
        return not getattr(_here, "pumping", False)


def _quiet_streamz() -> None:
    logger = logging.getLogger("streamz.core")
    if not any(isinstance(each, _Quiet) for each in logger.filters):
        logger.addFilter(_Quiet())
