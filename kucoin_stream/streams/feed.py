"""A feed: topics of one row of the catalogue as a streamz source of typed messages."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, get_origin

from kucoin_stream.errors import NotReadyError, RefusedError
from kucoin_stream.protocol.bookfeeds import span
from kucoin_stream.protocol.events import Disconnected, Gap, News, Refused, Restarted
from kucoin_stream.protocol.topics import Topic, shares_path
from kucoin_stream.streams import reading
from kucoin_stream.streams.inbox import Inbox
from kucoin_stream.streams.source import Inlet, LiveSource, Table
from kucoin_stream.transport.engine import Engine

if TYPE_CHECKING:
    from kucoin_stream.frames.table import FeedFrame

T = TypeVar("T")

RECENT = 200  # messages kept for the frames that come later
ACK_WAIT = 2.0  # seconds a cell waits for the ack; what comes later becomes the status
_DISPLAYED_ROWS = 1000
_NAMED = 10  # arguments in a title


class _Recent:
    """The last messages of a feed, which tables that come later begin with."""

    def __init__(self) -> None:
        self.messages: deque[Any] = deque(maxlen=RECENT)

    def take(self, messages: list[Any]) -> None:
        """Keep the messages of one socket read."""
        self.messages.extend(messages)

    def tell(self, news: News) -> None:
        """What was received stays received."""

    def remember(self) -> list[Any]:
        """Return what brings it back to this moment of a tape."""
        return list(self.messages)

    def recall(self, state: list[Any]) -> None:
        """Be as at the moment of ``state``."""
        self.messages = deque(state, maxlen=RECENT)

    def forget(self, since_ns: int | None) -> None:  # noqa: ARG002  tables say since when
        """Be empty."""
        self.messages.clear()


class _FeedInlet(Inlet):
    """The inlet of a feed: knows how its topics are, and begins a new table with what came lately."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__()
        self.states: dict[str, str] = dict.fromkeys(topics, "waiting")
        self._lost: set[str] = set()
        self.recent = _Recent()
        super().grow(self.recent)

    def grow(self, reader: Inbox | Table) -> None:
        if not isinstance(reader, Inbox):
            reader.take(list(self.recent.messages))
        super().grow(reader)

    def news(self, news: News) -> None:
        topic = news.topic
        match news:
            case Restarted():
                self.states[topic] = "live"
                if topic not in self._lost:
                    return  # the first time is not news
                self._lost.discard(topic)
            case Disconnected(reason=reason):
                if self.states.get(topic) == "live":
                    self._lost.add(topic)
                    self.states[topic] = f"stale: {reason}"
                else:
                    self.states[topic] = f"waiting: {reason}"
                    return
            case Refused(code=code, reason=reason):
                self.states[topic] = f"refused: {code} {reason}"
            case Gap(missed=None) if not self.received:
                return  # where nothing was, nothing is missing
            case Gap():
                pass
        super().news(news)


class _SharedInlet(_FeedInlet):
    """The inlet of a feed that shares its topics with others on the wire: takes what is its own."""

    def __init__(self, topics: Sequence[str], payload: Any) -> None:
        super().__init__(topics)
        self._payload = get_origin(payload) or payload

    def flush(self) -> None:
        self.pending = [each for each in self.pending if isinstance(each, (self._payload, News))]
        super().flush()


