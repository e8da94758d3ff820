"""A bounded inbox between the loop thread and one reader that lives on a loop of its own.

The loop thread appends a list per socket read and wakes the reader only when it sleeps. Hand-over without a lock: the
deque's single operations are atomic, ``_awake`` is written by both sides but in an order that can wake the reader once
too often, never once too little.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from kucoin_stream.protocol.events import Gap, News
from kucoin_stream.protocol.topics import Overflow


class Inbox(ABC):
    """The way of one reader. ``put`` runs on the loop thread, the reader on ``loop``."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        post: Callable[..., None],
        *,
        topic: str,
        limit: int,
        overflow: Overflow,
        news: bool,
    ) -> None:
        self.dropped = 0  # messages that the overflow policy left out
        self.peak = 0  # most messages that ever waited
        self.received = 0  # messages handed on
        self.wants_news = news
        self.loop = loop
        self._topic = topic
        self._limit = limit
        self._overflow = overflow
        self._inbox: deque[Any] = deque()  # the loop thread only appends, the reader only pops
        self._full = False  # then new messages are held back, in what follows
        self._missed = 0
        self._news: list[News] = []
        self._latest: dict[Any, Any] = {}  # by symbol
        self._post = post
        self._awake = False
        self._left = False

    @property
    def gone(self) -> bool:
        """Whether nobody reads any more."""
        return self._left

    @property
    def waiting(self) -> int:
        """How many messages wait for the reader."""
        return len(self._inbox)

    def leave(self) -> None:
        """Hand the reader no more, not even what waits for it. Safe from any thread."""
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
            self._extend(messages)
        self.peak = max(self.peak, len(inbox))
        self._rouse()

    def _extend(self, messages: Sequence[Any]) -> None:
        self._inbox.extend(messages)

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
        self._extend(held)
        self.peak = max(self.peak, len(self._inbox))
        self._rouse()

    def _rouse(self) -> None:
        if not self._awake and self._inbox:
            self._awake = True
            try:
                self.loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the reader's loop was closed: nobody will ever read this
                self.leave()
                self._inbox.clear()

    # -- the reader's loop ---------------------------------------------------------------------------------------

    @abstractmethod
    def _wake(self) -> None:
        """Begin to read."""

    def _next(self) -> bool:
        """Whether there is a message; if not, the next ``put`` wakes the reader again."""
        if not self._inbox:
            self._awake = False
            if not self._inbox:  # what was put before that line is seen here, what comes after wakes again
                return False
            self._awake = True
        return True
