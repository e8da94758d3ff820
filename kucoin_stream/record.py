"""Recordings: what a client receives, written to a tape until told to stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.book import BookKeeper
from kucoin_stream.frames.kept import KeptFrame
from kucoin_stream.frames.table import FeedFrame
from kucoin_stream.market.book import levels
from kucoin_stream.protocol import topics
from kucoin_stream.recording.lines import Book
from kucoin_stream.recording.scrub import Scrubber
from kucoin_stream.recording.writer import Later, Writer
from kucoin_stream.streams.feed import Feed
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.recorder import Chooser, Recorder, Wanted

Source = Feed[Any] | KeptFrame[Any, Any] | FeedFrame | str
"""Something whose topics can be recorded; as text, a topic on the wire."""


class Recording:
    """A tape that is being written. Made by :meth:`Client.record`; ends with ``stop()``, ``with`` or its client.

    It goes on while nobody holds it. Safe from any thread.
    """

    def __init__(self, engine: Engine, path: Path, sources: tuple[Source, ...], *, private: bool) -> None:
        self.path = path
        self._engine = engine
        wanted = _wanted(sources) if sources else None
        signer = engine.rest.signer
        known = signer._credentials if signer else None
        scrubber = Scrubber((known.key, known.secret, known.passphrase) if known else ())
        self._writer = Writer(path, scrubber, keep=None if wanted is None else Chooser(wanted))
        self._recorder = Recorder(
            engine, self._writer, wanted=wanted, private=private, books=partial(_books, engine, wanted)
        )
        self._stopped = False
        engine.on_end(self._end)

    def __repr__(self) -> str:
        state = "stopped" if self._stopped else "recording"
        missed = f", {self.missed} missed" if self.missed else ""
        return f"<Recording {self.path.name} | {state} | {self.messages} messages, {self.size} bytes{missed}>"

    @property
    def messages(self) -> int:
        """How many messages are on the disk."""
        return self._writer.messages

    @property
    def size(self) -> int:
        """How many bytes this recording has on the disk."""
        return self._writer.size

    @property
    def missed(self) -> int:
        """How many messages the writer could not keep up with, or could not write."""
        return self._writer.missed

    def start(self) -> Self:
        """Begin, behind what is on the tape already. Raises :class:`OSError`, :class:`UsageError`."""
        self._writer.start()
        try:
            self._engine.call(self._recorder.join)
        except BaseException:
            self._writer.close()
            raise
        self._recorder.owner = self
        return self

    def stop(self) -> None:
        """End the tape in order. Raises the :class:`OSError` that kept something from being written."""
        if self._stopped:
            return
        self._stopped = True
        if self._engine.running:
            self._engine.call(self._recorder.leave)
        self._writer.close()

    def _end(self, _: str) -> None:
        self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _wanted(sources: tuple[Source, ...]) -> Wanted:
    """Return what tells the topics of ``sources``, which may change: a book may go over to another topic."""
    for source in sources:
        if not isinstance(source, Feed | KeptFrame | FeedFrame | str):
            raise UsageError(f"feeds, live frames and topics can be recorded, not {type(source).__name__}")
        if isinstance(source, str):
            _check(source)
    return lambda: frozenset(topic for source in sources for topic in _topics(source))


def _check(topic: str) -> None:
    try:
        topics.parse(topic)
    except KeyError:
        raise UsageError(f"no such topic {topic!r}; write it as on the wire: '/market/match:BTC-USDT'") from None


def _topics(source: Source) -> tuple[str, ...]:
    match source:
        case Feed():
            return source.topics
        case FeedFrame():
            return source.feed.topics
        case KeptFrame():
            kept: tuple[str, ...] = source._keeper.topics
            return kept
    return (source,)


def _books(engine: Engine, wanted: Wanted | None) -> Iterator[Later]:
    """Yield the books that a replay can begin from: those kept whole, and right."""
    for keeper in engine.shared.values():
        if not isinstance(keeper, BookKeeper) or keeper.state.status != "live":
            continue
        if wanted is None or keeper.topic in wanted():
            yield partial(_book, time.time_ns(), keeper.topic, keeper.symbol, keeper.copy())


def _book(t: int, topic: str, symbol: str, copied: Any) -> Book:
    known = levels(copied)
    bids = list(zip(known.bid_prices.tolist(), known.bid_sizes.tolist(), strict=True))
    asks = list(zip(known.ask_prices.tolist(), known.ask_sizes.tolist(), strict=True))
    return Book(t, topic, symbol, known.sequence or 0, bids, asks)