class _IncrementalInlet(_FeedInlet):
    """The inlet of increments: says where some are missing."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(topics)
        self._ends: dict[str, int] = {}  # by symbol, the last sequence

    def flush(self) -> None:
        messages, self.pending = self.pending, []
        for message in messages:
            if not isinstance(message, News):
                self._check(message)
            self.pending.append(message)
        super().flush()

    def _check(self, delta: Any) -> None:
        symbol, (start, last) = delta.symbol, span(delta)
        end = self._ends.get(symbol)
        if start is not None and end is not None and start > end + 1:
            topic = next(topic for topic in self.states if topic.endswith(f":{symbol}"))
            self.news(Gap(topic, f"sequence {end + 1} to {start - 1} missing", start - end - 1))
        self._ends[symbol] = last

    def news(self, news: News) -> None:
        told = len(self.pending)
        super().news(news)
        counted = isinstance(news, Gap) and news.missed is not None
        if len(self.pending) > told and not counted:
            self._ends.clear()  # a new beginning, which its own news tells


class Feed(LiveSource[T]):
    """A subscription as a streamz source of typed messages. Made by :class:`Client`, not by hand.

    Each feed is its own node; the wire subscription is shared. ``stop()`` and ``start()`` pause and resume it; with
    ``news=True`` a resume begins with a :class:`Gap`. In coroutines: ``await feed``, ``async for message in feed``,
    which ``stop()`` ends. Sources: KuCoin API docs, "Classic websocket"; protocol.md 4.
    """

    kind = "feed"

    def __init__(
        self,
        engine: Engine,
        row: Topic,
        arguments: Sequence[str] = (),
        *,
        news: bool | None = None,
        stream_name: str | None = None,
    ) -> None:
        self.stopped: bool
        self.started: bool
        self.row = row
        self.arguments = tuple(arguments)
        self.topics = tuple(row.wire(argument) for argument in arguments) or (row.wire(),)
        super().__init__(
            engine,
            title=f"{row.name} {brief(self.arguments)}".strip(),
            limit=engine.settings.inbox_size,
            overflow=row.overflow,
            news=row.incremental if news is None else news,
            inlet=_inlet(row, self.topics),
            stream_name=stream_name,
        )
        self._inlet: _FeedInlet
        self._frames: weakref.WeakSet[FeedFrame] = weakref.WeakSet()
        self._shown: FeedFrame | None = None  # what the feed's own picture is drawn from
        weakref.finalize(self, engine.post, _leave, engine, self.topics, self._inlet)

    def __repr__(self) -> str:
        badge = f" {self._engine.target.badge}" if self._engine.target.badge else ""
        named = f"{self.name}: " if self.name != self.title else ""
        return f"<Feed {named}{self.title}{badge} | {self.status} | {self.received} messages>"

    __str__ = __repr__

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Subscribe, or resume after :meth:`stop`. Waits at most 2 s for the ack.

        Raises :class:`RefusedError` where the exchange refuses within that time; later, it becomes the status.
        In a coroutine of a client opened by ``async with`` it does not wait: ``await feed`` does.
        """
        if not self.stopped:
            return
        resumed, self.started, self.stopped = self.started, True, False
        self._engine.call(self._attach, resumed)
        for frame in self._frames:
            frame.resume()
        if not self._engine.may_wait:
            return
        try:
            self._engine.call(self._engine.pool.settled, self.topics, ACK_WAIT, timeout=ACK_WAIT + 1)
        except NotReadyError:
            return  # the status says so
        except RefusedError:
            self.stop()
            raise

    def _attach(self, resumed: bool) -> None:
        if resumed:
            self._inlet.recent.messages.clear()
            for topic in self.topics:
                self._inlet.states[topic] = "live" if self._engine.pool.active(topic) else "waiting"
                self._inlet.news(Gap(topic, "the feed was stopped"))
            self._inlet.flush()
        self._engine.pool.attach(self.topics, self._inlet)
        for topic in self.topics:
            if self._engine.pool.active(topic):
                self._inlet.states[topic] = "live"

    def stop(self) -> None:
        """Pause: the last reader's stop unsubscribes. What waits in the branches is still delivered.

        Its pictures become static until :meth:`start`.
        """
        if self.stopped:
            return
        self.stopped = True
        for frame in self._frames:
            frame.freeze()
        reading.wake(self)
        self._engine.post(_leave, self._engine, self.topics, self._inlet)

    @property
    def status(self) -> str:
        """``live``, or what is not: ``waiting``, ``stale: ...``, ``refused: ...``, ``stopped``."""
        if self._engine.ended:
            return f"stopped: {self._engine.ended}"
        if self.stopped:
            return "stopped"
        states = sorted(set(self._inlet.states.values()) - {"live"}, reverse=True)
        return states[0] if states else "live"

    async def ready(self, timeout: float = 10.0) -> Self:
        """Wait in a coroutine until the exchange has taken the subscription; return ``self``. As ``await feed`` does.

        Raises :class:`NotReadyError` after ``timeout`` seconds, :class:`RefusedError`, :class:`StoppedError`.
        """
        await reading.until(self, lambda: self.status == "live", timeout)
        return self

    def __await__(self) -> Generator[Any, Any, Self]:
        return self.ready().__await__()

    # -- upward doors --------------------------------------------------------------------------------------------

    def frame(self, maxlen: int = 10_000, *, latest: str | None = None, exact: bool = False) -> FeedFrame:
        """Return a live frame of the last ``maxlen`` messages, or with ``latest="symbol"`` of the latest by symbol.

        ``exact``: numbers with a fraction are Decimals, those that were sent as far as these had at most 15 digits, as
        KuCoin's prices and sizes have; ``frame.note`` counts longer ones, such as sums. Levels of books stay floats.

        It begins with what the feed has received since it was started or resumed, of that the last 200 messages.
        """
        from kucoin_stream.frames.table import FeedFrame

        frame = FeedFrame(self, maxlen, latest, exact=exact)
        self._frames.add(frame)
        return frame

    def widget(self, kind: str = "", /, **options: Any) -> Any:
        """Return a new picture of this feed, an ipywidget."""
        if self._shown is None:
            self._shown = self.frame(_DISPLAYED_ROWS)
        return self._shown.widget(kind, **options)

    def _ipython_display_(self, **kwargs: Any) -> None:
        if self._shown is None:
            self._shown = self.frame(_DISPLAYED_ROWS)
        self._shown._ipython_display_(**kwargs)


def brief(arguments: Sequence[str]) -> str:
    """Return arguments as a title has room for: of very many the first three."""
    if len(arguments) <= _NAMED:
        return ", ".join(arguments)
    return f"{', '.join(arguments[:3])} and {len(arguments) - 3} more"


def _inlet(row: Topic, topics: Sequence[str]) -> _FeedInlet:
    if row.incremental:
        return _IncrementalInlet(topics)
    return _SharedInlet(topics, row.payload) if shares_path(row) else _FeedInlet(topics)


def _leave(engine: Engine, topics: Sequence[str], inlet: Inlet) -> None:
    engine.pool.detach(topics, inlet)
