"""Who reads which topic, and how the messages of a socket read get there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from kucoin_stream.protocol.events import Gap, News, OrderEvent
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.topics import ALL_POSITIONS, SINGLE_POSITION


class Subscriber(Protocol):
    """Reads topics. All calls come on the loop thread, in the order of the socket."""

    pending: list[Any]
    """Where the messages of one socket read are put."""

    def flush(self) -> None:
        """Work off what is pending: all messages of one socket read are there."""

    def news(self, news: News, /) -> None:
        """Take what happened to a topic, in order with its messages."""


class Routes:
    """Topics and their readers. ``failed`` hears of what a reader raised: that costs this reader only.

    Lives on the loop thread; :attr:`readers` may be read from any.
    """

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._readers: dict[str, list[Subscriber]] = {}

    def __repr__(self) -> str:
        return f"<Routes {len(self)} topics, {self.readers} readers>"

    def __len__(self) -> int:
        return len(self._readers)

    def __contains__(self, topic: str) -> bool:
        return topic in self._readers

    @property
    def readers(self) -> int:
        """How many feeds and live frames read topics."""
        return len({id(reader) for readers in list(self._readers.values()) for reader in readers})

    @property
    def topics(self) -> list[str]:
        """The topics that have readers."""
        return list(self._readers)

    @property
    def subscribers(self) -> list[Subscriber]:
        """All readers, each once."""
        return list({id(reader): reader for readers in self._readers.values() for reader in readers}.values())

    def add(self, topic: str, subscriber: Subscriber) -> None:
        """Give ``subscriber`` the messages of ``topic`` from now on."""
        readers = self._readers.get(topic, [])
        if subscriber not in readers:
            self._readers[topic] = [*readers, subscriber]

    def remove(self, topic: str, subscriber: Subscriber) -> bool:
        """Give ``subscriber`` no more; return whether it was the last reader."""
        readers = [each for each in self._readers.get(topic, ()) if each is not subscriber]
        if readers:
            self._readers[topic] = readers
            return False
        return self._readers.pop(topic, None) is not None

    def clear(self) -> None:
        """Forget all readers."""
        self._readers.clear()

    def deliver(self, events: Sequence[OrderEvent], handle: Callable[[OrderEvent], None]) -> int:
        """Give the messages of one socket read to their readers; ``handle`` takes all else, in order.

        Returns how many messages had a reader.
        """
        routes, astray = self._readers, 0
        all_positions = routes.get(ALL_POSITIONS)  # each comes under either name; protocol.md 4.33
        dirty: list[Subscriber] = []
        for event in events:
            if type(event) is not Push:
                astray += 1
                try:
                    handle(event)
                except Exception as exc:  # noqa: BLE001  the connection's main loop: one event
                    self._failed(exc)
                continue
            readers = routes.get(event.topic)
            if all_positions is not None and event.topic.startswith(SINGLE_POSITION):
                readers = [*(readers or ()), *all_positions]
            if readers is None:  # on its way when the last reader left
                astray += 1
                continue
            for reader in readers:
                pending = reader.pending
                if not pending:
                    dirty.append(reader)
                pending.append(event.data)
        for reader in dirty:
            self._flush(reader)
        return len(events) - astray

    def tell(self, news: News) -> None:
        """Tell the readers of a topic what happened to it, in order with its messages."""
        for subscriber in self._readers.get(news.topic, ()):
            try:
                if subscriber.pending:  # came before
                    self._flush(subscriber)
                subscriber.news(news)
                subscriber.flush()
            except Exception as exc:  # noqa: BLE001  the connection's main loop: one reader, one piece of news
                self._failed(exc)

    def _flush(self, reader: Subscriber) -> None:
        """Let a reader work off a read; where it fails in the midst of it, tell it that the rest is lost."""
        try:
            reader.flush()
        except Exception as exc:  # noqa: BLE001  the connection's main loop: one reader, one read
            self._failed(exc)
            reader.pending.clear()
            for topic in [topic for topic, readers in self._readers.items() if reader in readers]:
                with suppress(Exception):  # told already
                    reader.news(Gap(topic, f"an error here: {type(exc).__name__}"))
