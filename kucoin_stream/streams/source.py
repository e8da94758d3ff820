"""A streamz source whose messages come from the loop thread."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Protocol, TypeVar, overload

from msgspec import structs
from streamz import Source, Stream
from streamz.orderedweakset import OrderedWeakrefSet
from streamz.sinks import sink

from kucoin_stream.protocol.events import News
from kucoin_stream.protocol.topics import Overflow
from kucoin_stream.streams.branch import Branch
from kucoin_stream.streams.counters import Counters, count
from kucoin_stream.streams.failure import Failure
from kucoin_stream.streams.inbox import Inbox
from kucoin_stream.streams.mended import adopt, display
from kucoin_stream.streams.origin import Kind, note
from kucoin_stream.streams.reading import STOPPED, Readable, Reading, wake
from kucoin_stream.streams.stalls import watchdog
from kucoin_stream.streams.threaded import Threaded
from kucoin_stream.streams.typed import Node
from kucoin_stream.transport.engine import Engine

if TYPE_CHECKING:
    from kucoin_stream.streams.typed import WithDefault

T = TypeVar("T")


class Table(Protocol):
    """A live frame that keeps the messages of a source. Lives on the loop thread."""

    def take(self, messages: list[Any]) -> None:
        """Keep the messages of one socket read."""

    def tell(self, news: News) -> None:
        """Take what happened to a topic, in order with its messages."""

    def remember(self) -> Any:
        """Return what brings it back to this moment of a tape."""

    def recall(self, state: Any) -> None:
        """Be as at the moment of ``state``, which stays as it is."""

    def forget(self, since_ns: int | None) -> None:
        """Be empty: a tape begins anew; at ``since_ns`` (Unix ns) where that is in its midst."""


class Inlet:
    """Collects messages and hands them to branches and tables, a list per socket read. Lives on the loop thread."""

    def __init__(self) -> None:
        self.received = 0
        self.branches: list[Inbox] = []
        self.tables: list[Table] = []
        self.pending: list[Any] = []
        self._has_news = False

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self.branches or self.tables)

    def grow(self, reader: Inbox | Table) -> None:
        """Hand messages to one more reader."""
        readers: list[Any] = self.branches if isinstance(reader, Inbox) else self.tables
        readers.append(reader)

    def prune(self, reader: Inbox | Table) -> None:
        """Hand no more messages to a reader."""
        self.branches = [each for each in self.branches if each is not reader]
        self.tables = [each for each in self.tables if each is not reader]

    @property
    def lag(self) -> int:
        """How many messages the slowest branch is behind."""
        return max((branch.waiting for branch in self.branches if not branch.gone), default=0)

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


class LiveSource(Source, Node[T]):  # type: ignore[misc]
    """A source fed by an :class:`Inlet`. Nodes behind it run on streamz's loop, each child by its own pump.

    With ``news``, the stream also carries what happened to it, in order: :class:`Disconnected`, :class:`Restarted`,
    :class:`Gap`, :class:`Refused`. Without, only data. A child that lags ``limit`` messages behind gets no more
    until half of them are worked off; ``overflow`` says what becomes of those meanwhile.

    In a coroutine, ``async for message in source`` reads it from then on; each such loop has an inbox of its own.
    """

    kind: ClassVar[Kind] = "stream"

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
        self._readings: weakref.WeakSet[Reading[T]] = weakref.WeakSet()
        self._errors: Errors | None = None
        self._paused = False
        super().__init__(stream_name=stream_name or title)
        self.downstreams = _Children(self)
        note(self, self.kind)
        watchdog.begin(engine)

    def _grow(self, node: Stream) -> None:
        branch = Branch(
            node, self, self._engine.post, topic=self.title, limit=self._limit, overflow=self._overflow, news=self._news
        )
        self._branches[node] = branch
        adopt(node, branch)
        if not self._paused:
            self._engine.post(self._inlet.grow, branch)

    def _prune(self, node: Stream) -> None:
        branch = self._branches.pop(node, None)
        if branch is not None:
            branch.leave()
            self._engine.post(self._inlet.prune, branch)

    def start(self) -> None:
        """Go on after :meth:`stop`; what came meanwhile is not made up for."""
        if self._paused:
            self._paused = False
            for branch in self.branches:
                self._engine.post(self._inlet.grow, branch)

    def stop(self) -> None:
        """Pause all that is behind; what waits in the branches is still delivered, ``async for`` loops end."""
        if not self._paused:
            self._paused = True
            for branch in self.branches:
                self._engine.post(self._inlet.prune, branch)
            wake(self)

    @property
    def branches(self) -> Iterator[Branch]:
        """The ways of the direct children, with their counters."""
        return iter(list(self._branches.values()))

    @property
    def status(self) -> str:
        """``live`` until :meth:`stop` or the client's end, ``stopped: ...``; of a live frame's changes what that is."""
        if self._engine.ended:
            return f"{STOPPED}: {self._engine.ended}"
        return STOPPED if self._paused else getattr(self.owner, "status", "live")

    def __aiter__(self) -> Reading[T]:
        return Reading(self, self, news=self._news)

    def _read(self, node: Stream, *, news: bool, of: Readable | None = None) -> Reading[Any]:
        """Return what ``async for`` reads of a node behind this source; it ends with ``of``, or with this source."""
        reading: Reading[Any] = Reading(of or self, _Tapped(self, node), news=news)
        self._readings.add(reading)
        return reading

    @property
    def received(self) -> int:
        """Messages received."""
        return self._inlet.received

    @property
    def dropped(self) -> int:
        """Messages that a reader lost because it was too slow, over all branches and ``async for`` loops."""
        return sum(branch.dropped for branch in self.branches) + sum(each.dropped for each in list(self._readings))

    @property
    def error_count(self) -> int:
        """Messages lost to exceptions in users' nodes, over all branches."""
        return sum(branch.error_count for branch in self.branches)

    def statistics(self) -> dict[str, Any]:
        """Return the counters: of all branches together, and one row per branch.

        ``inbox``: messages that wait; ``peak``: most that ever did; ``cost_us``: microseconds a message takes the
        user's graph; ``load``: its share of one core over the last seconds.
        """
        now, branches = time.monotonic(), list(self.branches)
        rows = [{"node": str(branch.node), **_plain(count([branch], now))} for branch in branches]
        return {"name": self.title, **_plain(count(branches, now)), "received": self.received, "branches": rows}

    @property
    def errors(self) -> Errors:
        """What users' nodes raise from now on, as a streamz source of :class:`Failure`.

        The first traceback of each branch is also shown in the cell that made it, the others are counted.
        """
        if self._errors is None:
            self._errors = Errors(self._engine, self.title)
        return self._errors

    def _failed(self, failure: Callable[[], Failure]) -> None:
        if self._errors is not None:
            self._errors.carry(failure)

    # -- a thread of its own -------------------------------------------------------------------------------------

    def threaded(self) -> Threaded:
        """Return a node whose children run in a thread of their own, so that one that blocks stops no other graph."""
        node = Threaded(self)
        self._engine.on_end(node.end)
        return node

    @overload
    def sink(
        self, func: WithDefault[T, object], *, thread: bool = False, stream_name: str | None = None
    ) -> Node[T]: ...

    @overload
    def sink(self, func: Callable[[T], object], *, thread: bool = False, stream_name: str | None = None) -> Node[T]: ...

    @overload
    def sink(
        self, func: Callable[Concatenate[T, ...], object], *args: Any, thread: bool = False, **kwargs: Any
    ) -> Node[T]: ...

    def sink(self, func: Callable[..., Any], *args: Any, thread: bool = False, **kwargs: Any) -> Any:
        """Call ``func(message, *args, **kwargs)`` for each message: streamz's ``sink``.

        ``thread=True``: in a thread of its own, where it may block. Nodes behind have this, too; for a longer way in a
        thread of its own write ``feed.threaded().map(f).sink(g)``.
        """
        return sink(self.threaded() if thread else self, func, *args, **kwargs)

    def _ipython_display_(self, **kwargs: Any) -> None:
        display(self, **kwargs)

    def to_dataframe(self, example: Any = None, *, every: float | str | timedelta = 0.1) -> Any:
        """Return a :class:`streamz.dataframe.DataFrame` of the messages, one frame each ``every`` seconds.

        Columns and dtypes are those of ``.frame().df``; the index is their time, UTC, so that windows by time run.
        ``example``, a message or a DataFrame, is needed where the source is not a feed. Nodes behind have this, too:
        ``trades.map(f).to_dataframe(example=f(trade))``; a DataFrame as ``example`` says there that the node hands on
        such frames. Raises :class:`UsageError` where an example is needed.
        """
        return self.batch(every, index="time", example=example).to_dataframe()


