"""The seam between two connections that serve the same topics: each message once, in order, none lost.

Theory of operation. For a while both connections are served. The old one speaks; what the fresh one brings is held
until the old one has brought it too. :meth:`Seam.joined` says that the exchange has acknowledged all topics to the
fresh one: what the old one brought before need not come again. From :meth:`Seam.cut` on, which is some time later, each
topic goes over by itself, at the first moment when the fresh connection has brought all that the old one had: what is
held comes next, and from then on the fresh one speaks. A topic that does not get there goes over at :meth:`Seam.force`.

Messages of a book are compared by their sequences, as the two connections may cut them differently; all others by the
identity that the topic's row names.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Generic, NamedTuple, TypeVar

from kucoin_stream.protocol import topics
from kucoin_stream.protocol.bookfeeds import span
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.topic import Topic

MOST = 10_000  # messages of a topic that are held, or waited for: far more than come in one overlap

T = TypeVar("T")
V = TypeVar("V")


class Item(NamedTuple, Generic[T]):
    """A push, and what else belongs to it."""

    push: Push[Any]
    more: T


class Seam(Generic[T]):
    """See the module's theory of operation. All methods return what is to be delivered now, in order."""

    def __init__(self) -> None:
        self._topics: dict[str, _Numbered[T] | _Named[T]] = {}
        self._cutting = False

    def __repr__(self) -> str:
        return f"<Seam {len(self._topics)} topics, {sum(each.over for each in self._topics.values())} over>"

    @property
    def done(self) -> bool:
        """Whether every topic has gone over."""
        return self._cutting and all(each.over for each in self._topics.values())

    @property
    def unproven(self) -> list[str]:
        """The topics over whose seam it cannot be shown that nothing was lost or came twice."""
        return [topic for topic, each in self._topics.items() if not each.proven]

    def old(self, item: Item[T]) -> list[Item[T]]:
        """Take a message of the old connection."""
        topic = self._topic(item)
        if topic.over:
            return []
        topic.brought(item)
        return [item, *self._go_over(topic)]

    def fresh(self, item: Item[T]) -> list[Item[T]]:
        """Take a message of the fresh connection."""
        topic = self._topic(item)
        if topic.over:
            return [item]
        topic.hold(item)
        return self._go_over(topic)

    def joined(self) -> None:
        """Note that the fresh connection is given all that comes from now on."""
        for topic in self._topics.values():
            topic.joined()

    def cut(self) -> list[Item[T]]:
        """Let topics go over from now on."""
        self._cutting = True
        for topic in self._topics.values():
            topic.cut()
        return [item for topic in self._topics.values() for item in self._go_over(topic)]

    def force(self) -> list[Item[T]]:
        """Let all topics go over now."""
        self._cutting = True
        return [item for topic in self._topics.values() if not topic.over for item in topic.release()]

    def _go_over(self, topic: _Numbered[T] | _Named[T]) -> list[Item[T]]:
        return topic.release() if self._cutting and topic.ready and not topic.over else []

    def _topic(self, item: Item[T]) -> _Numbered[T] | _Named[T]:
        name = item.push.topic
        topic = self._topics.get(name)
        if topic is None:
            row = topics.parse(name, item.push.subject)[0]
            topic = self._topics[name] = _Numbered() if row.incremental else _Named(row)
            topic.late = self._cutting  # nothing came before the cut: there is nothing to compare
        return topic


class _Numbered(Generic[T]):
    """A topic whose messages say which sequences they cover."""

    def __init__(self) -> None:
        self.over = False
        self.late = False  # its first message came after the cut
        self.proven = True
        self._last: int | None = None  # sequence that the old connection has come to
        self._reached: int | None = None  # and the fresh one
        self._before: int | None = None  # where the old one was when the fresh one joined
        self._held: deque[Item[T]] = deque(maxlen=MOST)

    @property
    def ready(self) -> bool:
        """Whether the fresh connection has brought all that the old one had."""
        return self._last is None or (self._reached is not None and self._reached >= self._last)

    def joined(self) -> None:
        """The fresh connection need not bring what came before."""
        self._before = self._last

    def cut(self) -> None:
        """Where nothing came since, there is nothing to wait for."""
        if self._last == self._before and self._reached is None:
            self._last = None

    def brought(self, item: Item[T]) -> None:
        """Note a message of the old connection."""
        self._last = span(item.push.data)[1]
        while self._held and span(self._held[0].push.data)[1] <= self._last:
            self._held.popleft()

    def hold(self, item: Item[T]) -> None:
        """Hold a message of the fresh connection, unless the old one has brought it."""
        self._reached = span(item.push.data)[1]
        if self._last is None or self._reached > self._last:
            self._held.append(item)

    def release(self) -> list[Item[T]]:
        """Go over; return what was held."""
        self.over = True
        held = list(self._held)
        if self._last is None:
            self.proven = self.late or not held
        elif held:
            start = span(held[0].push.data)[0]
            self.proven = start is None or start <= self._last + 1
        else:
            self.proven = self.ready
        self._held.clear()
        return held


class _Named(Generic[T]):
    """A topic whose messages are known by an identity."""

    def __init__(self, row: Topic) -> None:
        self.over = False
        self.late = False  # its first message came after the cut
        self.proven = True
        self._identity = row.identity
        self._held: dict[object, Item[T]] = {}  # what only the fresh connection has brought, in order
        self._before: dict[object, None] = {}  # what only the old one has brought, before the fresh one joined
        self._missing: dict[object, None] = {}  # and since
        self._met = False  # they have brought the same message

    @property
    def ready(self) -> bool:
        """Whether the fresh connection has brought all that the old one had."""
        return not self._missing

    def joined(self) -> None:
        """The fresh connection need not bring what came before."""
        self._before, self._missing = {**self._before, **self._missing}, {}

    def cut(self) -> None:
        """What came before and was not brought again will not come."""
        self._before.clear()

    def brought(self, item: Item[T]) -> None:
        """Note a message of the old connection."""
        key = self._key(item)
        if self._held.pop(key, None) is None:
            _put(self._missing, key, None)
        else:
            self._met = True

    def hold(self, item: Item[T]) -> None:
        """Hold a message of the fresh connection, unless the old one has brought it."""
        key = self._key(item)
        for brought in (self._before, self._missing):
            if key in brought:
                del brought[key]
                self._met = True
                return
        _put(self._held, key, item)

    def release(self) -> list[Item[T]]:
        """Go over; return what was held."""
        self.over = True
        held = list(self._held.values())
        self.proven = self.ready and (self._met or self.late or not held)
        self._held.clear()
        return held

    def _key(self, item: Item[T]) -> object:
        data = item.push.data
        known = tuple(getattr(data, name, None) for name in self._identity)
        return known if any(part is not None for part in known) else repr(data)


def _put(kept: dict[object, V], key: object, value: V) -> None:
    kept[key] = value
    if len(kept) > MOST:
        del kept[next(iter(kept))]
