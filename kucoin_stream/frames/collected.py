"""``sink_to_frame``: what any node behind a feed hands on, as a live frame."""

from __future__ import annotations

from collections import deque
from typing import Any

import pandas as pd
from msgspec import Struct
from streamz import Stream

from kucoin_stream import given
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.frames.batches import payload_of
from kucoin_stream.frames.gathered import Gatherer, blank
from kucoin_stream.frames.newest import Values, of_frame, of_messages
from kucoin_stream.protocol.events import News
from kucoin_stream.streams.feed import Feed
from kucoin_stream.streams.mended import branch_of
from kucoin_stream.streams.moments import reader
from kucoin_stream.streams.source import LiveSource


class _Keep(Stream):  # type: ignore[misc]  # streamz is not typed
    """Keeps the last ``maxlen`` rows, or the latest of each ``key``. Written on streamz's loop."""

    def __init__(self, upstream: Stream, maxlen: int, key: str | None, **kwargs: Any) -> None:
        self.written = 0
        self.count = 0  # rows kept
        self._maxlen = maxlen
        self._key = None if key is None else reader(key)
        self._kept: deque[Any] = deque()
        self._latest: dict[Any, Any] = {}
        super().__init__(upstream, **kwargs)

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002  streamz's signature
        """Keep a message; news of the feed has no row."""
        if isinstance(x, News):
            return []
        if self._key is not None:
            self._latest[self._key(x)] = x
            self.count = len(self._latest)
        else:
            self._kept.append(x)
            self.count += _rows(x)
            while self.count - _rows(self._kept[0]) >= self._maxlen:
                self.count -= _rows(self._kept.popleft())
        self.written += 1
        return []

    def messages(self) -> list[Any]:
        """Return what is kept, oldest first. Safe from any thread."""
        return list(self._kept.copy()) if self._key is None else list(self._latest.copy().values())

    def keys(self) -> list[Any]:
        """Return the key of each message. Safe from any thread."""
        return [] if self._key is None else list(map(self._key, self.messages()))


_Keep.__name__ = "sink_to_frame"  # what the user wrote, for reprs and messages


def _rows(message: Any) -> int:
    return len(message) if isinstance(message, pd.DataFrame) else 1


class NodeFrame(LiveFrame):
    """What a node hands on as a DataFrame. Made by ``node.sink_to_frame()``. Safe from any thread.

    A row for each message: struct, dict, tuple or number; DataFrames one after the other. Structs have the dtypes of
    ``feed.frame().df``. The DataFrame is made when asked for, which takes about 2 us a row.
    """

    def __init__(self, node: Stream, maxlen: int, latest: str | None, **kwargs: Any) -> None:
        branch = branch_of(node)
        source = node if isinstance(node, LiveSource) else branch and branch.source
        if not isinstance(source, LiveSource):
            raise UsageError(f"{node} is not behind a feed: there is nothing that a live frame could follow")
        maxlen = given.whole("maxlen", maxlen)
        if latest is not None and not isinstance(latest, str):
            raise UsageError(f"latest={given.shown(latest)}: the name of a field, such as 'symbol'")
        self.title = source.title if node is source else f"{source.title} {node}"
        self.maxlen = maxlen
        self.latest = latest
        self._source = source
        self._keep = _Keep(node, maxlen, latest, **kwargs)
        super().__init__(source._engine)

    @property
    def version(self) -> object:
        """Something that changes with every message."""
        return self._keep.written, self.status

    def __len__(self) -> int:
        return min(self._keep.count, self.maxlen)

    @property
    def received(self) -> int:
        """Messages that it was given."""
        return self._keep.written

    @property
    def stream(self) -> Stream:
        """The node whose messages it has; once stopped, the feed that this is behind."""
        return self._keep.upstream or self._source

    def rows(self, count: int | None = None) -> pd.DataFrame:
        """Return the newest ``count`` rows of now, without waiting."""
        messages, keys = self._keep.messages(), self._keep.keys()
        count = self.maxlen if count is None else min(count, self.maxlen)
        if self.latest is not None:
            count = len(messages) if count == self.maxlen else count
        frame = Gatherer().frame(messages[-count:]) if count and messages else self._empty()
        frame = frame.tail(count)
        if self.latest is not None:
            frame = frame.drop(columns=self.latest, errors="ignore")  # before the first message there are none
            frame.index = pd.Index(keys[-len(frame) :] if len(frame) else [], dtype=object, name=self.latest)
        return frame

    def newest(self, count: int) -> list[Values]:
        """Return the columns of the newest ``count`` rows of now as plain values: for pictures."""
        messages = self._keep.messages()[-min(count, self.maxlen) :]
        kinds = {type(message) for message in messages}
        kind = kinds.pop() if len(kinds) == 1 else None
        if kind is None or not issubclass(kind, Struct):
            return of_frame(self.rows(count))
        columns = of_messages(kind, messages)
        if self.latest is None:
            return columns
        keys = Values(self.latest, "text", list(map(reader(self.latest), messages)))
        return [keys, *(each for each in columns if each.name != self.latest)]

    def _empty(self) -> pd.DataFrame:
        """Return a frame without rows: with columns where it can be known which there will be."""
        payload = payload_of(self._keep) if self._keep.upstream else None
        return pd.DataFrame() if payload is None else blank(payload).iloc[:0]

    def _status(self) -> str:
        return str(getattr(self._source, "status", "live"))

    @property
    def _over(self) -> bool:
        return super()._over or (isinstance(self._source, Feed) and self._source.stopped)

    def _ready(self) -> bool:
        return self._keep.count > 0

    def _build(self) -> pd.DataFrame:
        return self.rows()

    def _release(self) -> None:
        self._keep.destroy()


class sink_to_frame(Stream):  # type: ignore[misc]  # noqa: N801  the name of the method on Stream
    """Make a live frame of a node's last ``maxlen`` rows, or with ``latest="symbol"`` of the latest by symbol.

    It lives as long as a variable holds it. Raises :class:`UsageError` where the node is not behind a feed.
    """

    def __new__(  # type: ignore[misc]  # streamz calls the class
        cls, upstream: Stream, maxlen: int = 10_000, latest: str | None = None, **kwargs: Any
    ) -> NodeFrame:
        """Return the frame itself."""
        return NodeFrame(upstream, maxlen, latest, **kwargs)
