"""Keeps one order book on the loop thread: what its sync asks for is done here, and the other kind of book at need."""

from __future__ import annotations

import asyncio
import logging
from copy import deepcopy
from typing import Any, assert_never

from msgspec import Struct

from kucoin_stream.errors import KucoinStreamError, NotReadyError, RemoteProtocolError, StoppedError
from kucoin_stream.frames.audit import Audit
from kucoin_stream.frames.auditor import Auditor
from kucoin_stream.frames.bookmoment import BookMoment, Problems
from kucoin_stream.frames.kept import Keeper
from kucoin_stream.market.book import OrderBook, Top
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.bookfeeds import BookFeed
from kucoin_stream.protocol.booksync import Action, BookGap, Pushed, RequestSnapshot, Restart, Resubscribe
from kucoin_stream.protocol.events import Gap
from kucoin_stream.protocol.messages.rest import BookSnapshot
from kucoin_stream.protocol.messages.spot import BookDelta
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.gaps import Hole

PATIENCE = 10.0  # seconds without a right book; a Pro snapshot was seen to take 6.2; protocol.md 5.6

log = logging.getLogger("kucoin_stream")

RIGHT = frozenset({"live", "partial"})
"""The states in which a book is right: whole, or right as far as it goes."""


class BookState(Struct, frozen=True, gc=False):
    """What is published of a book after each socket read, readable from any thread."""

    status: str
    top: Top = Top()
    updates: int = 0


