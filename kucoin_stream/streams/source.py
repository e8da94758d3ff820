"""A streamz source whose messages come from the loop thread."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from streamz import Source, Stream
from streamz.orderedweakset import OrderedWeakrefSet

from kucoin_stream.protocol.events import News
from kucoin_stream.protocol.topics import Overflow
from kucoin_stream.streams.branch import Branch
from kucoin_stream.transport.engine import Engine

T = TypeVar("T")


class Table(Protocol):
    """A live frame that keeps the messages of a source. Lives on the loop thread."""

    def take(self, messages: list[Any]) -> None:
        """Keep the messages of one socket read."""

    def tell(self, news: News) -> None:
        """Take what happened to a topic, in order with its messages."""


class Inlet:
    """Collects messages and hands them to branches and tables, a list per socket read. Lives on the loop thread."""

    def __init__(self) -> None:
        self.received = 0
        self.branches: list[Branch] = []
        self.tables: list[Table] = []
        self.pending: list[Any] = []
        self._has_news = False

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self.branches or self.tables)

    def grow(self, reader: Branch | Table) -> None:
        """Hand messages to one more reader."""
        readers: list[Any] = self.branches if isinstance(reader, Branch) else self.tables
        readers.append(reader)

    def prune(self, reader: Branch | Table) -> None:
        """Hand no more messages to a reader."""
        self.branches = [each for each in self.branches if each is not reader]
        self.tables = [each for each in self.tables if each is not reader]

    def news(self, news: News) -> None:
        """Take news, in order with the messages."""
        self.pending.append(news)
        self._has_news = True

    def flush(self) -> None:
        """Hand on what was collected."""
        messages, self.pending = self.pending, []
        if not messages:
            return
        data = messages
        if self._has_news:
            self._has_news = False
            data = [message for message in messages if not isinstance(message, News)]
            for table in self.tables:
                for each in messages:
                    if isinstance(each, News):
                        table.tell(each)
        self.received += len(data)
        for table in self.tables:
            table.take(data)
        for branch in self.branches:
            if branch.gone:
                self.branches = [each for each in self.branches if not each.gone]
            else:
                branch.put(messages if branch.wants_news else data)


class _Children(OrderedWeakrefSet):  # type: ignore[misc]  # streamz is not typed
    """The direct children of a source, which hears of each that comes or goes."""

    def __init__(self, source: LiveSource[Any]) -> None:
        super().__init__()
        self._owner = weakref.ref(source)

    def add(self, node: Stream) -> None:
        new = node not in self
        super().add(node)
        if new and (source := self._owner()) is not None:
            source._grow(node)

    def discard(self, node: Stream) -> None:
        super().discard(node)
        if (source := self._owner()) is not None:
            source._prune(node)

    def remove(self, node: Stream) -> None:
        super().remove(node)
        if (source := self._owner()) is not None:
            source._prune(node)


class LiveSource(Source, Generic[T]):  # type: ignore[misc]
    """A source fed by an :class:`Inlet`. Nodes behind it run on streamz's loop, each child by its own pump.

    With ``news``, the stream also carries what happened to it, in order: :class:`Disconnected`, :class:`Restarted`,
    :class:`Gap`, :class:`Refused`. Without, only data. A child that lags ``limit`` messages behind gets no more
    until half of them are worked off; ``overflow`` says what becomes of those meanwhile.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        title: str,
        limit: int,
        overflow: Overflow,
        news: bool,
        inlet: Inlet | None = None,
        stream_name: str | None = None,
    ) -> None:
        self.title = title
        self._engine = engine
        self._limit = limit
        self._overflow: Overflow = overflow
        self._news = news
        self.owner: object = None  # kept alive as long as somebody reads this source
        self._inlet = inlet or Inlet()
        self._branches: weakref.WeakKeyDictionary[Stream, Branch] = weakref.WeakKeyDictionary()
        super().__init__(stream_name=stream_name or title)
        self.downstreams = _Children(self)

    def _grow(self, node: Stream) -> None:
        branch = Branch(
            node, self, self._engine.post, topic=self.title, limit=self._limit, overflow=self._overflow, news=self._news
        )
        self._branches[node] = branch
        self._engine.post(self._inlet.grow, branch)

    def _prune(self, node: Stream) -> None:
        branch = self._branches.pop(node, None)
        if branch is not None:
            branch.leave()
            self._engine.post(self._inlet.prune, branch)

    @property
    def branches(self) -> Iterator[Branch]:
        """The ways of the direct children, with their counters."""
        return iter(list(self._branches.values()))

    @property
    def received(self) -> int:
        """Messages received."""
        return self._inlet.received

    @property
    def dropped(self) -> int:
        """Messages that a branch lost because its reader was too slow, over all branches."""
        return sum(branch.dropped for branch in self.branches)

    @property
    def errors(self) -> int:
        """Messages lost to exceptions in users' nodes, over all branches."""
        return sum(branch.errors for branch in self.branches)
