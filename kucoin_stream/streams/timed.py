"""A node that hands on at times of its own."""

from __future__ import annotations

import asyncio
import logging
import weakref
from contextlib import suppress
from typing import Any

from streamz import Stream
from tornado import gen

from kucoin_stream.streams.branch import unfinished
from kucoin_stream.streams.mended import branch_of

logger = logging.getLogger(__name__)


class Timed(Stream):  # type: ignore[misc]  # streamz is not typed
    """Has one timer at most, none while nothing waits, and none that keeps it alive. Lives on streamz's loop.

    What is raised behind it costs its own message. What a slow node behind it has not taken yet is in
    :attr:`pending`: an ``update`` that returns this makes the branch wait, and its inbox is where the policy applies.
    """

    _timer: asyncio.TimerHandle | None = None

    def __init__(self, upstream: Stream, **kwargs: Any) -> None:
        self._given: list[asyncio.Future[Any]] = []
        super().__init__(upstream, ensure_io_loop=True, **kwargs)

    def __del__(self) -> None:
        if self._timer is not None:
            with suppress(RuntimeError):  # the loop was closed
                self.loop.asyncio_loop.call_soon_threadsafe(self._timer.cancel)

    def due(self) -> None:
        """Do what the timer was for."""
        raise NotImplementedError

    @property
    def pending(self) -> list[asyncio.Future[Any]]:
        """What was handed on and is not finished."""
        self._given = [each for each in self._given if not each.done()]
        return self._given

    def wake(self, delay: float) -> None:
        """Have :meth:`due` called in ``delay`` seconds, unless it will be anyhow."""
        if self._timer is None:
            loop: asyncio.AbstractEventLoop = self.loop.asyncio_loop
            self._timer = loop.call_later(delay, _due, weakref.ref(self))

    def hand_on(self, message: Any) -> None:
        """Give a message to the nodes behind this one."""
        branch = branch_of(self)
        if branch is not None:
            self._given += branch.emit(self._emit, message, None)
            return
        try:
            waits = unfinished(self._emit(message))
        except Exception:  # a stream without a feed: nobody else would say it
            logger.exception("%s: a node behind it raised", self)
            return
        self._given += [gen.convert_yielded(each) for each in waits]


def _due(ref: weakref.ref[Timed]) -> None:
    node = ref()
    if node is not None:
        node._timer = None
        if node.upstreams:  # a destroyed one that a variable holds has none
            node.due()