class BookKeeper(Keeper):
    """Keeps one book from snapshot and increments. ``state`` and ``note`` may be read from any thread.

    Where the book of ``feed`` cannot be had, at first or for :data:`PATIENCE` seconds, it goes over to ``instead``.
    """

    def __init__(
        self, engine: Engine, symbol: str, feed: BookFeed, instead: BookFeed | None = None, note: str = ""
    ) -> None:
        super().__init__(engine, topics.find(feed.topic).wire(symbol))
        self.symbol = symbol
        self.feed = feed
        self.note = note
        self._instead = instead
        self._waiting: asyncio.TimerHandle | None = None
        self.state = BookState("syncing")
        self.taps: list[list[Pushed]] = []  # an audit's
        self.restarts = 0
        self.auditor = Auditor(self, self._begin_anew)
        self._former: tuple[str, ...] = ()  # topics that it was kept from before
        self._right = False
        self.gaps = 0
        self.snapshots = 0
        self._loop = asyncio.get_running_loop()
        self._sync = feed.sync()
        self._book = OrderBook()
        self._updates = 0
        self._problems = Problems()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._join()

    def _join(self) -> None:
        self._engine.pool.attach([self.topic], self)
        if self._engine.pool.active(self.topic):
            self._perform(self._sync.joined(self._loop.time()))
        self._wait()

    def close(self) -> None:
        """Leave the pool, and fetch nothing more."""
        super().close()
        self._closed = True
        self._cancel()
        self.auditor.close()
        self._engine.pool.gaps.heal("book", self.topic, "nobody keeps it")

    def _cancel(self) -> None:
        self._stop_waiting()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()

    def copy(self, depth: int | None = None) -> Any:
        """Return plain copies of the ``depth`` best levels; turn them into arrays elsewhere."""
        return self._book.copy(depth)

    def holes(self) -> list[Hole]:
        """Return when the book was not followed, oldest first, whichever topic it was kept from."""
        rows = self._engine.pool.gaps.rows
        return [row for topic in (*self._former, self.topic) for row in rows(topic, "book")]

    # -- audits (Audited) ----------------------------------------------------------------------------------------

    def _begin_anew(self, found: Audit) -> None:
        self._spoiled(f"an audit: {found!r}")
        self._publish()

    async def fetch(self) -> BookSnapshot:
        """Fetch a snapshot; raises as :meth:`Engine.book`."""
        return await self._engine.book(self.feed, self.symbol)

    def started(self, snapshot: BookSnapshot) -> OrderBook:
        """Return the book that begins with a snapshot."""
        known, book = self.feed.known(signed=self._signed), OrderBook()
        book.restart(snapshot, complete=known is None, depth=known)
        return book

    def window(self) -> int | None:
        """How many levels a side the changes speak of at most; ``None``: all."""
        return self.feed.levels if self.feed.snapshots == "stream" else None

    @property
    def whole(self) -> OrderBook:
        """The book; raises :class:`NotReadyError` where it is not right, :class:`StoppedError` once nobody keeps it."""
        if self._closed:
            raise StoppedError(f"the book of {self.symbol} is stopped")
        if (status := self._status()) not in RIGHT:
            raise NotReadyError(f"the book of {self.symbol} is not right: {status}")
        return self._book

    # -- the moments of a tape -----------------------------------------------------------------------------------

    def remember(self) -> BookMoment | None:
        """Return what brings it back to this moment; ``None`` while a snapshot is being fetched."""
        if self._tasks:
            return None
        counted = self._updates, self.gaps, self.snapshots
        return BookMoment(deepcopy(self._sync), deepcopy(self._book), deepcopy(self._problems), counted)

    def recall(self, state: BookMoment) -> None:
        """Be as at the moment of ``state``. The kind of book stays: it is the one that is on the tape."""
        self._cancel()
        self._instead = None
        self.pending = []
        self._sync, self._book, self._problems = deepcopy((state.sync, state.book, state.problems))
        self._updates, self.gaps, self.snapshots = state.counted
        self.restarts += 1
        self._arm()
        self._publish()

    def forget(self) -> None:
        """Know nothing any more."""
        self.recall(BookMoment(self.feed.sync(), OrderBook(), Problems()))

    def flush(self) -> None:
        """Apply the changes of one socket read, and publish what they made of the book."""
        deltas, self.pending = self.pending, []
        if deltas:
            self._take(deltas)
        if self._book.partial and self._book.running_out:
            self._perform(self._sync.refresh())
        self._publish()
        if self.inlet.pending:
            self.inlet.flush()

    def _take(self, payloads: list[Any]) -> None:
        read = self.feed.read
        if read is None:
            self._follow(payloads)
            return
        deltas: list[Pushed] = []
        for payload in payloads:
            try:
                deltas.append(read(payload))
            except RemoteProtocolError as exc:
                self._follow(deltas)
                deltas = []
                self._engine.pool.failed(exc)
                self._perform(self._sync.lost(str(exc), self._loop.time()))
        self._follow(deltas)

    def _follow(self, deltas: list[Any]) -> None:
        inlet = self.inlet
        for tap in self.taps:
            tap += deltas
        if not (inlet.tables or inlet.branches):  # nobody wants to hear of every single change
            simple = self._sync.follow(deltas)
            self._updates += simple
            if simple == len(deltas):
                self._book.apply(deltas)
                return
            self._book.apply(deltas[:simple])
            deltas = deltas[simple:]
        for delta in deltas:
            for action in self._sync.receive(delta, self._loop.time()):
                self._act(action)
        if self._sync.sequence is None:
            self._arm()

    def _disconnected(self, reason: str) -> None:
        self._sync.disconnected()
        self._problems.trouble = f"{'syncing' if self._book.sequence is None else 'stale'}: {reason}"
        if self._book.sequence is None:
            self._go_over(reason)
        else:
            self._wait()

    def _connected(self) -> None:
        self._sync.connected(self._loop.time())
        if not self.restarts:  # its turn may have come late, as one of many
            self._stop_waiting()
            self._wait()
        self._problems.refused = ""
        if self._problems.trouble:
            self._problems.trouble = "" if self._book.sequence is None else "resyncing"
        self._arm()

    def _spoiled(self, reason: str) -> None:
        self._perform(self._sync.lost(reason, self._loop.time()))

    def _refuse(self, status: str) -> None:
        self._problems.refused = status
        self._go_over(status)

    # -- the other kind of book ----------------------------------------------------------------------------------

    def _wait(self) -> None:
        if self._instead is not None and self._waiting is None:
            self._waiting = self._loop.call_later(PATIENCE, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _lose_patience(self) -> None:
        self._waiting = None
        if self._engine.pool.held_back(self.topic):
            self._wait()  # its turn has not come
        elif not self._sync.live:
            status = self._status()
            self._go_over(f"no snapshot came within {PATIENCE:g} s" if status == "syncing" else status)

    def _go_over(self, why: str) -> None:
        """Keep the other kind of book from here on, if there is one."""
        feed, self._instead = self._instead, None
        if feed is None or self._closed:
            return
        self.note = f"{describe(feed, signed=self._signed)}, for {describe(self.feed)} is not to be had: {why}"
        log.warning("book of %s: %s", self.symbol, self.note)
        self._cancel()
        self._engine.pool.detach([self.topic], self)
        self.pending = []
        self._change_topic(topics.find(feed.topic).wire(self.symbol), f"went over to {feed.topic}")
        self.feed = feed
        self._sync, self._book, self._problems = feed.sync(), OrderBook(), Problems()
        self._join()
        self._publish()

    def _change_topic(self, topic: str, why: str) -> None:
        """Be kept from another topic; a gap of the book goes on there until its levels are known again."""
        gaps = self._engine.pool.gaps
        gaps.heal("book", self.topic, why)
        self._former, self.topics = (*self._former, self.topic), (topic,)
        if self.restarts:
            gaps.begin("book", topic, why)

    # -- what the sync asks for ----------------------------------------------------------------------------------

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            self._act(action)
        self._arm()

    def _act(self, action: Action) -> None:
        match action:
            case BookDelta():
                self._book.apply([action])
                self._changed()
            case RequestSnapshot(ticket=ticket):
                self._fetch(ticket)
            case Resubscribe():
                self._engine.pool.renew([self.topic])
            case Restart(snapshot=snapshot):
                before, self._book = self._book.sequence, self.started(snapshot)
                missed = None if before is None else max(0, snapshot.sequence - before)
                self._engine.pool.gaps.heal("book", self.topic, f"snapshot {snapshot.sequence}", missed)
                self.restarts += 1
                self._problems.trouble = self._problems.snapshot = ""
                self._changed()
            case BookGap(reason=reason, missed=missed):
                self.gaps += 1
                self._problems.trouble = f"resyncing: {reason}"
                self._engine.pool.gaps.begin("book", self.topic, reason, missed)
                self.inlet.news(Gap(self.topic, reason, missed))
            case never:
                assert_never(never)

    def _changed(self) -> None:
        self._updates += 1
        if self.inlet.wanted:
            self.inlet.pending.append(self._book.top())

    @property
    def _signed(self) -> bool:
        return self._engine.signed

    def _fetch(self, ticket: int) -> None:
        self.snapshots += 1
        task = self._loop.create_task(self._snapshot(ticket))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _snapshot(self, ticket: int) -> None:
        try:
            snapshot = await self.fetch()
        except KucoinStreamError as exc:
            self._problems.snapshot = str(exc)
            self._sync.snapshot_failed(ticket, self._loop.time())
            self._arm()
        else:
            self._perform(self._sync.receive_snapshot(snapshot, ticket, self._loop.time()))
        self.flush()

    def _arm(self) -> None:
        due = self._sync.next_tick()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None and not self._closed:
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._perform(self._sync.tick(self._loop.time()))
        self._publish()

    def _publish(self) -> None:
        top = self._book.top()
        if top.crossed and self._sync.live:
            self._perform(self._sync.lost("crossed book", self._loop.time()))
        status = self._status()
        if (status in RIGHT) is not self._right:
            self._right = not self._right
            self._turned(status)
        self.state = BookState(status, top, self._updates)

    def _turned(self, status: str) -> None:
        """Note that the book is right again, or no more."""
        gaps = self._engine.pool.gaps
        if self._right:
            gaps.heal("book", self.topic, "its levels are known again")
            self._stop_waiting()
        else:
            gaps.begin("book", self.topic, status)
            self._wait()

    def _status(self) -> str:
        return self._problems.status(self._sync, self._book)


def describe(feed: BookFeed, *, signed: bool = False) -> str:
    """Return what a kind of book is, for people."""
    known = feed.levels or feed.known(signed=signed)
    return f"{'Pro' if feed.topic.startswith('pro_') else 'classic'}{f': the best {known} levels' if known else ''}"
