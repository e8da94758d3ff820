"""``batch``: what came in a period as one DataFrame or list; and from there streamz's own DataFrame."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import pandas as pd
from streamz import Stream, core

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.columns import has_columns
from kucoin_stream.frames.gathered import Gatherer, TimeIndex, blank
from kucoin_stream.protocol.events import News
from kucoin_stream.protocol.messages.spot import KlineUpdate
from kucoin_stream.streams.bars import to_klines
from kucoin_stream.streams.feed import Feed
from kucoin_stream.streams.moments import seconds, time_ns_of
from kucoin_stream.streams.nodes import Ohlc, conflate, resample, symbol, take
from kucoin_stream.streams.threaded import Threaded
from kucoin_stream.streams.timed import Timed

_SAME = (core.buffer, core.delay, core.filter, core.latest, core.rate_limit, core.slice, core.union, core.unique,
         conflate, symbol, take, Threaded)  # fmt: skip
"""Nodes that hand on messages as they are."""


class batch(Timed):  # noqa: N801  the name of the method on Stream
    """Hand on what came in ``every`` seconds (or ``"100ms"``) at once: a DataFrame, or a list with ``to="list"``.

    A period begins with its first message; one without any gives nothing, or with ``empty`` an empty frame or list.
    After ``limit`` messages a batch is handed on early. A frame has the columns and dtypes of ``.frame().df``, dicts
    and tuples those that pandas finds; with ``index="time"`` its index is the exchange's time of each message (of its
    arrival, where it says none), UTC, which never goes back. News of the feed is in lists, not in frames.
    ``example``, a message or a frame, says what frames look like where that cannot be known from the feed.
    """

    def __init__(
        self,
        upstream: Stream,
        every: float | str | timedelta = 0.1,
        to: Literal["frame", "list"] = "frame",
        *,
        empty: bool = False,
        limit: int = 10_000,
        index: Literal["time"] | None = None,
        example: Any = None,
        **kwargs: Any,
    ) -> None:
        if to not in ("frame", "list") or index not in (None, "time") or limit < 1:
            raise UsageError(f"to={to!r}, index={index!r}, limit={limit}: frame or list; 'time' or none; at least one")
        self.interval = seconds(every)
        self.limit = limit
        self._frames = to == "frame"
        self._empty = empty
        self._example = example
        self._messages: list[Any] = []
        self._times: list[int] | None = [] if index else None
        self._gatherer, self._index = Gatherer(), TimeIndex()
        super().__init__(upstream, **kwargs)
        if empty:
            self.loop.add_callback(self.wake, self.interval)

    @property
    def example(self) -> pd.DataFrame | None:
        """A frame with the columns and dtypes of those to come; ``None`` where they cannot be known."""
        if isinstance(self._example, pd.DataFrame):
            return self._example
        if self._example is not None:
            return self._indexed(Gatherer().frame([self._example] * 2), [time_ns_of(self._example)] * 2, TimeIndex())
        payload = payload_of(self)
        return None if payload is None else self._indexed(blank(payload), [0, 0], TimeIndex())

    def to_dataframe(self, example: Any = None) -> Any:
        """Return these frames as a :class:`streamz.dataframe.DataFrame`, with aggregations, groups and windows.

        Raises :class:`UsageError` where what they look like is neither known nor said by ``example``.
        """
        from streamz.dataframe import DataFrame

        if not self._frames:
            raise UsageError('batch(to="list") has no frames; write to="frame"')
        if example is not None:
            self._example = example
        if (known := self.example) is None:
            self.destroy()
            raise UsageError(
                "what these messages look like cannot be known before they come: "
                "pass example=, such a message or a DataFrame of such messages"
            )
        return DataFrame(stream=self, example=known)

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002  streamz's signature
        """Keep a message until its period is over."""
        if self._frames and isinstance(x, News):
            return []
        self._messages.append(x)
        if self._times is not None:
            self._times.append(time_ns_of(x))
        if len(self._messages) >= self.limit and not self.pending:
            self._give()
        else:
            self.wake(self.interval)
        return self.pending

    def due(self) -> None:
        """Hand on what is kept, unless the batch before is still being worked on."""
        if not self.pending and (self._messages or self._empty):
            self._give()
        if self._messages or self._empty:
            self.wake(self.interval)

    def _give(self) -> None:
        messages, self._messages = self._messages, []
        self.hand_on(messages)

    def _emit(self, x: Any, metadata: Any = None) -> Any:
        """Hand on a list of messages, as a frame where frames are wanted."""
        times, self._times = self._times, None if self._times is None else []
        if not self._frames:
            return super()._emit(x, metadata)
        if x:
            return super()._emit(self._indexed(self._gatherer.frame(x), times, self._index), metadata)
        known = self.example
        return super()._emit(pd.DataFrame() if known is None else known.iloc[:0], metadata)

    def _indexed(self, frame: pd.DataFrame, times: list[int] | None, index: TimeIndex) -> pd.DataFrame:
        if times is not None and self._times is not None and len(times) == len(frame):
            frame.index = index.of(times)
        return frame


def payload_of(node: Stream) -> type[Any] | None:
    """Return the one type of the messages that reach ``node``, where that can be known and they can be rows."""
    kinds = set(_payloads(node.upstreams))
    kind = kinds.pop() if len(kinds) == 1 else None
    return kind if kind is not None and has_columns(kind) else None


def _payloads(nodes: list[Stream]) -> Iterator[Any]:
    for node in nodes:
        if isinstance(node, Feed):
            yield node.row.payload
        elif isinstance(node, to_klines):
            yield KlineUpdate
        elif isinstance(node, resample) and node.how == "ohlc":
            yield Ohlc
        elif isinstance(node, (*_SAME, resample)):
            yield from _payloads(node.upstreams)
        else:
            yield None
