"""``partition_by``: the messages of each symbol in batches of their own, many on their way at once, each in order.

Made for work on other cores or machines::

    from distributed import Client as Cluster
    cluster = Cluster()                                     # before the next line
    done = trades.partition_by("symbol", batch="200ms").scatter().map(f).gather().sink(print)

``f`` is called with a list, or a DataFrame, of messages of one symbol; what it returns comes out in the order of that
symbol's messages, and symbols do not wait for each other. A worker that dies costs nothing: Dask runs its batches again
on another one, so ``f`` may see a batch twice, its results come once.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Literal

from streamz import Stream

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.gathered import Gatherer
from kucoin_stream.protocol.events import News
from kucoin_stream.streams.moments import reader, seconds, symbol_of
from kucoin_stream.streams.timed import Timed


class partition_by(Timed):  # noqa: N801  the name of the method on Stream
    """Hand on what came in ``batch`` seconds (or ``"200ms"``), a list or ``to="frame"`` a DataFrame for each ``key``.

    ``key``: a field, or a function of a message: with ``lambda t: crc32(t.symbol.encode()) % 8`` there are 8 partitions
    of many symbols, for a task of Dask costs about a millisecond. Of each partition one batch at most is on its way,
    and ``ahead`` of all; meanwhile the next one grows. Where ``limit`` messages wait, the feed's inbox holds the
    others, and then its policy applies. News of the feed goes into the list of its symbol, or of each partition.
    Raises :class:`UsageError` where an argument cannot be.
    """

    def __init__(
        self,
        upstream: Stream,
        key: str | Callable[[Any], Any] = "symbol",
        batch: float | str | timedelta = 0.2,
        to: Literal["list", "frame"] = "list",
        *,
        limit: int = 10_000,
        ahead: int = 32,
        **kwargs: Any,
    ) -> None:
        if to not in ("list", "frame") or limit < 1 or ahead < 1:
            raise UsageError(f"to={to!r}, limit={limit}, ahead={ahead}: list or frame; one at least")
        self.interval = seconds(batch)
        self.limit = limit
        self.ahead = ahead
        self.waiting = 0  # messages
        self._key = symbol_of if key == "symbol" else reader(key)
        self._frames = to == "frame"
        self._gatherers: dict[Any, Gatherer] = {}  # by key
        self._messages: dict[Any, list[Any]] = {}  # by key
        self._ripe: dict[Any, None] = {}  # keys whose batch is to go, in order
        self._away: dict[Any, list[asyncio.Future[Any]]] = {}  # by key, what its batch on the way waits for
        self._keys: dict[Any, None] = {}  # all there ever were
        self._room: asyncio.Future[None] | None = None
        super().__init__(upstream, **kwargs)

    @property
    def away(self) -> int:
        """How many batches are on their way."""
        return len(self._away)

    def scatter(self, **kwargs: Any) -> Any:
        """Send each batch to Dask's default client: streamz's ``scatter``.

        Behind it, ``map(f)`` runs on workers, and ``gather()`` brings results back. Raises :class:`UsageError` without
        Dask or a client of it.
        """
        from kucoin_stream.streams.scattered import scatter

        return scatter(self, **kwargs)

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002  streamz's signature
        """Keep a message until its batch goes."""
        for key in self._places(x):
            self._messages.setdefault(key, []).append(x)
            self.waiting += 1
        if self.waiting >= self.limit:
            self.due()
        elif self._messages:
            self.wake(self.interval)
        if self.waiting < self.limit:
            return []
        if self._room is None:
            self._room = asyncio.get_running_loop().create_future()
        return self._room

    def _places(self, message: Any) -> list[Any]:
        if not isinstance(message, News):
            key = self._key(message)
            self._keys[key] = None
            return [key]
        if self._frames:
            return []
        symbol = message.topic.partition(":")[2].partition("_")[0]
        return [symbol] if symbol in self._keys else list(self._keys)

    def due(self) -> None:
        """Have all go that waits."""
        self._ripe.update(dict.fromkeys(self._messages))
        self._go()

    def _go(self) -> None:
        for key in [key for key in self._ripe if key not in self._away]:
            if len(self._away) >= self.ahead:
                break
            del self._ripe[key]
            self._give(key)
        if self._room is not None and self.waiting < self.limit:
            self._room.set_result(None)
            self._room = None
        if self._messages.keys() - self._ripe:
            self.wake(self.interval)

    def _give(self, key: Any) -> None:
        messages = self._messages.pop(key)
        self.waiting -= len(messages)
        before = len(self.pending)
        self.hand_on((key, messages))
        if tasks := self._given[before:]:
            self._away[key] = tasks
            for task in tasks:
                task.add_done_callback(partial(_came, weakref.ref(self), key))

    def _emit(self, x: Any, metadata: Any = None) -> Any:  # noqa: ARG002  those of single messages
        key, messages = x
        about = [{"partition": key, "messages": len(messages)}]
        if self._frames:
            messages = self._gatherers.setdefault(key, Gatherer()).frame(messages)
        return super()._emit(messages, metadata=about)

    def came(self, key: Any) -> None:
        """Let the next batch of a partition go, now that the one before has come back."""
        if all(each.done() for each in self._away.get(key, ())):
            self._away.pop(key, None)
            self._go()


def _came(ref: weakref.ref[partition_by], key: Any, _: object) -> None:
    if (node := ref()) is not None:
        node.came(key)
