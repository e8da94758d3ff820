"""Collecting for a time: what is opened in a session is kept as frames, and stopped at its end."""

from __future__ import annotations

import time
from typing import Any, Self, TypeVar

import pandas as pd

from kucoin_stream.client import Client
from kucoin_stream.errors import RefusedError, UsageError
from kucoin_stream.frames.aligned import kind, unused
from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.klines import LiveKlines
from kucoin_stream.given import above, number, shown, whole
from kucoin_stream.rest.progress import Progress
from kucoin_stream.streams.feed import Feed

S = TypeVar("S", Feed[Any], LiveBook, LiveKlines)

MAXLEN = 1_000_000  # rows kept of each frame
_POLL = 0.1  # seconds between two looks at the clock and at the frames
_LENGTH = "write seconds= or minutes=, numbers above 0"


def length(minutes: float, seconds: float) -> float:
    """Return in seconds how long a session is. Raises :class:`UsageError` for what is no length of time."""
    return above("seconds", 60 * number("minutes", minutes, _LENGTH) + number("seconds", seconds, _LENGTH), _LENGTH)


class Session:
    """Collects for ``seconds`` from the begin of its ``with`` block. Made by :func:`kucoin_stream.session`.

    Leaving the block waits for what is left of the time, with a bar in a notebook or terminal, and stops everything
    that the session opened; so does Ctrl-C while it waits, and an exception in the block, at once. What was collected
    until then stays in :attr:`frames`. It ends early where nothing of it can receive any more.
    """

    def __init__(self, client: Client, seconds: float, maxlen: int = MAXLEN) -> None:
        if not isinstance(client, Client):
            raise UsageError(f"client={shown(client)}: write client=ks.connect(...), or leave it out")
        self.client = client
        self.seconds = above("seconds", seconds, _LENGTH)
        self.maxlen = whole("maxlen", maxlen)
        self.ended = False
        self._deadline: float | None = None
        self._kept: dict[str, LiveFrame] = {}
        self._opened: list[Any] = []
        self._collected: dict[str, pd.DataFrame] = {}

    def __repr__(self) -> str:
        state = "ended" if self.ended else f"{self.left:.0f} s left of {self.seconds:g}"
        rows = ", ".join(f"{name} {len(frame)}" for name, frame in self.frames.items())
        return f"<Session {state} | {rows or 'nothing collected'}>"

    def __enter__(self) -> Self:
        self._deadline = time.monotonic() + self.seconds
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        if kind is None:
            self.wait()
        self.stop()

    @property
    def left(self) -> float:
        """Seconds until it ends."""
        if self._deadline is None:
            return self.seconds
        return 0.0 if self.ended else max(0.0, self._deadline - time.monotonic())

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """What was collected, by name: fresh DataFrames, the last ones once it has ended."""
        return dict(self._collected) if self.ended else {name: frame.df for name, frame in self._kept.items()}

    # -- what is collected ---------------------------------------------------------------------------------------

    def trades(self, *symbols: str, **options: Any) -> Feed[Any]:
        """Collect trades, as :meth:`Client.trades`; ``frames["trades"]``."""
        return self._open(self.client.trades(*symbols, **options))

    def ticker(self, *symbols: str, **options: Any) -> Feed[Any]:
        """Collect best bids and asks, as :meth:`Client.ticker`; ``frames["ticker"]``."""
        return self._open(self.client.ticker(*symbols, **options))

    def feed(self, topic: str, *arguments: str, **options: Any) -> Feed[Any]:
        """Collect any feed, as :meth:`Client.feed`; its frame is called as the feed without its market."""
        return self._open(self.client.feed(topic, *arguments, **options))

    def book(self, symbol: str, **options: Any) -> LiveBook:
        """Collect the best bid and ask of a book after each change, as :meth:`Client.book`; ``frames["book"]``."""
        return self._open(self.client.book(symbol, **options))

    def klines(self, symbol: str, interval: str, **options: Any) -> LiveKlines:
        """Collect bars, as :meth:`Client.klines`; ``frames["klines"]``."""
        return self._open(self.client.klines(symbol, interval, **options))

    def collect(self, source: Feed[Any] | LiveFrame, name: str | None = None) -> LiveFrame:
        """Collect what somebody else opened, who also stops it: a feed, a book (its best prices), any live frame.

        Returns the live frame whose rows are kept, called ``name``. Raises :class:`UsageError` for something else, for
        a name that is taken, and after the end.
        """
        if self.ended:
            raise UsageError("this session has ended; begin a new one")
        if name is not None and (not isinstance(name, str) or not name):
            raise UsageError(f"name={shown(name)}: a text, or leave it out")
        if name in self._kept:
            raise UsageError(f"this session has {name!r} already")
        match source:
            case Feed():
                frame: LiveFrame = source.frame(self.maxlen)
                self._opened.append(frame)
            case LiveBook():
                frame = source.tops(self.maxlen)
                self._opened.append(frame)
            case LiveFrame():
                frame = source
            case _:
                raise UsageError(f"a session collects feeds and live frames, not {type(source).__name__}")
        self._kept[name or unused(kind(frame), self._kept)] = frame
        return frame

    def _open(self, source: S) -> S:
        self._opened.append(source)
        try:
            self.collect(source)
        except UsageError:
            source.stop()
            raise
        return source

    # -- its end -------------------------------------------------------------------------------------------------

    def wait(self) -> Self:
        """Wait until the time is over, or nothing can be received any more; Ctrl-C ends it, and raises nothing."""
        try:
            with Progress(f"session of {self.seconds:g} s") as bar:
                while (left := self.left) > 0 and not (self._kept and all(each._over for each in self._kept.values())):
                    bar.show(self.seconds - left, self.seconds, sum(len(each) for each in self._sized()))
                    time.sleep(min(_POLL, left))
        except KeyboardInterrupt:
            self.stop()
        return self

    def _sized(self) -> list[Any]:
        return [each for each in self._kept.values() if hasattr(each, "__len__")]

    def stop(self) -> None:
        """End it now: take the last DataFrames, and stop what it opened. Does nothing the second time.

        Raises :class:`RefusedError`, after all that, where the exchange refused one of them; the others are kept.
        """
        if self.ended:
            return
        refused: RefusedError | None = None
        for name, frame in self._kept.items():
            try:
                self._collected[name] = frame.df
            except RefusedError as exc:
                refused = exc
        self.ended = True
        for each in reversed(self._opened):
            each.stop()
        if refused is not None:
            raise refused
