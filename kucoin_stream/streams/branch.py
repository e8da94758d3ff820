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
from collections.abc import Sequence
from inspect import isawaitable
from typing import Any

from streamz import Stream
from streamz.core import thread_state
from tornado import gen

from kucoin_stream.protocol.events import Gap
from kucoin_stream.protocol.topics import Overflow

_TURN = 200  # messages before the pump lets others on its loop have a turn


class Branch:
    """The way of one child. ``put`` runs on the loop thread, the pump on streamz's."""

    def __init__(self, node: Stream, source: Stream, *, topic: str, limit: int, overflow: Overflow, news: bool) -> None:
        self.dropped = 0  # messages that the overflow policy left out
        self.errors = 0  # messages that an exception in the user's graph cost
        self.peak = 0  # most messages that ever waited
        self.wants_news = news
        self.last_error: BaseException | None = None
        self._node = weakref.ref(node)
        self._source = weakref.ref(source)
        self._topic = topic
        self._limit = limit
        self._overflow = overflow
        self._inbox: deque[Any] = deque()
        self._awake = False
        self._pumping = False
        self._loop: asyncio.AbstractEventLoop = source.loop.asyncio_loop
        self._context = contextvars.copy_context()  # of the cell: output appears there
        _quiet_streamz()

    @property
    def gone(self) -> bool:
        """Whether the child no longer exists."""
        return self._node() is None

    # -- loop thread ---------------------------------------------------------------------------------------------

    def put(self, messages: Sequence[Any]) -> None:
        """Take the messages of one socket read."""
        inbox = self._inbox
        inbox.extend(messages)
        size = len(inbox)
        if size > self.peak:
            self.peak = size
        if size > self._limit:
            self._shorten()
        if not self._awake:
            self._awake = True
            self._loop.call_soon_threadsafe(self._wake)

    def _shorten(self) -> None:
        messages: list[Any] = []
        while self._inbox:
            try:
                messages.append(self._inbox.popleft())
            except IndexError:  # the pump took the last one
                break
        kept = self._kept(messages)
        self.dropped += len(messages) - sum(not isinstance(message, Gap) for message in kept)
        self._inbox.extend(kept)

    def _kept(self, messages: list[Any]) -> list[Any]:
        match self._overflow:
            case "conflate":
                return list({getattr(message, "symbol", None): message for message in messages}.values())
            case "mark":
                kept = messages[len(messages) // 2 :]
            case "resync":
                kept = []
        gap = Gap(self._topic, "the reader was too slow", len(messages) - len(kept))
        return [gap, *kept] if self.wants_news else kept

    # -- streamz's loop ------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._task = self._loop.create_task(self._pump(), context=self._context)

    async def _pump(self) -> None:
        turn = 0
        while True:
            try:
                message = self._inbox.popleft()
            except IndexError:
                self._awake = False
                if not self._inbox:  # what was put before that line is seen here, what comes after wakes again
                    self._pumping = False
                    return
                self._awake = True
                continue
            node, source = self._node(), self._source()
            if node is None or source is None:
                self._inbox.clear()
                continue
            await self._update(node, source, message)
            turn += 1
            if turn % _TURN == 0:
                await asyncio.sleep(0)

    async def _update(self, node: Stream, source: Stream, message: Any) -> None:
        thread_state.asynchronous = _here.pumping = True  # emit() inside the graph must not wait for this very loop
        try:
            result = node.update(message, who=source, metadata=[])
        except Exception as exc:  # noqa: BLE001  a user's node: counted, shown once, and only this message is lost
            self._failed(exc)
            return
        finally:
            thread_state.asynchronous = _here.pumping = False
        if result:
            await self._settle(result)

    async def _settle(self, result: Any) -> None:
        for each in result if isinstance(result, list) else [result]:
            try:
                if isawaitable(each) or isinstance(each, list):
                    await gen.convert_yielded(each)
            except Exception as exc:  # noqa: BLE001  a user's node, later
                self._failed(exc)

    def _failed(self, exc: BaseException) -> None:
        self.errors += 1
        self.last_error = exc
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
