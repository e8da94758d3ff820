"""Nodes that streamz has not: ``take``, ``symbol``, ``conflate``, ``resample``. streamz finds them by entry point.

News of a feed (``news=True``) passes through all of them, in its place. Each has ``stream_name=`` like every node.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from numbers import Real
from typing import Any, Literal

from msgspec import Struct
from streamz import Stream

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.events import News
from kucoin_stream.streams.moments import reader, seconds, symbol_of, time_ns_of
from kucoin_stream.streams.periods import Period, Periods, lengths
from kucoin_stream.streams.timed import Timed


class take(Stream):  # type: ignore[misc]  # noqa: N801  the name of the method on Stream
    """Hand on the first ``n`` messages, then leave: the branch ends, the source goes on for its other readers.

    Raises :class:`UsageError` where ``n`` is no whole number from one on.
    """

    def __init__(self, upstream: Stream, n: int, **kwargs: Any) -> None:
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise UsageError(f"take({n!r}): a number of messages from 1 on")
        self.n = n
        self.taken = 0
        super().__init__(upstream, **kwargs)

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002  streamz's signature
        """Hand on one message."""
        if self.taken >= self.n:
            return []
        if isinstance(x, News):
            return self._emit(x, metadata=metadata)
        self.taken += 1
        if self.taken == self.n:
            self.destroy()
        return self._emit(x, metadata=metadata)


class symbol(Stream):  # type: ignore[misc]  # noqa: N801
    """Hand on the messages of these symbols only."""

    def __init__(self, upstream: Stream, *symbols: str, **kwargs: Any) -> None:
        if not symbols:
            raise UsageError("symbol(): name one symbol at least")
        self.symbols = frozenset(symbols)
        super().__init__(upstream, **kwargs)

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002
        """Hand on a message of one of them."""
        if isinstance(x, News) or symbol_of(x) in self.symbols:
            return self._emit(x, metadata=metadata)
        return []


class conflate(Timed):  # noqa: N801
    """Hand on the latest message of each symbol, at most ``per_second`` times a second; the last one always comes.

    ``key``: a field or a function in place of the symbol; messages without one count as one symbol. A slow node behind
    it gets fewer messages, never old ones.
    """

    def __init__(
        self,
        upstream: Stream,
        per_second: float = 10.0,
        key: str | Callable[[Any], Any] = symbol_of,
        **kwargs: Any,
    ) -> None:
        if not isinstance(per_second, (int, float)) or not 0 < per_second < float("inf"):
            raise UsageError(f"per_second={per_second!r}: a number above zero")
        self.interval = 1 / per_second  # seconds
        self._key = reader(key)
        self._latest: dict[Any, Any] = {}
        self._next = 0.0  # when it may hand on again, on the monotonic clock
        super().__init__(upstream, **kwargs)

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002
        """Keep a message, and hand it on at once if that is not too often."""
        if isinstance(x, News):
            self._hand_on_latest()
            self.hand_on(x)
            return []
        self._latest[self._key(x)] = x
        if self._timer is None:
            wait = self._next - time.monotonic()
            if wait > 0:
                self.wake(wait)
            else:
                self.due()
        return []

    def due(self) -> None:
        """Hand on what is kept, unless that from before is still being worked on."""
        if self.pending:
            self.wake(self.interval)
        else:
            self._hand_on_latest()

    def _hand_on_latest(self) -> None:
        latest, self._latest = self._latest, {}
        self._next = time.monotonic() + self.interval
        for message in latest.values():
            self.hand_on(message)


class Ohlc(Struct, frozen=True):
    """First, highest, lowest and last value of a period that begins at ``time_ns``, and of how many."""

    symbol: str  # empty where the messages have none
    time_ns: int
    open: float
    high: float
    low: float
    close: float
    count: int


def _last(_: Any, message: Any, __: Any) -> Any:
    return message


def _first(kept: Any, message: Any, _: Any) -> Any:
    return message if kept is None else kept


def _ohlc(kept: Any, _: Any, value: Any) -> Any:
    if kept is None:
        return [value, value, value, value, 1]
    kept[1] = max(kept[1], value)
    kept[2] = min(kept[2], value)
    kept[3] = value
    kept[4] += 1
    return kept


def _number(value: str | Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what reads the value of a message; a number is its own."""
    read = reader(value)

    def number(message: Any) -> Any:
        if isinstance(message, Real):
            return message
        try:
            return read(message)
        except (AttributeError, KeyError):
            kind = type(message).__name__
            raise UsageError(f"resample(): {kind} has no {value!r}: pass value=, a field or a function") from None

    return read if callable(value) else number


_HOW: dict[str, Callable[[Any, Any, Any], Any]] = {"last": _last, "first": _first, "ohlc": _ohlc}


class resample(Timed):  # noqa: N801
    """Hand on one message for each symbol and period of ``every`` seconds (or ``"100ms"``) in which any came.

    ``how``: ``"last"`` or ``"first"`` hands on that message as it is, ``"ohlc"`` an :class:`Ohlc` of ``value``, a field
    or a function; a number is its own value. Periods are counted from the Unix epoch. By ``"message"`` time, the
    exchange's, a period ends with the next message of its symbol, or with one of another symbol a second after its
    end: a tape gives the same at any speed. By ``"clock"`` it ends when it is over, and the trailing one is never kept
    waiting. A message that comes for a period that has ended is left out and counted in ``late``.
    """

    def __init__(
        self,
        upstream: Stream,
        every: float | str | timedelta,
        how: Literal["last", "first", "ohlc"] = "last",
        *,
        by: Literal["message", "clock"] = "message",
        value: str | Callable[[Any], Any] = "price",
        **kwargs: Any,
    ) -> None:
        if how not in _HOW or by not in ("message", "clock"):
            raise UsageError(f"how={how!r}, by={by!r}: how is one of {', '.join(_HOW)}; by is message or clock")
        self.interval = seconds(every)
        self.how = how
        self._add = _HOW[how]
        self._value = _number(value) if how == "ohlc" else None
        self._clock = by == "clock"
        self._periods: Periods[Any] = Periods(lengths(max(1, round(self.interval * 1e9))))
        super().__init__(upstream, **kwargs)

    @property
    def late(self) -> int:
        """Messages that came too late for their period."""
        return self._periods.late

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002
        """Count a message into its period; hand on what that ends."""
        if isinstance(x, News):
            self.hand_on(x)
            return self.pending
        value = None if self._value is None else self._value(x)
        now = time.time_ns() if self._clock else time_ns_of(x)
        for over in self._periods.ends(now):
            self._give(over)
        period, ended = self._periods.of(symbol_of(x), now)
        if ended is not None:
            self._give(ended)
        if period is not None:
            period.content = self._add(period.content, x, value)
            if self._clock:
                self.wake((period.end_ns - now) / 1e9)
        return self.pending

    def due(self) -> None:
        """Hand on what is over."""
        now = time.time_ns()
        if self.pending:
            self.wake(self.interval)
            return
        for period in self._periods.over(now):
            self._give(period)
        if (left := self._periods.next_end) is not None:
            self.wake(max(0.001, (left - now) / 1e9))

    def _give(self, period: Period[Any]) -> None:
        content: Any = period.content
        if self._value is not None:
            content = Ohlc("" if period.symbol is None else period.symbol, period.start_ns, *content)
        self.hand_on(content)