def _plain(counters: Counters) -> dict[str, Any]:
    return {**structs.asdict(counters), "cost_us": counters.cost_us}


class Errors(LiveSource[Failure]):
    """What the nodes behind a source raise. What nodes behind this one raise is shown once, and counted."""

    kind = "errors"

    def __init__(self, engine: Engine, title: str) -> None:
        super().__init__(
            engine, title=f"errors of {title}", limit=engine.settings.inbox_size, overflow="mark", news=False
        )

    def carry(self, failure: Callable[[], Failure]) -> None:
        """Hand on a failure, made only where somebody listens. Safe from any thread."""
        if self._inlet.wanted:
            self._engine.post(_carry, self._inlet, failure())

    def _failed(self, failure: Callable[[], Failure]) -> None:
        """Errors of errors would have no end."""


class _Tapped(LiveSource[Any]):
    """What a node behind a source hands on, for one who reads it: on the loop thread again, from where readers are fed.

    What the reader is too slow for is counted, whatever the topic's policy: the node may have made anything of it.
    """

    def __init__(self, source: LiveSource[Any], node: Stream) -> None:
        engine = source._engine
        super().__init__(engine, title=f"{source.title} {node}", limit=source._limit, overflow="mark", news=True)
        self._tap = _Tap(node, engine.post, self._inlet)


class _Tap(Stream):  # type: ignore[misc]
    """Lives as long as who reads."""

    def __init__(self, node: Stream, post: Callable[..., None], inlet: Inlet) -> None:
        self._post = post
        self._inlet = inlet
        super().__init__(node)

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002  streamz's signature
        self._post(_carry, self._inlet, x)
        return []


_Tap.__name__ = "async for"  # what the user wrote


def _carry(inlet: Inlet, message: Any) -> None:
    inlet.pending.append(message)
    inlet.flush()
