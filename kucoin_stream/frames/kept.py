"""What the live frames of topics have in common: a keeper on the loop thread, and the frame that reads it."""

from __future__ import annotations

import time
import weakref
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from kucoin_stream.errors import NotReadyError, RefusedError
from kucoin_stream.frames.base import REFUSED, STOPPED, LiveFrame
from kucoin_stream.protocol.events import Disconnected, Gap, News, Refused, Restarted
from kucoin_stream.streams.feed import ACK_WAIT
from kucoin_stream.streams.reading import Reading
from kucoin_stream.streams.source import Inlet, LiveSource
from kucoin_stream.transport.engine import Engine, Shared

T = TypeVar("T")


class Kept(Shared):
    """State that topics keep current; its changes go to ``inlet``. Lives on the loop thread."""

    def __init__(self, engine: Engine, topics: Iterable[str]) -> None:
        self.topics = tuple(topics)
        self.inlet = Inlet()
        self.pending: list[Any] = []  # messages of the present socket read
        self._engine = engine

    def close(self) -> None:
        """Leave the pool."""
        self._engine.pool.detach(self.topics, self)

    @abstractmethod
    def remember(self) -> Any:
        """Return what brings it back to this moment of a tape; ``None`` in the midst of a beginning."""

    @abstractmethod
    def recall(self, state: Any) -> None:
        """Be as at the moment of ``state``, which stays as it is. The topics are those of then."""

    @abstractmethod
    def forget(self) -> None:
        """Know nothing any more: a tape begins anew."""

    @abstractmethod
    def flush(self) -> None:
        """Work off what is pending, and hand on what it changed."""

    @abstractmethod
    def news(self, news: News, /) -> None:
        """Take what happened to a topic; readers of the changes hear of it in order."""


class Keeper(Kept):
    """Keeps the state of one topic. Lives on the loop thread."""

    def __init__(self, engine: Engine, topic: str) -> None:
        super().__init__(engine, [topic])
        self._lost = False

    @property
    def topic(self) -> str:
        """The topic on the wire."""
        return self.topics[0]

    def news(self, news: News, /) -> None:
        """Take what happened to the topic; readers of the changes hear of it in order."""
        match news:
            case Disconnected(reason=reason):
                self._disconnected(reason)
                self._lost = True
            case Restarted():
                self._connected()
                if not self._lost:
                    return  # the first time is not news
                self._lost = False
            case Refused(code=code, reason=reason):
                self._refuse(f"{REFUSED}: {code} {reason}")
            case Gap(reason=reason):
                self._spoiled(reason)
                return
        self.inlet.news(news)

    @abstractmethod
    def _disconnected(self, reason: str) -> None:
        """Nothing is received from here on."""

    @abstractmethod
    def _connected(self) -> None:
        """The topic is received (again)."""

    @abstractmethod
    def _spoiled(self, reason: str) -> None:
        """A message is missing."""

    @abstractmethod
    def _refuse(self, status: str) -> None:
        """The exchange does not serve the topic."""


K = TypeVar("K", bound=Kept)


class KeptFrame(LiveFrame, Generic[K, T]):
    """A live frame that shares its keeper with all others of the same ``key``."""

    def __init__(self, engine: Engine, title: str, key: object, make: Callable[[], K]) -> None:
        self.title = title
        self.key = key
        self._keeper: K = engine.call(_joined, engine, key, make)
        self._leave = weakref.finalize(self, engine.post, engine.leave, key)
        self._stream: LiveSource[T] | None = None
        super().__init__(engine)  # last: one that could not join is nothing that could be ended

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics on the wire that it is kept from; they may change."""
        return self._keeper.topics

    def settle(self) -> None:
        """Wait at most 2 s for the acks; what comes later becomes the status.

        Raises :class:`RefusedError` where nothing at all is served: then the frame is stopped.
        In a coroutine of a client opened by ``async with`` it does not wait: ``await frame`` does.
        """
        settle(self._engine, [self])

    @property
    def received(self) -> int:
        """Messages that changed it."""
        return self._keeper.inlet.received

    @property
    def stream(self) -> LiveSource[T]:
        """A streamz source of the changes as frozen structs, with news (gaps, disconnections) in order."""
        if self._stream is None:
            self._stream = LiveSource(
                self._engine,
                title=f"changes of {self.title}",
                limit=self._engine.settings.inbox_size,
                overflow="mark",
                news=True,
                inlet=self._keeper.inlet,
            )
            self._stream.owner = self  # the frame lives as long as somebody reads its changes
        return self._stream

    def __aiter__(self) -> Reading[T]:
        return Reading(self, self.stream, news=False)

    def _release(self) -> None:
        self._leave()


@contextmanager
def together(engine: Engine, places: Mapping[object, Callable[[], Kept]]) -> Iterator[None]:
    """Keep all of ``places``, keys and how each keeper is made, so that their topics go out in few commands.

    Frames made within join them; those that nobody has joined at the end leave.
    """
    engine.call(_hold, engine, places)
    try:
        yield
    finally:
        engine.post(_release, engine, places)


def settle(engine: Engine, frames: Sequence[KeptFrame[Any, Any]]) -> None:
    """Wait for the acks of all ``frames`` as :meth:`KeptFrame.settle`; where one is refused, all are stopped."""
    if not engine.may_wait:
        return
    try:
        engine.call(_settled, engine, [frame._keeper for frame in frames], timeout=ACK_WAIT + 1)
    except NotReadyError:
        return  # the status says so
    except RefusedError:
        if any(frame.status.startswith(REFUSED) for frame in frames):
            end(engine, frames)
            raise


def end(engine: Engine, frames: Iterable[KeptFrame[Any, Any]], status: str = STOPPED) -> None:
    """End those ``frames`` that still run: they become ``status``, and leave together, so that few commands say so."""
    left: list[object] = []
    try:
        for frame in frames:
            if frame._leave.detach() is not None:
                left.append(frame.key)
            if not frame._stopped:
                frame._end(status)
    finally:
        engine.post(_release, engine, left)


def _joined(engine: Engine, key: object, make: Callable[[], K]) -> K:
    """Return the keeper of ``key``, for one more reader; what it was refused is asked for anew."""
    keeper = engine.join(key, make)
    engine.pool.attach(keeper.topics, keeper)
    return keeper


def _hold(engine: Engine, places: Mapping[object, Callable[[], Kept]]) -> None:
    with engine.pool.together():
        for key, make in places.items():
            engine.join(key, make)


def _release(engine: Engine, places: Iterable[object]) -> None:
    for key in places:
        engine.leave(key)


async def _settled(engine: Engine, keepers: Sequence[Kept]) -> None:
    """Wait for the acks of the keepers' topics, which they may change meanwhile."""
    deadline = time.monotonic() + ACK_WAIT
    topics: list[str] = []
    while topics != (now := [topic for keeper in keepers for topic in keeper.topics]):
        topics = now
        try:
            await engine.pool.settled(topics, deadline - time.monotonic())
        except RefusedError:
            if topics == [topic for keeper in keepers for topic in keeper.topics]:
                raise
