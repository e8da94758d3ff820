"""Keeps a table of the account: the pushes of several topics, joined to what signed calls list.

The topics of one market are on one connection and make one side. A side begins once all its topics are acknowledged:
from there on the stream is complete, and what was before comes from the calls.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import deepcopy
from functools import partial
from typing import Any, Protocol

from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.frames.base import REFUSED
from kucoin_stream.frames.fetching import Fetching, Wait, learn_clock
from kucoin_stream.frames.kept import Kept
from kucoin_stream.market.account.order import Market
from kucoin_stream.protocol.events import Disconnected, Gap, News, Refused, Restarted
from kucoin_stream.transport.engine import Engine

_NOTICED_LATE = 60.0  # seconds between the last message and the news that none comes, at most, and clocks that differ
_LIVE, _SYNCING, _RESYNCING, _STALE, _PARTIAL = "live", "syncing", "resyncing", "stale", "partial"
RIGHT = frozenset({_LIVE, _PARTIAL})
"""States in which the rows are those of the exchange, as far as they go."""
_WORST_FIRST = (_STALE, _SYNCING, _RESYNCING)


class Side:
    """The topics of one market, how they are, and the calls that say what their stream does not."""

    def __init__(self, market: Market, topics: Iterable[str], fetch: Callable[[Side], Awaitable[None]]) -> None:
        self.market: Market = market
        self.topics = frozenset(topics)
        self.active: set[str] = set()
        self.lost: set[str] = set()  # readers of the changes were told
        self.seeded = False
        self.lost_at: float | None = None  # Unix seconds of our clock: from there on something may have gone unseen
        self.refused: dict[str, str] = {}  # why, by topic; replaced, not changed: other threads read it
        self._status = _SYNCING
        self._fetching = Fetching(partial(fetch, self), self._not_fetched)

    @property
    def status(self) -> str:
        """How it is; ``refused`` as long as one of its topics is."""
        return next(iter(self.refused.values()), self._status)

    @status.setter
    def status(self, status: str) -> None:
        self._status = status

    def begin(self) -> None:
        """Make the calls, until they succeed; what those under way would bring is no longer wanted."""
        self.status = self._unfinished
        self._fetching.begin()

    def stop(self, status: str) -> None:
        """Become ``status``, and make no more calls."""
        self.status = status
        self._fetching.stop()

    @property
    def _unfinished(self) -> str:
        return _RESYNCING if self.seeded else _SYNCING

    def _not_fetched(self, error: KucoinStreamError) -> None:
        self.status = f"{self._unfinished}: {error}"

    def missing(self, now: float) -> None:
        """Note that something is missing from ``now`` (Unix seconds of our clock) on, until the calls were made."""
        if self.seeded and self.lost_at is None:
            self.lost_at = now

    # -- the moments of a tape -----------------------------------------------------------------------------------

    def remember(self) -> Any:
        """Return what brings it back to this moment; ``None`` while calls are made."""
        wait = self._fetching.remember()
        return wait and (wait, self.seeded, self.lost_at, self.refused, self._status)

    def recall(self, state: Any) -> None:
        """Be as at the moment of ``state``."""
        wait, self.seeded, self.lost_at, self.refused, self._status = state
        self._fetching.recall(wait)

    def forget(self) -> None:
        """Know nothing any more."""
        self.recall((Wait(), False, None, {}, _SYNCING))


class Table(Protocol):
    """What is kept."""

    def __len__(self) -> int:
        """Return how many rows there are."""

    def rows(self) -> list[Any]:
        """Return the rows, each a frozen struct."""


class AccountKeeper(Kept):
    """Keeps one table, with a side for each market. Lives on the loop thread."""

    def __init__(self, engine: Engine, table: Table, topics: Mapping[Market, Iterable[str]]) -> None:
        self.version = 0
        self._table = table
        self._unused = deepcopy(vars(table))
        self._sides = [Side(market, names, self._call) for market, names in topics.items()]
        super().__init__(engine, [topic for side in self._sides for topic in sorted(side.topics)])
        engine.pool.attach(self.topics, self)
        for topic in self.topics:
            if engine.pool.active(topic):
                self._restarted(self._side(topic), topic)

    # -- to be given by each kind --------------------------------------------------------------------------------

    @abstractmethod
    def _take(self, message: Any) -> list[Any]:
        """Take a push; return the rows that it changed."""

    @abstractmethod
    def _restart(self, market: Market) -> None:
        """Note that the stream of a market begins (again)."""

    @abstractmethod
    async def _seed(self, side: Side) -> list[Any]:
        """Make the calls of a side; return the rows that they changed. Raises as :class:`Rest`."""

    # -- the same for all ----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._table)

    def rows(self) -> list[Any]:
        """Return the rows, each a frozen struct, in the order of the table."""
        return self._table.rows()

    @property
    def status(self) -> str:
        """The worst of the sides' states; ``partial`` where one is refused and the others are live."""
        refused = [side for side in self._sides if side.refused]
        if len(refused) == len(self._sides):
            return refused[0].status
        states = [side.status for side in self._sides if side not in refused]
        for worst in _WORST_FIRST:
            if found := [state for state in states if state.startswith(worst)]:
                return found[0]
        if refused:
            return f"{_PARTIAL}: {refused[0].market} {refused[0].status}"
        return _LIVE

    def close(self) -> None:
        """Leave the pool, and call no more."""
        super().close()
        for side in self._sides:
            side.stop(side.status)

    def remember(self) -> Any:
        """Return what brings it back to this moment of a tape; ``None`` while calls are made."""
        sides = [side.remember() for side in self._sides]
        return None if None in sides else (deepcopy(vars(self._table)), sides)

    def recall(self, state: Any) -> None:
        """Be as at the moment of ``state``."""
        rows, sides = state
        self._set_rows(rows)
        for side, known in zip(self._sides, sides, strict=True):
            side.recall(known)

    def forget(self) -> None:
        """Know nothing any more."""
        self._set_rows(self._unused)
        for side in self._sides:
            side.forget()

    def _set_rows(self, rows: dict[str, Any]) -> None:
        vars(self._table).update(deepcopy(rows))
        self.pending = []
        self.version += 1

    def flush(self) -> None:
        """Take the messages of one socket read, and hand on the rows that they changed."""
        messages, self.pending = self.pending, []
        for message in messages:
            self._changed(self._take(message))
        self.inlet.flush()

    def news(self, news: News, /) -> None:
        """Take what happened to a topic; readers of the changes hear of it in order."""
        side = self._side(news.topic)
        match news:
            case Disconnected(reason=reason):
                side.active.discard(news.topic)
                side.lost.add(news.topic)
                side.missing(self._now())
                side.stop(f"{_STALE if side.seeded else _SYNCING}: {reason}")
            case Restarted():
                self._restarted(side, news.topic)
                if news.topic not in side.lost:
                    return  # the first time is not news
                side.lost.discard(news.topic)
            case Refused(code=code, reason=reason):
                side.refused = side.refused | {news.topic: f"{REFUSED}: {code} {reason}"}
                side.stop(_SYNCING)
            case Gap():
                side.missing(self._now())
                if side.active == side.topics:
                    self._begin(side)
        self.version += 1
        self.inlet.news(news)

    def _side(self, topic: str) -> Side:
        return next(side for side in self._sides if topic in side.topics)

    def _restarted(self, side: Side, topic: str) -> None:
        side.active.add(topic)
        side.refused = {other: why for other, why in side.refused.items() if other != topic}
        if side.active == side.topics:
            self._begin(side)

    def _begin(self, side: Side) -> None:
        self._restart(side.market)
        side.begin()

    async def _call(self, side: Side) -> None:
        """Make the calls of a side."""
        changed = await self._seed(side)
        side.status, side.seeded, side.lost_at = _LIVE, True, None
        self._changed(changed)
        self.inlet.flush()

    def _now(self) -> float:
        """Return our own clock in Unix seconds, of a tape its time."""
        rest = self._engine.rest
        return rest.now() - rest.clock_offset

    async def _since(self, side: Side) -> int:
        """Return since when something may have gone unseen, in ns of the exchange's clock; 0: nothing was seen yet."""
        if side.lost_at is None:
            return 0
        rest = self._engine.rest
        await learn_clock(rest)
        return int((side.lost_at + rest.clock_offset - _NOTICED_LATE) * 1e9)

    def _changed(self, rows: list[Any]) -> None:
        self.version += len(rows)
        self.inlet.pending += rows
